/** @file An order of all players and its reverse, played on the sizes that count. */
import { shapley } from "./define.ts";
import type { EstimatorOptions } from "./estimator.ts";
import type { WalkRows } from "./scheme.ts";
import { writeWalk } from "./walk-rows.ts";
import { sizeShares } from "./weighting.ts";

/** Coalition sizes an order is evaluated at, and what joining at each place counts. */
export interface Walk {
  /** Smallest and largest size evaluated. */
  readonly from: number;
  readonly to: number;
  /** n times the share of each size, [players]: the marginal at place s is an estimate of the value times this. */
  readonly weights: Float64Array;
}

/** @throws {PrunerError} `weighting-empty`. */
export function walkOf(players: number, options: Pick<EstimatorOptions, "weighting">): Walk {
  const shares = sizeShares(options.weighting ?? shapley, players);
  const from = shares.findIndex((share) => share > 0);
  const to = shares.findLastIndex((share) => share > 0) + 1;
  return { from, to, weights: shares.map((share) => share * players) };
}

/** Sizes that a walk passes through. */
type Sizes = Pick<Walk, "from" | "to">;

/** Rows of both walks on one example: they share the empty and the grand coalition. */
export function rowsOfPair({ from, to }: Sizes, players: number): number {
  return 2 * (to - from + 1) - (from === 0 ? 1 : 0) - (to === players ? 1 : 0);
}

/** Walks of both ways on one example; one where nothing lies between the ends. */
export function walksOfPair({ from, to }: Sizes, players: number): number {
  return Math.max(from, 1) <= Math.min(to, players - 1) ? 2 : 1;
}

/**
 * An order by size on one example, then its reverse by size without the empty and the grand coalition.
 * @param order All players, or some; others stay out.
 */
export function writeWalks(order: Uint32Array, { from, to }: Sizes, example: number, walks: WalkRows): void {
  writeWalk(order, { from, to }, example, walks);
  const inner = { from: Math.max(from, 1), to: Math.min(to, order.length - 1) };
  if (inner.from <= inner.to) writeWalk(order.toReversed(), inner, example, walks);
}

/** Adds the weighted marginals of both walks on one example: twice what each player is worth. */
export function credit(
  order: Uint32Array,
  walk: Walk,
  payoffs: Float64Array,
  row: number,
  into: Float64Array,
): void {
  const { from, to, weights } = walk;
  const players = order.length;
  let before = payoffs[row]!;
  for (let size = from; size < to; size++) {
    const after = payoffs[row + size + 1 - from]!;
    const player = order[size]!;
    into[player] = into[player]! + weights[size]! * (after - before);
    before = after;
  }
  const reverse = row + to - from + 1 - Math.max(from, 1); // plus a size: the reverse's row of that size
  before = from === 0 ? payoffs[row]! : payoffs[reverse + from]!;
  for (let size = from; size < to; size++) {
    const after = size + 1 === players ? payoffs[row + to - from]! : payoffs[reverse + size + 1]!;
    const player = order[players - 1 - size]!;
    into[player] = into[player]! + weights[size]! * (after - before);
    before = after;
  }
}
