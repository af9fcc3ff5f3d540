/** @file Properties are tried on the same draws every time; FC_SEED=N tries others. */
import fc from "fast-check";

fc.configureGlobal({ seed: Number(process.env["FC_SEED"] ?? 20240715) });
