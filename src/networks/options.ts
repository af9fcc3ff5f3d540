/** @file Checks the sizes a network is asked for before anything is built. */
import { PrunerError } from "../base/problem.ts";
import type { NetworkOptions } from "./network.ts";

/** Options with every default filled in. */
export interface Resolved {
  readonly seed: number;
  readonly classes: number;
  /** [channels, height, width]. */
  readonly shape: readonly [number, number, number];
}

/**
 * @param shape Sizes of one example unless chosen otherwise.
 * @throws {PrunerError} `invalid-option` for anything but whole numbers in range.
 */
export function resolved(
  { seed = 0, classes, inputChannels, inputSize }: NetworkOptions,
  defaults: { readonly classes: number; readonly shape: readonly [number, number, number] },
): Resolved {
  const [channels, height, width] = defaults.shape;
  return {
    seed: wholeFrom(0, "seed", seed),
    classes: wholeFrom(1, "classes", classes ?? defaults.classes),
    shape: [
      wholeFrom(1, "input-channels", inputChannels ?? channels),
      wholeFrom(1, "input-size", inputSize ?? height),
      wholeFrom(1, "input-size", inputSize ?? width),
    ],
  };
}

/** @throws {PrunerError} `invalid-option` unless the number is whole and at least `least`. */
export function wholeFrom(least: number, option: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new PrunerError("invalid-option", {
    option,
    got: String(value),
    expected: `a whole number of at least ${least}`,
  });
}
