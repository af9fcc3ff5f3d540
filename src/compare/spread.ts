/** @file Repeated measurements in short. */
import { mean, sum } from "../math/sums.ts";

/**
 * Mean and standard deviation (with n - 1; 0 for a single value).
 * @throws {RangeError} without values.
 */
export function spreadOf(values: readonly number[]): { mean: number; deviation: number; count: number } {
  if (values.length === 0) throw new RangeError("the spread of no values");
  const centre = mean(values);
  return { mean: centre, deviation: Math.sqrt(varianceOf(values, centre)), count: values.length };
}

/** Unbiased variance around a mean; 0 for a single value. */
export function varianceOf(values: ArrayLike<number>, centre: number): number {
  if (values.length < 2) return 0;
  return sum(Array.from(values, (value) => (value - centre) ** 2)) / (values.length - 1);
}
