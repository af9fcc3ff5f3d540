/** @file What a stratified run asks and how it folds the answers, for the estimators that are made of it. */
import type { Game } from "../games/game.ts";
import { randomOrder, stream } from "../math/random.ts";
import { credit, rowsOfPair, walkOf, walksOfPair, writeWalks } from "./antithetic-walks.ts";
import { meanDerivatives, writeGates } from "./dimmed-gates.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { observe } from "./observations.ts";
import type { Scheme } from "./scheme.ts";
import { type Design, openingsEach, openingsOn } from "./stratified-design.ts";
import {
  examplesOf,
  figuresSoFar,
  foldEnds,
  foldPair,
  layOutMore,
  loadRun,
  saveRun,
  startRun,
} from "./stratified-run.ts";
import { evenDraws, purposes } from "./visits.ts";
import { writeEnds } from "./walk-rows.ts";

/** Rows of the smallest run: two pairs of walks. */
export function twoPairs(players: number, options: Pick<EstimatorOptions, "weighting"> = {}): number {
  return 2 * rowsOfPair(walkOf(players, options), players);
}

export function stratifiedScheme(
  design: Design,
  game: Game,
  options: EstimatorOptions,
): Scheme<Uint32Array | undefined> {
  const { players, examples } = game;
  const { openings, costs, walk, isScreened, takesTurns, thins } = design;
  const each = openingsEach(design);
  const { seed } = options;
  const draw = evenDraws(seed);
  const thinsItem = (item: number): boolean => thins && run.items[item]!.kind === "gradients";
  const run = startRun(design, players, examples, seed);
  const gatesOf = (item: number): number => {
    const { kind, examples: count } = run.items[item]!;
    if (kind === "screen" || (kind === "walk" && !run.isControlled)) return 0;
    return count * each;
  };

  return {
    layout: {
      screened: isScreened ? 1 : 0,
      openings: openings.length,
      turns: takesTurns ? 1 : 0,
      gradient: game.gradients?.rows ?? 0,
      thinned: thins ? 1 : 0,
    },
    get items() {
      return run.items.length;
    },
    ends: "budget",
    costly: false,
    rowsOf(item) {
      const { kind, examples: count } = run.items[item]!;
      return kind === "screen" ? 2 * count : kind === "gradients" ? 0 : costs.walk;
    },
    walksOf(item) {
      const { kind } = run.items[item]!;
      return kind === "walk" || kind === "pilot" ? walksOfPair(walk, players) : 0;
    },
    gatesOf,
    thins: thinsItem,
    write(number, rows, row, gate) {
      const item = run.items[number]!;
      const shown = examplesOf(run, item);
      if (gatesOf(number) > 0)
        shown.forEach((example, k) => {
          writeGates(rows.gates, gate + k * each, openingsOn(design, run.turns[example]!), example);
        });
      if (thinsItem(number))
        for (let k = 0; k < shown.length; k++) rows.gates.draws[gate + k] = draw(item.visit + k);
      if (item.kind === "screen") writeEnds(shown, rows, row, players);
      if (item.kind === "screen" || item.kind === "gradients") return undefined;
      const order = randomOrder(players, stream(seed, number, purposes.items));
      writeWalks(order, walk, shown[0]!, rows.walks);
      return order;
    },
    fold(number, order, rows, row, gate) {
      const item = run.items[number]!;
      const controlOf = (k: number): Float64Array =>
        meanDerivatives(rows.gates.derivatives, gate + k * each, each, new Float64Array(players));
      if (item.kind === "screen") foldEnds(run, item, rows.payoffs, row);
      else if (order === undefined)
        for (let k = 0; k < item.examples; k++) observe(run.strata[item.stratum]!.controls, controlOf(k));
      else {
        const values = new Float64Array(players);
        credit(order, walk, rows.walks.payoffs, row, values);
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
