/** @file What gradients on gates say by themselves: Aumann–Shapley values, for a first look. */
import { PrunerError } from "../base/problem.ts";
import type { Game } from "../games/game.ts";
import { defineEstimator, shapley } from "./define.ts";
import { meanDerivatives, openingsFor, writeGates } from "./dimmed-gates.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { meansOf, noObservations, observe } from "./observations.ts";
import type { Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/** Openings of the gates for each example: two see the curve that a single one takes for a line. */
const openingsEach = 2;

/** What a gradient costs where the game is not yet known. */
const usualGradientRows = 3;

/**
 * An item is one example: derivatives with all gates open by 0.21 and by 0.79, averaged. On a game that is multilinear
 * between its corners, with interactions of at most four players, these are the Shapley values. A network is not
 * multilinear, so they are a biased estimate, which no budget mends.
 */
export const aumannShapley = defineEstimator({
  name: "aumann-shapley",
  title: "Aumann–Shapley values by gradients on gates",
  reference:
    "Aumann & Shapley, Values of Non-Atomic Games (1974); Sundararajan et al. (2017), arXiv:1703.01365",
  description: "Gradients at evenly dimmed gates: a few rows an example for all players at once, biased",
  supports: ["shapley", "banzhaf", "window"],
  gradients: "needed",
  minimumBudget: () => openingsEach * usualGradientRows,
  scheme,
});

function scheme(game: Game, options: EstimatorOptions): Scheme<undefined> {
  const { players, examples } = game;
  const openings = openingsFor(options.weighting ?? shapley, openingsEach);
  const exampleAt = visits(examples, options.seed, purposes.visits);
  const cost = openings.length * game.gradients!.rows;
  const budget = options.budget.rows ?? Infinity;
  if (budget < cost) throw new PrunerError("budget-too-small", { needed: Math.ceil(cost), got: budget });
  const observations = noObservations(players);
  const observed = new Float64Array(players);
  return {
    layout: { openings: openings.length, gradient: game.gradients!.rows },
    items: Math.min(examples, Math.floor(budget / cost)),
    ends: cost * examples <= budget ? "complete" : "budget",
    costly: false,
    rowsOf: () => 0,
    gatesOf: () => openings.length,
    write(item, { gates }, _row, gate) {
      writeGates(gates, gate, openings, exampleAt(item));
      return undefined;
    },
    fold(_item, _note, { gates }, _row, gate) {
      observe(observations, meanDerivatives(gates.derivatives, gate, openings.length, observed));
    },
    ...meansOf(observations),
  };
}
