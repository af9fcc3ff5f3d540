/** @file The optimizers by name. */
import { type AdamSpec, adam } from "./adam.ts";
import type { Optimizer } from "./optimizer.ts";
import { type SgdSpec, sgd } from "./sgd.ts";

export type { AdamSpec } from "./adam.ts";
export type { Optimizer, OptimizerState, StepOptions } from "./optimizer.ts";
export type { SgdSpec } from "./sgd.ts";

export type OptimizerSpec = SgdSpec | AdamSpec;

export const optimizerKinds = ["sgd", "adam", "adamw"] as const satisfies readonly OptimizerSpec["kind"][];

/**
 * The optimizer that a specification describes.
 * @throws {PrunerError} `invalid-option` for settings out of range.
 * @example defineOptimizer({ kind: "sgd", momentum: 0.9, nesterov: true });
 */
export function defineOptimizer(spec: OptimizerSpec): Optimizer {
  switch (spec.kind) {
    case "sgd":
      return sgd(spec);
    case "adam":
    case "adamw":
      return adam(spec);
    default:
      return spec satisfies never;
  }
}
