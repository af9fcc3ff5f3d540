/** @file Which parameters weight decay pulls towards zero. */
import { PrunerError } from "../base/problem.ts";
import type { NamedShapes } from "./named-arrays.ts";

export interface WeightDecay {
  /** Strength λ, the factor of the parameter in the gradient. */
  readonly strength: number;
  /**
   * "weights" leaves out parameters of rank 0 and 1, which are biases and the scales and shifts of norms: they are few,
   * do not overfit, and a batch norm takes back what decay does to its neighbours. "all" leaves out none. Default "weights".
   */
  readonly on?: "weights" | "all" | undefined;
}

/**
 * Weight decay of every parameter by name; 0 for those left out and for unknown names.
 * @throws {PrunerError} `invalid-option` for a strength below 0 or not finite.
 * @see He et al., "Bag of Tricks for Image Classification with Convolutional Neural Networks", CVPR 2019, section 3.1.
 */
export function weightDecayBy(shapes: NamedShapes, decay: WeightDecay): (name: string) => number {
  const { strength, on = "weights" } = decay;
  if (!(strength >= 0 && Number.isFinite(strength)))
    throw new PrunerError("invalid-option", {
      option: "weight-decay",
      got: String(strength),
      expected: "a number from 0",
    });
  const decayed = new Set<string>();
  for (const [name, shape] of shapes) if (on === "all" || shape.length > 1) decayed.add(name);
  return (name) => (decayed.has(name) ? strength : 0);
}
