/** @file Channels from least to most useful, with those side by side that cannot be told apart. */
import { normalQuantile } from "../math/quantiles.ts";
import { ascending } from "../math/ranks.ts";

export interface RankedOrder {
  /** Shape [channels]; channel numbers, lowest value first, equal values by number. */
  readonly order: Uint32Array;
  /** Runs of `order` with more than one channel, whose values do not differ from the lowest of the run. */
  readonly ties: readonly Tie[];
}

export interface Tie {
  /** Places in `order`: the first, and one past the last. */
  readonly start: number;
  readonly end: number;
}

export interface OrderOptions {
  /** Two-sided confidence from which two values count as different. Default 0.95. */
  readonly level?: number | undefined;
}

/**
 * Ranks values with their errors. A run of ties starts at the lowest channel and takes in what follows as long as
 * the difference to that channel is within z · √(se² + se²); the next run starts where it ends. Being tied is not
 * transitive, so other cuts into runs would do as well; this one never joins channels that differ from the run's lowest.
 * @param values Shape [channels]; @param standardErrors Likewise; left out when the values are exact, NaN or infinite
 *   where an error is not known, which ties a channel with everything.
 * @throws {RangeError} when lengths differ.
 * @example rankedOrder([3, 1, 1]).order; // [1, 2, 0], with a tie of the first two
 */
export function rankedOrder(
  values: ArrayLike<number>,
  standardErrors?: ArrayLike<number>,
  { level = 0.95 }: OrderOptions = {},
): RankedOrder {
  if (standardErrors !== undefined && standardErrors.length !== values.length)
    throw new RangeError(`${values.length} values with ${standardErrors.length} standard errors`);
  const order = ascending(values);
  const z = normalQuantile((1 + level) / 2);
  const ties: Tie[] = [];
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && !differ(values, standardErrors, order[start]!, order[end]!, z)) end++;
    if (end - start > 1) ties.push({ start, end });
    start = end;
  }
  return { order, ties };
}

function differ(
  values: ArrayLike<number>,
  errors: ArrayLike<number> | undefined,
  low: number,
  high: number,
  z: number,
): boolean {
  return values[high]! - values[low]! > z * errorOfDifference(errors, low, high);
}

/** Standard error of a difference of two values whose errors are independent; infinite when one is not known. */
export function errorOfDifference(errors: ArrayLike<number> | undefined, a: number, b: number): number {
  if (errors === undefined) return 0;
  const error = Math.hypot(errors[a]!, errors[b]!);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
