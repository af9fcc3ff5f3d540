/** @file Exact values from all coalitions on all examples. */
import { defineEstimator, shapley } from "./define.ts";
import { coalitionsNeeded, enumeration } from "./enumeration.ts";
import { coalitionWeights } from "./weighting.ts";

/**
 * φ_i = Σ over S without i of |S|! (n - |S| - 1)! / n! · (v(S ∪ i) - v(S)), or another weighting. At most 24 players.
 * Needs the whole budget; the standard errors tell how much the values would change with other examples, and are 0
 * for a game without examples.
 */
export const exact = defineEstimator({
  name: "exact",
  title: "Exact enumeration",
  reference: 'Shapley, "A value for n-person games" (1953), doi:10.1515/9781400881970-018',
  description: "All coalitions on all examples; up to 24 players",
  supports: ["shapley", "banzhaf", "window"],
  minimumBudget: (players, examples, options) =>
    examples * coalitionsNeeded(coalitionWeights(options?.weighting ?? shapley, players)),
  scheme: (game, options) =>
    enumeration(game, options, coalitionWeights(options.weighting ?? shapley, game.players)),
});
