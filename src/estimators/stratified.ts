/** @file Shapley values from few walks: examples in strata by difficulty, and gradients for what differs between examples. */
import type { Game } from "../games/game.ts";
import { randomOrder, stream } from "../math/random.ts";
import { credit, rowsOfWalks, walkOf, writeWalks } from "./antithetic-walks.ts";
import { defineEstimator } from "./define.ts";
import { meanDerivatives, writeGates } from "./dimmed-gates.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { observe } from "./observations.ts";
import type { Scheme } from "./scheme.ts";
import { type Design, designOf } from "./stratified-design.ts";
import {
  examplesOf,
  figuresSoFar,
  foldEnds,
  foldPair,
  layOutMore,
  loadRun,
  saveRun,
  startRun,
  writeEnds,
} from "./stratified-run.ts";
import { purposes } from "./visits.ts";

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
  minimumBudget: (players, _examples, options) => 2 * rowsOfWalks(walkOf(players, options ?? {}), players),
  scheme: (game, options) => stratifiedScheme(designOf(game, options), game, options),
});

/**
 * As `stratified`, but for two things. Gradients get most of the rows, and get them first, until every example has its own. And
 * what walks find gradients to be off by is shrunk to what is sure of it. So a short run ranks by gradients, which are biased
 * and hardly noisy, and a long one by walks; in between it is nearer to the true values than either. The bias that is left is
 * part of the standard errors. Without gradients, and where a pilot finds that they save no variance, it is `stratified`.
 * @see James & Stein, "Estimation with quadratic loss" (1961); Efron & Morris, J. Am. Stat. Assoc. 68 (1973).
 */
export const shrinkage = defineEstimator({
  name: "shrinkage",
  title: "Gradients, corrected by walks as far as these are sure",
  reference: "James & Stein (1961); Efron & Morris (1973); strata and gradients as in stratified",
  description: "Ranks by gradients in few rows, and comes nearer to the exact values the more there are",
  supports: ["shapley", "banzhaf", "window"],
  gradients: "welcome",
  minimumBudget: (players, _examples, options) => 2 * rowsOfWalks(walkOf(players, options ?? {}), players),
  scheme: (game, options) => stratifiedScheme(designOf(game, options, true), game, options),
});

function stratifiedScheme(
  design: Design,
  game: Game,
  options: EstimatorOptions,
): Scheme<Uint32Array | undefined> {
  const { players, examples } = game;
  const { openings, costs, walk, isScreened } = design;
  const { seed } = options;
  const run = startRun(design, players, examples, seed);
  const gatesOf = (item: number): number => {
    const { kind, examples: count } = run.items[item]!;
    if (kind === "screen" || (kind === "walk" && !run.isControlled)) return 0;
    return count * openings.length;
  };

  return {
    layout: { screened: isScreened ? 1 : 0, openings: openings.length, gradient: game.gradients?.rows ?? 0 },
    get items() {
      return run.items.length;
    },
    ends: "budget",
    costly: false,
    rowsOf(item) {
      const { kind, examples: count } = run.items[item]!;
      return kind === "screen" ? 2 * count : kind === "gradients" ? 0 : costs.walk;
    },
    gatesOf,
    write(number, rows, row, gate) {
      const item = run.items[number]!;
      const shown = examplesOf(run, item);
      if (gatesOf(number) > 0)
        shown.forEach((example, k) => {
          writeGates(rows.gates, gate + k * openings.length, openings, example);
        });
      if (item.kind === "screen") writeEnds(shown, rows, row, players);
      if (item.kind === "screen" || item.kind === "gradients") return undefined;
      const order = randomOrder(players, stream(seed, number, purposes.items));
      writeWalks(order, walk, rows.masks, row);
      rows.examples.fill(shown[0]!, row, row + costs.walk);
      return order;
    },
    fold(number, order, rows, row, gate) {
      const item = run.items[number]!;
      const controlOf = (k: number): Float64Array =>
        meanDerivatives(
          rows.gates.derivatives,
          gate + k * openings.length,
          openings.length,
          new Float64Array(players),
        );
      if (item.kind === "screen") foldEnds(run, item, rows.payoffs, row);
      else if (order === undefined)
        for (let k = 0; k < item.examples; k++) observe(run.strata[item.stratum]!.controls, controlOf(k));
      else {
        const values = new Float64Array(players);
        credit(order, walk, rows, row, values);
        for (let player = 0; player < players; player++) values[player] = values[player]! / 2;
        foldPair(run, item, { values, controls: gatesOf(number) > 0 ? controlOf(0) : undefined });
      }
      run.folded++;
      if (run.folded === run.items.length) layOutMore(run, design, players, seed);
    },
    figures: () => figuresSoFar(run, design, players),
    save: () => saveRun(run),
    load: (saved) => loadRun(run, saved, players, seed),
  };
}
