/** @file A random order of some of the players and its reverse, played on the sizes that count. */
import { shuffle, stream } from "../math/random.ts";
import type { Weighting } from "./estimator.ts";
import { purposes } from "./visits.ts";
import { sizeShares } from "./weighting.ts";

/** What counts in a game of `shares.length` players. */
export interface Course {
  /** Weight of joining a coalition of each size, [players]; sums to 1. */
  readonly shares: Float64Array;
  /** Smallest and largest size evaluated. */
  readonly from: number;
  readonly to: number;
}

/** @throws {PrunerError} `weighting-empty`. */
export function courseOf(weighting: Weighting, players: number): Course {
  const shares = sizeShares(weighting, players);
  const from = shares.findIndex((share) => share > 0);
  return { shares, from, to: shares.findLastIndex((share) => share > 0) + 1 };
}

/** An order and its reverse, as far as they were played. */
export interface OrderPair {
  /** The players of its game, in order. */
  readonly order: Uint32Array;
  /** Size of the first coalition joined. */
  readonly from: number;
  /** Mean over examples of what joining at sizes from, from + 1, … added: first along the order, then along the reverse. */
  readonly marginals: Float64Array;
}

/** The order that an item draws among some players. */
export function orderOf(item: number, left: readonly number[], seed: number): Uint32Array {
  return shuffle(Uint32Array.from(left), stream(seed, item, purposes.items));
}

/** Adds the marginals along both walks on one example; `into` has shape [2, to - from]. */
export function addMarginals(
  { shares, from, to }: Course,
  payoffs: Float64Array,
  row: number,
  into: Float64Array,
): void {
  const steps = to - from;
  const reverse = row + steps + 1 - Math.max(from, 1); // plus a size: the reverse's row of that size
  const isShared = (size: number): boolean => size === 0 || size === shares.length;
  for (let k = 0; k < steps; k++) {
    const along = (size: number): number => payoffs[row + size - from]!;
    const back = (size: number): number => (isShared(size) ? along(size) : payoffs[reverse + size]!);
    into[k] = into[k]! + along(from + k + 1) - along(from + k);
    into[steps + k] = into[steps + k]! + back(from + k + 1) - back(from + k);
  }
}

/** Told of a marginal: who joined, by place among those left; how many of those left were there, and how many others. */
export type Visit = (place: number, size: number, strangers: number, marginal: number) => void;

/**
 * Goes through what a pair says of the players that are left.
 * @param places Place among those left of every player, -1 for those gone.
 */
export function visitMarginals(
  { order, from, marginals }: OrderPair,
  places: Int32Array,
  visit: Visit,
): void {
  const steps = marginals.length / 2;
  for (let walk = 0; walk < 2; walk++) {
    let strangers = 0;
    for (let at = 0; at < from + steps; at++) {
      const place = places[order[walk === 0 ? at : order.length - 1 - at]!]!;
      if (place < 0) strangers++;
      else if (at >= from) visit(place, at - strangers, strangers, marginals[walk * steps + at - from]!);
    }
  }
}
