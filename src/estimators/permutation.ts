/** @file Shapley values from random orders and their reverses, a fresh pair for every few examples. */
import { writePrefixes } from "../games/coalitions.ts";
import type { Game } from "../games/game.ts";
import { randomOrder, stream } from "../math/random.ts";
import { defineEstimator, shapley } from "./define.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { sharedBy } from "./groups.ts";
import { meansOf, noObservations, observe } from "./observations.ts";
import type { Rows, Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";
import { sizeShares } from "./weighting.ts";

/** Coalition sizes an order is evaluated at, and what joining at each place counts. */
interface Walk {
  /** Smallest and largest size evaluated. */
  readonly from: number;
  readonly to: number;
  /** n times the share of each size, [players]: the marginal at place s is an estimate of the value times this. */
  readonly weights: Float64Array;
}

/**
 * An item is one order and its reverse on a group of examples. The two walks share the empty and the grand coalition,
 * which are evaluated once, so an example costs 2n rows under the Shapley weighting. An item's observation is the mean
 * over its examples, hence unbiased, and the values of each example add up to its v(all) - v(none).
 * With another weighting the walk is confined to the sizes that count.
 * @see Castro, Gómez & Tejada (2009); antithetic pairs: Lomeli et al. (2019), Mitchell et al., JMLR 23 (2022).
 */
export const permutation = defineEstimator({
  name: "permutation",
  title: "Antithetic permutation sampling",
  reference: "Castro, Gómez & Tejada (2009), doi:10.1016/j.cor.2008.04.004",
  description: "Random orders and their reverses, a fresh pair for every small group of examples",
  supports: ["shapley", "banzhaf", "window"],
  minimumBudget: (players, _examples, options) => rowsOfWalks(walkOf(players, options ?? {}), players),
  scheme: permutationScheme,
});

function walkOf(players: number, options: Pick<EstimatorOptions, "weighting">): Walk {
  const shares = sizeShares(options.weighting ?? shapley, players);
  const from = shares.findIndex((share) => share > 0);
  const to = shares.findLastIndex((share) => share > 0) + 1;
  return { from, to, weights: shares.map((share) => share * players) };
}

/** Rows of both walks on one example. */
function rowsOfWalks({ from, to }: Walk, players: number): number {
  return 2 * (to - from + 1) - (from === 0 ? 1 : 0) - (to === players ? 1 : 0);
}

function permutationScheme(game: Game, options: EstimatorOptions): Scheme<Uint32Array> {
  const { players, examples } = game;
  const { seed } = options;
  const walk = walkOf(players, options);
  const rowsPerExample = rowsOfWalks(walk, players);
  const group = sharedBy(game, options, rowsPerExample);
  const exampleAt = visits(examples, seed, purposes.visits);
  const observations = noObservations(players);
  const observed = new Float64Array(players);

  return {
    layout: { group },
    items: Math.floor((options.budget.rows ?? Infinity) / (group * rowsPerExample)),
    ends: "budget",
    costly: false,
    rowsOf: () => group * rowsPerExample,
    write(item, { masks, examples: rowExamples }, row) {
      const order = randomOrder(players, stream(seed, item, purposes.items));
      writeWalks(order, walk, masks, row);
      const block = rowsPerExample * players;
      for (let k = 0; k < group; k++) {
        const first = row + k * rowsPerExample;
        if (k > 0) masks.copyWithin(first * players, row * players, row * players + block);
        rowExamples.fill(exampleAt(item * group + k), first, first + rowsPerExample);
      }
      return order;
    },
    fold(_item, order, rows, row) {
      observed.fill(0);
      for (let k = 0; k < group; k++) credit(order, walk, rows, row + k * rowsPerExample, observed);
      for (let i = 0; i < players; i++) observed[i] = observed[i]! / (2 * group);
      observe(observations, observed);
    },
    ...meansOf(observations),
  };
}

/** Rows of the order by size, then of its reverse by size without the empty and the grand coalition. */
function writeWalks(order: Uint32Array, { from, to }: Walk, masks: Uint8Array, row: number): void {
  writePrefixes(order, from, to, masks, row);
  const start = Math.max(from, 1);
  const end = Math.min(to, order.length - 1);
  if (start <= end) writePrefixes(order.toReversed(), start, end, masks, row + to - from + 1);
}

/** Adds the weighted marginals of both walks on one example. */
function credit(order: Uint32Array, walk: Walk, { payoffs }: Rows, row: number, into: Float64Array): void {
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
