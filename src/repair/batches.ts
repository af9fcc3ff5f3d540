/** @file Calibration examples in batches, some to fit on and some to judge by. */
import { PrunerError } from "../base/problem.ts";
import { batches as batchesOf, type Dataset, split } from "../datasets/index.ts";

/** Examples that are run together. */
export interface Batch {
  /** Example indices. */
  readonly examples: Uint32Array;
  /** Whether what is fitted is judged on these examples rather than fitted to them. */
  readonly heldOut: boolean;
}

/** Share of the calibration examples that ridge strengths are chosen on and refits are judged by. */
export const heldOutShare = 0.25;

/** Fewest examples of which some can be held out. */
const fewest = 4;

/**
 * All examples of a data set: first those to fit on, then those held out.
 * @throws {PrunerError} `calibration-too-small`.
 */
export function calibrationBatches(dataset: Dataset, seed: number, size: number): Batch[] {
  if (dataset.size < fewest) {
    throw new PrunerError("calibration-too-small", { path: dataset.name, got: dataset.size, needed: fewest });
  }
  const held = Math.round(dataset.size * heldOutShare);
  const parts = split(dataset, { seed, parts: { fit: dataset.size - held, check: held } });
  const batched = (examples: Uint32Array, heldOut: boolean): Batch[] =>
    Array.from(batchesOf(examples.length, { size }), (places) => ({
      examples: Uint32Array.from(places, (place) => examples[place]!),
      heldOut,
    }));
  return [...batched(parts.fit, false), ...batched(parts.check, true)];
}
