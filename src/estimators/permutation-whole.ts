/** @file Permutation sampling as published: one order at a time, on all examples. */
import type { Game } from "../games/game.ts";
import { randomOrder, stream } from "../math/random.ts";
import { defineEstimator } from "./define.ts";
import type { EstimatorOptions } from "./estimator.ts";
import {
  errorsOf,
  influencesOf,
  loadObservations,
  noObservations,
  observe,
  saveObservations,
} from "./observations.ts";
import { rowsPerCall } from "./run.ts";
import type { Scheme } from "./scheme.ts";
import { purposes } from "./visits.ts";
import { writeEnds, writeWalk } from "./walk-rows.ts";

/**
 * Every order is walked on every example, without reverses; the walk's inner n - 1 coalitions cost that many rows an
 * example, the two ends are evaluated once at the start. Kept for comparison: at equal rows `permutation` ranks far
 * better. Standard errors are those of drawing orders, for these examples. Only whole orders are begun, so a budget in
 * rows is used up to less than one order.
 */
export const permutationWhole = defineEstimator({
  name: "permutation-whole",
  title: "Permutation sampling on the whole set",
  reference: "Castro, Gómez & Tejada (2009), doi:10.1016/j.cor.2008.04.004",
  description: "Each random order on all examples, as published; for comparison",
  supports: ["shapley"],
  minimumBudget: (players, examples) => (players + 1) * examples,
  scheme: wholeScheme,
});

/** An item is a stretch of the examples: first the ends on all of them, then order after order. */
function wholeScheme(game: Game, options: EstimatorOptions): Scheme<Uint32Array> {
  const { players, examples } = game;
  const { seed, budget } = options;
  const chunk = Math.max(1, Math.floor(rowsPerCall / (players + 1)));
  const chunks = Math.ceil(examples / chunk);
  const inner = players - 1;
  const orders = inner === 0 ? 1 : Math.floor(((budget.rows ?? Infinity) / examples - 2) / inner);
  const observations = noObservations(players);
  const worth = new Float64Array(players + 1); // by size: sums over examples of the order under way; ends stay
  const observed = new Float64Array(players);

  const examplesIn = (item: number): number => Math.min(chunk, examples - (item % chunks) * chunk);
  const rowsEach = (item: number): number => (item < chunks ? 2 : inner);
  const close = (order: Uint32Array): void => {
    for (let place = 0; place < players; place++)
      observed[order[place]!] = (worth[place + 1]! - worth[place]!) / examples;
    observe(observations, observed);
    worth.fill(0, 1, players);
  };
  return {
    layout: { chunk },
    items: inner === 0 ? chunks : chunks * (1 + orders),
    ends: "budget",
    costly: false,
    rowsOf: (item) => examplesIn(item) * rowsEach(item),
    walksOf: (item) => (item < chunks ? 0 : examplesIn(item)),
    write(item, rows, row) {
      const order = randomOrder(players, stream(seed, Math.floor(item / chunks), purposes.items));
      const first = (item % chunks) * chunk;
      const shown = Array.from({ length: examplesIn(item) }, (_, k) => first + k);
      if (item < chunks) writeEnds(shown, rows, row, players);
      else for (const example of shown) writeWalk(order, { from: 1, to: inner }, example, rows.walks);
      return order;
    },
    fold(item, order, rows, row) {
      const { payoffs } = item < chunks ? rows : rows.walks;
      const each = rowsEach(item);
      for (let k = 0; k < examplesIn(item); k++) {
        for (let j = 0; j < each; j++) {
          const size = item < chunks ? j * players : j + 1;
          worth[size] = worth[size]! + payoffs[row + k * each + j]!;
        }
      }
      const isLastStretch = (item + 1) % chunks === 0;
      if (isLastStretch && (item >= chunks || inner === 0)) close(order);
    },
    figures: () => ({
      values: observations.moments.mean.slice(),
      standardErrors: inner === 0 ? new Float64Array(1) : errorsOf(observations),
      observations: observations.moments.count,
      influences: () => influencesOf(observations),
    }),
    save: () => ({ ...saveObservations(observations), worth }),
    load(saved) {
      loadObservations(observations, saved);
      const { worth: sums } = saved;
      worth.set(sums!);
    },
  };
}
