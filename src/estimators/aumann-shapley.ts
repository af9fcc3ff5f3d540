/** @file What gradients on gates say by themselves: Aumann–Shapley values, for a first look. */
import { PrunerError } from "../base/problem.ts";
import type { Game } from "../games/game.ts";
import { gradientCost } from "../games/gradient-cost.ts";
import { defineEstimator, shapley } from "./define.ts";
import { openingsFor, writeGates } from "./dimmed-gates.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { meansOf, noObservations, observe } from "./observations.ts";
import type { Scheme } from "./scheme.ts";
import { evenDraws, purposes, visits } from "./visits.ts";

/** Openings of the gates: two see the curve that a single one takes for a line. */
const openingsWished = 2;

/** Gradients of a call: a few tell much about all players at once, so estimates come often. */
const gradientsPerCall = 32;

/** What a gradient costs where the game is not yet known. */
const usualGradientRows = 3;

/**
 * Derivatives with all gates open by 0.21 and by 0.79, averaged over examples. On a game that is multilinear between its
 * corners, with interactions of at most four players, these are the Shapley values. A network is not multilinear, so they
 * are a biased estimate, which no budget mends. An item is one example at one of the openings, which take turns: examples
 * differ more than openings do, so a new example tells more than the other opening of the same one, which comes when all
 * examples have been seen. Where a run may end before that, the game may leave out by chance those that matter little: most
 * examples do, in a trained network.
 */
export const aumannShapley = defineEstimator({
  name: "aumann-shapley",
  title: "Aumann–Shapley values by gradients on gates",
  reference:
    "Aumann & Shapley, Values of Non-Atomic Games (1974); Sundararajan et al. (2017), arXiv:1703.01365",
  description: "Gradients at evenly dimmed gates: a few rows an example for all players at once, biased",
  supports: ["shapley", "banzhaf", "window"],
  gradients: "needed",
  minimumBudget: () => openingsWished * usualGradientRows,
  scheme,
});

function scheme(game: Game, options: EstimatorOptions): Scheme<undefined> {
  const { players, examples } = game;
  const openings = openingsFor(options.weighting ?? shapley, openingsWished);
  const exampleAt = visits(examples, options.seed, purposes.visits);
  const budget = options.budget.rows ?? Infinity;
  const exact = openings.length * examples * gradientCost(game, false);
  const isThinned = game.gradients!.thinnedRows !== undefined && mayEndBefore(exact, options);
  const cost = gradientCost(game, isThinned);
  const draw = evenDraws(options.seed);
  const needed = openings.length * cost;
  if (budget < needed) throw new PrunerError("budget-too-small", { needed: Math.ceil(needed), got: budget });
  const observations = noObservations(players);
  const total = openings.length * examples;
  return {
    layout: { openings: openings.length, gradient: cost, thinned: isThinned ? 1 : 0 },
    items: Math.min(total, Math.floor(budget / cost)),
    ends: cost * total <= budget ? "complete" : "budget",
    costly: false,
    rowsOf: () => 0,
    gatesOf: () => 1,
    thins: () => isThinned,
    rowsPerCall: Math.max(gradientsPerCall * cost, game.rowsPerCall ?? 0),
    write(item, { gates }, _row, gate) {
      const place = item % examples;
      const opening = (place + Math.floor(item / examples)) % openings.length;
      writeGates(gates, gate, openings.subarray(opening, opening + 1), exampleAt(place));
      if (isThinned) gates.draws[gate] = draw(item);
      return undefined;
    },
    fold(_item, _note, { gates }, _row, gate) {
      observe(observations, gates.derivatives.subarray(gate * players, (gate + 1) * players));
    },
    ...meansOf(observations),
  };
}

/** Whether a run is to be of use before it is through. A resumed run goes on as it began. */
function mayEndBefore(rows: number, { budget, stop, resume }: EstimatorOptions): boolean {
  if (resume !== undefined) return resume.layout["thinned"] === 1;
  const { precision, seconds } = budget;
  return [stop, precision, seconds].some((end) => end !== undefined) || (budget.rows ?? Infinity) < rows;
}
