/** @file An exponential moving average of the parameters, often a better network than the last step's. */
import { PrunerError } from "../base/problem.ts";
import { arrayOf, copyOf, type NamedArrays, type ReadonlyNamedArrays } from "./named-arrays.ts";

/** Plain data that a checkpoint can hold. */
export interface MovingAverage {
  /** Updates so far. */
  updates: number;
  readonly arrays: NamedArrays;
}

/** Begins the average at the given arrays (parameters, and running statistics if they are to be averaged too). */
export function averageFrom(arrays: ReadonlyNamedArrays): MovingAverage {
  return { updates: 0, arrays: copyOf(arrays) };
}

/**
 * Share of the average that update t (from 0) keeps: min(decay, (1 + t) / (10 + t)). The second term lets the average
 * forget the random start quickly; without it the first 1 / (1 − decay) updates would be mostly that start.
 * @see TensorFlow's ExponentialMovingAverage (`num_updates`); Polyak & Juditsky, "Acceleration of Stochastic
 *   Approximation by Averaging", SIAM J. Control Optim. 30 (1992).
 */
export function decayAt(update: number, decay: number): number {
  return Math.min(decay, (1 + update) / (10 + update));
}

/** Moves the average towards the latest arrays, in place. */
export function updateAverage(average: MovingAverage, latest: ReadonlyNamedArrays, decay: number): void {
  const share = 1 - decayAt(average.updates, decay);
  for (const [name, mean] of average.arrays) approach(mean, arrayOf(latest, name, mean.length), share);
  average.updates++;
}

function approach(mean: Float32Array, latest: Float32Array, share: number): void {
  for (let k = 0; k < mean.length; k++) mean[k] = mean[k]! + share * (latest[k]! - mean[k]!);
}

/** @throws {PrunerError} `invalid-option` for a decay outside 0…1. */
export function checkAverageDecay(decay: number): void {
  if (!(decay >= 0 && decay < 1))
    throw new PrunerError("invalid-option", {
      option: "ema",
      got: String(decay),
      expected: "a share from 0 to below 1, for example 0.999",
    });
}
