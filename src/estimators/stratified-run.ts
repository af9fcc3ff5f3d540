/** @file Where a stratified run stands, and how it goes on from there. */

import { observe } from "./observations.ts";
import type { Figures, Sums } from "./scheme.ts";
import { biasIn } from "./shrunk-corrections.ts";
import { strataBy } from "./strata.ts";
import {
  extentOf,
  type Item,
  loadItems,
  pilotItems,
  roundItems,
  saveItems,
  screenItems,
} from "./strata-layout.ts";
import { type Extent, planOf, type StratumSpread, saveVariance, shareOut } from "./strata-plan.ts";
import {
  correctionsOf,
  emptyStratum,
  figuresOf,
  loadStrata,
  restSoFar,
  type StratumSums,
  saveStrata,
  spreadOf,
} from "./strata-sums.ts";
import { type Design, firstPairs, firstPart, pilotGradients, pilotPairs } from "./stratified-design.ts";
import { firstShare, gradientsFirst, trustingPlan, usualShare } from "./trusting-plan.ts";
import { purposes, visits } from "./visits.ts";

/** Shares of variance that controls leave, taken for granted where there is no pilot. */
const usualRest = 0.1;

export interface Run {
  readonly examples: number;
  readonly items: Item[];
  /** Items that have been folded. */
  folded: number;
  /** The worse payoff of every example, negated; empty where examples are not looked at first. */
  readonly difficulty: Float64Array;
  /** Sum over examples of v(all) - v(none), as far as they have been looked at. */
  grand: number;
  /** None while examples are looked at. */
  strata: readonly StratumSums[];
  exampleAt: (item: Item, visit: number) => number;
  /** Shape [examples]: 0 and 1 in turns along the first visits of every stratum, for estimators that take turns. */
  readonly turns: Uint8Array;
  /** Gradients that there are of an example: one at each opening where these take turns, else all of them together. */
  readonly gradientsEach: number;
  /** Whether controls are taken off walks. */
  isControlled: boolean;
  /** Rounds laid out so far. */
  rounds: number;
}

export function startRun(design: Design, players: number, examples: number, seed: number): Run {
  const { isScreened, openings } = design;
  const run: Run = {
    examples,
    items: [],
    folded: 0,
    difficulty: new Float64Array(isScreened ? examples : 0),
    grand: 0,
    strata: [],
    exampleAt: (_item, visit) => visit,
    turns: new Uint8Array(examples),
    gradientsEach: design.takesTurns ? openings.length : 1,
    isControlled: openings.length > 0,
    rounds: 0,
  };
  if (isScreened) run.items.push(...screenItems(examples));
  else {
    stratify(run, [Uint32Array.from({ length: examples }, (_, k) => k)], players, seed);
    layOutRound(run, design);
  }
  return run;
}

export function examplesOf({ exampleAt }: Run, item: Item): number[] {
  return Array.from({ length: item.examples }, (_, k) => exampleAt(item, item.visit + k));
}

function stratify(run: Run, strata: readonly Uint32Array[], players: number, seed: number): void {
  const visited = strata.map((own, h) => visits(own.length, seed, purposes.strata + 2 * h));
  const tried = strata.map((own, h) => visits(own.length, seed, purposes.strata + 2 * h + 1));
  strata.forEach((own, h) => {
    for (let visit = 0; visit < own.length; visit++) run.turns[own[visited[h]!(visit)]!] = visit % 2;
  });
  run.strata = strata.map(({ length }) => emptyStratum(players, length, run.gradientsEach * length));
  run.exampleAt = ({ kind, stratum }, visit) =>
    strata[stratum]![(kind === "pilot" ? tried : visited)[stratum]!(visit)]!;
}

export function foldEnds(run: Run, item: Item, payoffs: Float64Array, row: number): void {
  examplesOf(run, item).forEach((example, k) => {
    const [none, all] = [payoffs[row + 2 * k]!, payoffs[row + 2 * k + 1]!];
    run.difficulty[example] = -Math.min(none, all);
    run.grand += all - none;
  });
}

export function foldPair(
  run: Run,
  { kind, stratum, visit }: Item,
  { values, controls }: { readonly values: Float64Array; readonly controls: Float64Array | undefined },
): void {
  const sums = run.strata[stratum]!;
  if (kind === "pilot") {
    sums.pilot.push({ values, controls: controls ?? new Float64Array(values.length) });
    return;
  }
  if (controls === undefined) {
    observe(sums.pairs, values);
    return;
  }
  if (visit < sums.examples) observe(sums.controls, controls);
  observe(
    sums.pairs,
    values.map((value, at) => value - controls[at]!),
  );
}

/** What follows when everything laid out has been folded: strata and their pilot, the first round, and further ones. */
export function layOutMore(run: Run, design: Design, players: number, seed: number): void {
  if (run.strata.length === 0) {
    stratify(run, strataBy(run.difficulty), players, seed);
    layOutPilot(run, design);
  } else if (run.rounds < roundsOf(design)) layOutRound(run, design);
}

function layOutPilot({ items, strata }: Run, { openings }: Design): void {
  const none = strata.map(() => 0);
  const controls = strata.map(({ examples }) =>
    openings.length > 0 ? Math.min(examples, pilotGradients) : 0,
  );
  // gradients alone: whatever the pilot decides, its pairs are corrected by a mean over other examples
  const before = { walks: none, controls: none, isControlled: false };
  items.push(...roundItems(before, { ...before, controls }));
  items.push(...pilotItems(strata.length, pilotPairs));
}

