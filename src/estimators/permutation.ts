/** @file Shapley values from random orders and their reverses, a fresh pair for every few examples. */
import type { Game } from "../games/game.ts";
import { randomOrder, stream } from "../math/random.ts";
import { credit, rowsOfPair, walkOf, walksOfPair, writeWalks } from "./antithetic-walks.ts";
import { defineEstimator } from "./define.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { sharedBy } from "./groups.ts";
import { meansOf, noObservations, observe } from "./observations.ts";
import type { Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

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
  minimumBudget: (players, _examples, options) => rowsOfPair(walkOf(players, options ?? {}), players),
  scheme: permutationScheme,
});

function permutationScheme(game: Game, options: EstimatorOptions): Scheme<Uint32Array> {
  const { players, examples } = game;
  const { seed } = options;
  const walk = walkOf(players, options);
  const rowsPerExample = rowsOfPair(walk, players);
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
    walksOf: () => group * walksOfPair(walk, players),
    write(item, { walks }) {
      const order = randomOrder(players, stream(seed, item, purposes.items));
      for (let k = 0; k < group; k++) writeWalks(order, walk, exampleAt(item * group + k), walks);
      return order;
    },
    fold(_item, order, { walks }, row) {
      observed.fill(0);
      for (let k = 0; k < group; k++) credit(order, walk, walks.payoffs, row + k * rowsPerExample, observed);
      for (let i = 0; i < players; i++) observed[i] = observed[i]! / (2 * group);
      observe(observations, observed);
    },
    ...meansOf(observations),
  };
}
