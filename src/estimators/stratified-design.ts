/** @file What a stratified run settles before its first row. */
import type { Game } from "../games/game.ts";
import { gradientCost } from "../games/gradient-cost.ts";
import { rowsOfPair, type Walk, walkOf } from "./antithetic-walks.ts";
import { shapley } from "./define.ts";
import { openingsFor } from "./dimmed-gates.ts";
import type { EstimatorOptions } from "./estimator.ts";
import type { PairCosts } from "./strata-plan.ts";
import { firstShare, usualShare } from "./trusting-plan.ts";

/** Pairs of walks that a pilot plays in every stratum, and examples it takes gradients on. */
export const pilotPairs = 2;
export const pilotGradients = 4;
/** Most strata there are. */
const mostStrata = 8;
/** Looking at all examples and a pilot may take this part of a budget, or the run does without. */
const screenShare = 1 / 3;
/** Where gradients come first, they have to wait for it: this part of a budget, and nothing of a run without one. */
const screenShareBeforeGradients = 1 / 8;
/** Pairs that a run without a budget in rows begins with, to be doubled again and again. */
const firstRoundPairs = 256;
/** Where the bias of gradients is looked at on the way: the part of a budget before that, … */
export const firstPart = 1 / 4;
/** … and the pairs that tell it, which that part has to have room for. */
export const firstPairs = 8;

/** What is settled before the first row. */
export interface Design {
  readonly walk: Walk;
  readonly costs: PairCosts;
  /** Openings of gates at which derivatives are taken; none without gradients, or where they cost more than walks. */
  readonly openings: Float32Array;
  /** Whether examples get one opening each, in turns, so that there are gradients on twice as many. */
  readonly takesTurns: boolean;
  /** Whether the game may leave out by chance gradients that come alone. */
  readonly thins: boolean;
  readonly isScreened: boolean;
  /** Share of the pilot in the values, where it is known beforehand. */
  readonly pilotWeight: number | undefined;
  /** Rows for a first round; all rows where there is a budget of them. */
  readonly rows: number;
  /** Whether rounds follow each other until something else ends the run. */
  readonly isEndless: boolean;
  /** Whether gradients come first and what walks correct is shrunk to what it is sure of. */
  readonly shrinks: boolean;
  /** Whether a budget is spent in two rounds: a first part, and the rest as this found gradients biased. */
  readonly isInTwo: boolean;
}

/** Decides what can be decided from sizes, the budget and the cost of gradients. */
export function designOf(game: Game, options: EstimatorOptions, shrinks = false): Design {
  const { players, examples } = game;
  const walk = walkOf(players, options);
  const pairRows = rowsOfPair(walk, players);
  const each = game.gradients?.rows ?? Number.POSITIVE_INFINITY;
  const weighting = options.weighting ?? shapley;
  const takesTurns = shrinks && isScarce(game, options) && openingsFor(weighting, 2).length === 2;
  const wished = openingsFor(weighting, takesTurns || 4 * each <= pairRows ? 2 : 1);
  const ofExample = (takesTurns ? 1 : wished.length) * each;
  const isAffordable = examples > 1 && ofExample <= pairRows;
  const openings = isAffordable ? wished : new Float32Array(0);
  const gradients = isAffordable ? ofExample : Number.POSITIVE_INFINITY;
  const thins = takesTurns && game.gradients?.thinnedRows !== undefined;
  const gradientsAlone = thins && isAffordable ? gradientCost(game, true) : gradients;
  const both = pairRows + (isAffordable ? gradients : 0);
  const rows = options.budget.rows ?? firstRoundPairs * both;
  const pilot = pilotPairs * both + (isAffordable ? pilotGradients * gradients : 0);
  const isShrunk = shrinks && isAffordable;
  const mostScreen =
    (isShrunk ? (options.budget.rows === undefined ? 0 : screenShareBeforeGradients) : screenShare) * rows;
  const isScreened = examples > mostStrata && 2 * examples + mostStrata * pilot <= mostScreen;
  const pairs = Math.floor(rows / both);
  const pilotWeight = pairs >= examples ? 0 : (mostStrata * pilotPairs) / pairs;
  return {
    walk,
    costs: { walk: pairRows, gradients, gradientsAlone },
    openings,
    takesTurns,
    thins,
    isScreened,
    pilotWeight: options.budget.rows === undefined ? undefined : pilotWeight,
    rows,
    isEndless: options.budget.rows === undefined,
    shrinks: isShrunk,
    isInTwo:
      isShrunk &&
      options.budget.rows !== undefined &&
      firstPart * (1 - firstShare) * rows >= firstPairs * both,
  };
}

/** Whether a budget has no room for gradients at two openings of every example. */
function isScarce({ examples, gradients }: Game, { budget }: EstimatorOptions): boolean {
  return (
    gradients !== undefined &&
    budget.rows !== undefined &&
    2 * gradients.rows * examples > usualShare * budget.rows
  );
}

/** Openings at which derivatives are taken on an example; `turn` is its own. */
export function openingsOn({ openings, takesTurns }: Design, turn: number): Float32Array {
  return takesTurns ? openings.subarray(turn, turn + 1) : openings;
}

/** How many that are. */
export function openingsEach({ openings, takesTurns }: Design): number {
  return takesTurns ? Math.min(1, openings.length) : openings.length;
}
