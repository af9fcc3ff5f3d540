/** @file Errors cross thread borders without losing their code. */
import { type ProblemData, PrunerError } from "../base/problem.ts";
import type { Failure } from "./protocol.ts";

/** Packs an error into plain data that survives structured cloning. */
export function packFailure(error: unknown): Failure {
  if (error instanceof PrunerError) return { kind: "problem", code: error.code, data: error.data };
  if (error instanceof Error) return { kind: "defect", error };
  return { kind: "defect", error: new Error(String(error)) };
}

/** The error a failure stands for: a `PrunerError` with the same code and data, or the error as it was cloned. */
export function unpackFailure(failure: Failure): unknown {
  if (failure.kind === "defect") return failure.error;
  return new PrunerError(failure.code, failure.data as ProblemData<typeof failure.code>);
}
