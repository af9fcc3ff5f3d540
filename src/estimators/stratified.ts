/** @file Shapley values from few walks: examples in strata by difficulty, and gradients for what differs between examples. */
import { defineEstimator } from "./define.ts";
import { designOf } from "./stratified-design.ts";
import { stratifiedScheme, twoPairs } from "./stratified-scheme.ts";

/**
 * Three things save rows. *Strata*: every example is shown once without any player and once with all; examples are cut
 * into strata by the worse of the two payoffs, and walks go to each in proportion to its size and spread (Neyman), as a
 * pilot found it. Most of what varies lies in few hard examples. *Controls*: where the game has gradients, an example's
 * derivatives at dimmed gates (`dimmed-gates.ts`) say nearly what it thinks of every player, for a few rows; they are taken
 * off its walks and their mean over many examples, all where that pays, is put back. *Walks in antithetic pairs* see what
 * is left. Unbiased, whatever gradients and payoffs are like: the pilot's own pairs are drawn apart and count with a weight
 * fixed beforehand. Standard errors are those for these very examples, cautious where walks have seen most of them.
 *
 * With a budget too small to look at all examples there is one stratum and no pilot.
 * @see Cochran, "Sampling Techniques" (1977), chapter 5; Owen, "Monte Carlo theory, methods and examples" (2013), chapter 8.
 */
export const stratified = defineEstimator({
  name: "stratified",
  title: "Antithetic permutations in strata, with gradients as control variate",
  reference:
    "Castro, Gómez & Tejada (2009), doi:10.1016/j.cor.2008.04.004; Neyman (1934); gradients at dimmed gates",
  description:
    "Random orders where they tell most, corrected by gradients: several times fewer rows in deep networks",
  supports: ["shapley", "banzhaf", "window"],
  gradients: "welcome",
  minimumBudget: (players, _examples, options) => twoPairs(players, options),
  scheme: (game, options) => stratifiedScheme(designOf(game, options), game, options),
});
