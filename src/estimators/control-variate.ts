/** @file Shapley values from walks, with gradients on dimmed gates to take off what differs from example to example. */
import type { Game } from "../games/game.ts";
import { randomOrder, stream } from "../math/random.ts";
import { credit, rowsOfWalks, type Walk, walkOf, writeWalks } from "./antithetic-walks.ts";
import { type ControlSums, closePilot, emptySums, figuresOf, loadSums, saveSums } from "./control-figures.ts";
import {
  type Layout,
  laidOut,
  layOut,
  layOutUpTo,
  loadLayout,
  saveLayout,
  stretchOf,
  visitsOf,
} from "./control-layout.ts";
import { type PilotItem, shareOut } from "./control-plan.ts";
import { defineEstimator, shapley } from "./define.ts";
import { meanDerivatives, openingsFor, writeGates } from "./dimmed-gates.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { observe } from "./observations.ts";
import type { Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/** Pairs of walks at the most that choose coefficient and split, and the part of the budget they may take. */
const pilotItems = 16;
const pilotShare = 0.2;
/** Residual that is taken for granted where the budget leaves no room for a pilot. */
const usualResidual = 0.1;
/** Without a budget in rows, the split is made anew for so many pairs, then for twice as many, … */
const firstRoundPairs = 32;

/**
 * The control c of an example is the mean of its derivatives at evenly dimmed gates (`dimmed-gates.ts`): near to what the
 * example says of every player, at the price of a few rows, and the same however the players are ordered. Values are
 * mean(w - βc) over pairs of walks w, plus β times the mean of c over many more examples (all of them where the budget
 * affords it). Unbiased whatever gradients are like: β is one number for all players, set before the pairs it is used on,
 * by a pilot whose own pairs take the coefficient of its other half and examples drawn apart. Standard errors are those for
 * these very examples: once all of them have controls, what differs from example to example no longer counts, as far as
 * controls know of it.
 * @see Owen (2013), "Monte Carlo theory, methods and examples", chapter 8; the split: `control-plan.ts`.
 */
export const controlVariate = defineEstimator({
  name: "control-variate",
  title: "Antithetic permutations with gradients as control variate",
  reference:
    "Castro, Gómez & Tejada (2009), doi:10.1016/j.cor.2008.04.004; control: gradients at dimmed gates",
  description:
    "Few random orders, corrected by gradients on many examples: several times fewer rows in deep networks",
  supports: ["shapley", "banzhaf", "window"],
  needsGradients: true,
  minimumBudget: (players, _examples, options) => 2 * rowsOfWalks(walkOf(players, options ?? {}), players),
  scheme: (game, options) => controlScheme(designOf(game, options), game, options),
});

/** What is settled before the first row. */
interface Design {
  readonly walk: Walk;
  /** Rows of a pair of walks. */
  readonly pairRows: number;
  /** Of the game. */
  readonly examples: number;
  readonly openings: Float32Array;
  /** Rows that the gradients of one example cost. */
  readonly gradientRows: number;
  /** Pairs of the pilot, even. */
  readonly pilot: number;
  /** Whether gradients are cheap enough, and examples many enough, to be tried. */
  readonly isControlled: boolean;
  /**
   * Share of the pilot in the values, where it is known beforehand: then no choice made on the way biases them. None where
   * later pairs may see all examples, for the pilot sees some of them once more than others.
   */
  readonly pilotWeight: number | undefined;
}

function designOf(game: Game, options: EstimatorOptions): Design {
  const { players, examples } = game;
  const walk = walkOf(players, options);
  const pairRows = rowsOfWalks(walk, players);
  const each = game.gradients!.rows;
  const openings = openingsFor(options.weighting ?? shapley, 4 * each <= pairRows ? 2 : 1);
  const gradientRows = openings.length * each;
  const isControlled = examples > 1 && gradientRows <= pairRows;
  const budget = options.budget.rows ?? Infinity;
  const affordable = Math.min(pilotItems, Math.floor((pilotShare * budget) / (pairRows + gradientRows)));
  const pilot = isControlled && affordable >= 4 ? affordable - (affordable % 2) : 0;
  const pairs = Math.floor(budget / (pairRows + gradientRows));
  return {
    walk,
    pairRows,
    examples,
    openings,
    gradientRows,
    pilot,
    isControlled,
    pilotWeight: Number.isFinite(pairs) ? (pairs >= examples ? 0 : pilot / pairs) : undefined,
  };
}

/** The order of a pair; items of gradients alone have none. */
type Note = Uint32Array | undefined;

function controlScheme(design: Design, game: Game, options: EstimatorOptions): Scheme<Note> {
  const { players, examples } = game;
  const { seed } = options;
  const { openings, pairRows, walk, pilot } = design;
  const exampleAt = visits(examples, seed, purposes.visits);
  const pilotAt = [purposes.evenPilot, purposes.oddPilot].map((purpose) => visits(examples, seed, purpose));
  const sums = emptySums(players, design.isControlled ? 1 : 0, usualResidual);
  const layout: Layout = { stretches: [], items: 0 };
  let folded = 0;
  if (pilot > 0) layOut(layout, "pilot", pilot, 0);
  else layOutMore(design, options, sums, layout);

  const gatesOf = (item: number): number => {
    const stretch = stretchOf(layout, item);
    if (stretch.kind === "walks" && sums.coefficient === 0) return 0;
    return visitsOf(item, stretch).length * openings.length;
  };
  const observed = new Float64Array(players);
  const control = new Float64Array(players);

  return {
    layout: { pilot, openings: openings.length, gradient: game.gradients!.rows },
    get items() {
      return layout.items;
    },
    ends: "budget",
    costly: false,
    rowsOf: (item) => (stretchOf(layout, item).kind === "gradients" ? 0 : pairRows),
    gatesOf,
    write(item, { masks, examples: rowExamples, gates }, row, gate) {
      const stretch = stretchOf(layout, item);
      const shown = visitsOf(item, stretch).map((visit) =>
        stretch.kind === "pilot" ? pilotAt[visit % 2]!(visit >> 1) : exampleAt(visit),
      );
      if (gatesOf(item) > 0)
        shown.forEach((example, k) => {
          writeGates(gates, gate + k * openings.length, openings, example);
        });
      if (stretch.kind === "gradients") return undefined;
      const order = randomOrder(players, stream(seed, item, purposes.items));
      writeWalks(order, walk, masks, row);
      rowExamples.fill(shown[0]!, row, row + pairRows);
      return order;
    },
    fold(item, order, rows, row, gate) {
      const stretch = stretchOf(layout, item);
      const controlAt = (k: number) =>
        meanDerivatives(rows.gates.derivatives, gate + k * openings.length, openings.length, control);
      if (order === undefined)
        visitsOf(item, stretch).forEach((_, k) => {
          observe(sums.controls, controlAt(k));
        });
      else {
        if (gatesOf(item) > 0) controlAt(0);
        observed.fill(0);
        credit(order, walk, rows, row, observed);
        for (let player = 0; player < players; player++) observed[player] = observed[player]! / 2;
        const pair = { values: observed, controls: control };
        if (stretch.kind === "pilot")
          sums.pilot.push({ values: observed.slice(), controls: control.slice() });
        else foldPair(sums, pair, visitsOf(item, stretch)[0]! < examples);
      }
      folded++;
      if (folded === pilot) closePilot(sums);
      if (folded === layout.items && (folded === pilot || options.budget.rows === undefined))
        layOutMore(design, options, sums, layout);
    },
    figures: () => figuresOf(sums, folded === layout.items ? design.pilotWeight : undefined, examples),
    save: () => ({ ...saveSums(sums), layout: saveLayout(layout), folded: Float64Array.of(folded) }),
    load(saved) {
      loadSums(sums, saved);
      loadLayout(layout, saved["layout"]!);
      folded = saved["folded"]![0]!;
    },
  };
}

/** Lays out the whole budget; without one in rows, the next round. */
function layOutMore(design: Design, { budget }: EstimatorOptions, sums: ControlSums, layout: Layout): void {
  const { pairRows, gradientRows, pilot, examples, isControlled } = design;
  const both = pairRows + gradientRows;
  const spent = laidOut(layout, "walks") * both + laidOut(layout, "gradients") * gradientRows;
  const rows = (budget.rows ?? Math.max((firstRoundPairs + pilot) * both, 2 * spent)) - pilot * both;
  const plain = Math.floor(rows / pairRows);
  const isFirst = laidOut(layout, "walks") === 0;
  const share =
    isControlled && sums.coefficient > 0
      ? shareOut(rows, sums.residual, { walk: pairRows, gradients: gradientRows, examples })
      : { walks: plain, controls: 0 };
  if (isFirst && share.controls === 0) sums.coefficient = 0;
  // the pilot is corrected by a mean over other examples, however little is expected of it
  const controls = Math.max(share.controls, Math.min(examples, 2 * pilot));
  const dearer = Math.ceil(((controls - share.controls) * gradientRows) / pairRows);
  const areControlled = sums.coefficient !== 0;
  layOutUpTo(layout, { walks: Math.max(1, share.walks - dearer), areControlled, controls });
}

/** @param isFresh Whether its example has not been seen before. */
function foldPair(sums: ControlSums, { values, controls }: PilotItem, isFresh: boolean): void {
  if (sums.coefficient !== 0) {
    if (isFresh) observe(sums.controls, controls);
    for (let at = 0; at < values.length; at++) values[at] = values[at]! - sums.coefficient * controls[at]!;
  }
  observe(sums.pairs, values);
}