/** Rows that later rounds have no say in. */
function sunkRows({ examples, items, difficulty }: Run, { costs, openings }: Design): number {
  const pilot = items.filter(({ kind }) => kind === "pilot").length;
  const each = costs.walk + (openings.length > 0 ? costs.gradients : 0);
  return (difficulty.length > 0 ? 2 * examples : 0) + pilot * each;
}

function roundsOf({ isInTwo, isEndless }: Design): number {
  if (isEndless) return Number.POSITIVE_INFINITY;
  return isInTwo ? 2 : 1;
}

/** What may be spent by the end of the next round. */
function rowsSoFar({ rounds }: Run, { rows, isEndless, isInTwo }: Design): number {
  if (isEndless) return 2 ** rounds * rows;
  return isInTwo && rounds === 0 ? firstPart * rows : rows;
}

function layOutRound(run: Run, design: Design): void {
  const { items, strata } = run;
  const done = extentOf(items, strata.length, run.isControlled);
  const spreads = strata.map(
    (sums, h): StratumSpread => ({ ...guessOrSpread(sums, design), seen: done.controls[h]! }),
  );
  const rows = rowsSoFar(run, design) - sunkRows(run, design);
  const wanted = planFor(run, design, rows, spreads);
  run.isControlled = wanted.isControlled;
  run.rounds++;
  items.push(...roundItems(done, wanted));
}

/**
 * The squared bias of gradients, of all players together, as pairs have it so far: what their corrections are larger than
 * their errors, and what could hide in these. Undefined while too few pairs tell.
 */
function squaredBiasOf({ strata, isControlled }: Run): number | undefined {
  const assembly = { isControlled, pilotWeight: undefined, shrinks: true };
  const { corrections, squaredErrors, pairs } = correctionsOf(strata, assembly);
  const { seen, hidden } = biasIn(corrections, squaredErrors);
  if (pairs < firstPairs || !Number.isFinite(hidden)) return undefined;
  return corrections.length * (seen + hidden);
}

function planFor(
  run: Run,
  { shrinks, costs, isInTwo }: Design,
  rows: number,
  spreads: readonly StratumSpread[],
): Extent {
  const { rounds, isControlled } = run;
  if (rounds === 0) {
    if (!shrinks || !saveVariance(spreads)) return shareOut(rows, spreads, costs);
    const share = isInTwo ? firstShare : usualShare;
    return gradientsFirst(rows, spreads, costs, share) ?? planOf(rows, spreads, costs, false);
  }
  if (!shrinks || !isControlled) return planOf(rows, spreads, costs, isControlled);
  const squaredBias = squaredBiasOf(run);
  const wished =
    squaredBias === undefined
      ? gradientsFirst(rows, spreads, costs, usualShare)
      : trustingPlan(rows, spreads, costs, squaredBias);
  return wished ?? planOf(rows, spreads, costs, true); // pairs with and without controls do not mix
}

/** Where values are biased anyway, pairs that count in them also tell where further ones are to go. */
function guessOrSpread(sums: StratumSums, { shrinks }: Design): Omit<StratumSpread, "seen"> {
  const rest = shrinks ? restSoFar(sums) : undefined;
  if (sums.pilot.length > 0) return { ...spreadOf(sums), ...(rest !== undefined && { rest }) };
  if (rest !== undefined) return { ...spreadOf(sums), rest };
  return {
    examples: sums.examples,
    walks: 1,
    rest: Math.sqrt(usualRest),
    controls: Math.sqrt(1 - usualRest),
  };
}

/** Until every stratum has a pair, what all players are worth together is shared out evenly. */
export function figuresSoFar(
  run: Run,
  { isEndless, pilotWeight, shrinks }: Design,
  players: number,
): Figures {
  const { strata, items, folded, grand, isControlled } = run;
  const isSeen = ({ pilot, pairs, controls }: StratumSums) =>
    pilot.length + pairs.moments.count > 0 || (shrinks && controls.moments.count > 0);
  if (strata.length > 0 && strata.every(isSeen)) {
    const isOver = folded === items.length && !isEndless;
    return figuresOf(strata, {
      isControlled,
      pilotWeight: isOver ? pilotWeight : undefined,
      shrinks: shrinks && isControlled,
    });
  }
  const shown = items
    .slice(0, folded)
    .reduce((sum, { kind, examples }) => sum + (kind === "screen" ? examples : 0), 0);
  return {
    values: new Float64Array(players).fill(shown === 0 ? 0 : grand / shown / players),
    standardErrors: new Float64Array(players).fill(Number.POSITIVE_INFINITY),
    observations: 0,
    influences: () => new Float64Array(0),
  };
}

export function saveRun(run: Run): Sums {
  const { folded, grand, isControlled, rounds, strata, difficulty, items } = run;
  return {
    place: Float64Array.of(folded, grand, isControlled ? 1 : 0, rounds, strata.length),
    difficulty,
    items: saveItems(items),
    ...saveStrata(strata),
  };
}

export function loadRun(run: Run, saved: Sums, players: number, seed: number): void {
  const [folded, grand, isControlled, rounds, strata] = saved["place"]!;
  run.difficulty.set(saved["difficulty"]!);
  if (strata! > 0 && run.strata.length === 0) stratify(run, strataBy(run.difficulty), players, seed);
  run.items.splice(0, Infinity, ...loadItems(saved["items"]!));
  Object.assign(run, { folded, grand, rounds, isControlled: isControlled === 1 });
  loadStrata(run.strata, saved);
}
