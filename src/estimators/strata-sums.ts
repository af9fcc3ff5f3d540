/** @file What a stratified run knows so far, and the values that follow from it. */
import { addVector, emptyMoments, type Moments, variances } from "../math/moments.ts";
import {
  blockCount,
  influencesOf,
  loadObservations,
  noObservations,
  type Observations,
  observe,
  saveObservations,
} from "./observations.ts";
import type { Figures, Sums } from "./scheme.ts";
import { shrunk } from "./shrunk-corrections.ts";
import type { StratumSpread } from "./strata-plan.ts";

/** A pair of walks and the control of its example, each [players]. */
export interface ControlledPair {
  readonly values: Float64Array;
  readonly controls: Float64Array;
}

/** What is known of one stratum. */
export interface StratumSums {
  readonly examples: number;
  /** Gradients that there are: one of each example, or one at each of its openings where these take turns. */
  readonly gradients: number;
  /** Pairs of the pilot, with controls where there are any. */
  readonly pilot: ControlledPair[];
  /** Later pairs, less their controls where the run is controlled. */
  readonly pairs: Observations;
  /** Controls of distinct examples, none of them drawn by the pilot. */
  readonly controls: Observations;
}

export function emptyStratum(players: number, examples: number, gradients: number): StratumSums {
  return {
    examples,
    gradients,
    pilot: [],
    pairs: noObservations(players),
    controls: noObservations(players),
  };
}

/** How values are put together. */
export interface Assembly {
  /** Whether controls are taken off later pairs. */
  readonly isControlled: boolean;
  /** Share of the pilot in every stratum; by the number of pairs when left out. */
  readonly pilotWeight: number | undefined;
  /** Whether what pairs correct is shrunk to what it is sure of. */
  readonly shrinks: boolean;
}

/** How much a stratum varies, told by its pilot and by gradients alone. */
export function spreadOf({ examples, pilot, controls }: StratumSums): Omit<StratumSpread, "seen"> {
  return {
    examples,
    walks: deviation(momentsOf(pilot.map(({ values }) => values))),
    rest: deviation(momentsOf(pilot.map(lessControls))),
    controls: deviation(controls.moments),
  };
}

/** How much pairs less their controls have varied so far; undefined before there are two. */
export function restSoFar({ pairs: { moments } }: StratumSums): number | undefined {
  return moments.count < 2 ? undefined : deviation(moments);
}

/** Of all players together; 0 before there are two. */
function deviation(moments: Moments): number {
  return Math.sqrt(moments.count < 2 ? 0 : variances(moments).reduce((sum, variance) => sum + variance, 0));
}

/** Part of one stratum in the values. */
interface Part {
  readonly sums: StratumSums;
  /** Share of the stratum's examples in all. */
  readonly share: number;
  readonly pilot: Moments;
  readonly pilotWeight: number;
  /** Multiple of the mean control. */
  readonly control: number;
  /** Variances of pairs, as far as they are known. */
  readonly variances: Float64Array;
}

/** What walks correct, and how sure that is. */
export interface Corrections {
  /** Shape [players]. */
  readonly corrections: Float64Array;
  /** Their squared standard errors; infinite where they are not known. */
  readonly squaredErrors: Float64Array;
  /** Pairs they rest on, those of the pilot not counted. */
  readonly pairs: number;
}

export function correctionsOf(strata: readonly StratumSums[], assembly: Assembly): Corrections {
  return correctionsIn(partsOf(strata, assembly));
}

function correctionsIn(parts: readonly Part[]): Corrections {
  return {
    corrections: sumOver(
      parts,
      ({ sums: { pairs }, share, pilot, pilotWeight }, at) =>
        share * (pilotWeight * (pilot.mean[at] ?? 0) + (1 - pilotWeight) * pairs.moments.mean[at]!),
    ),
    squaredErrors: sumOver(parts, (part, at) => part.share ** 2 * squaredErrorOfPairs(part, at)),
    pairs: parts.reduce((sum, { sums }) => sum + sums.pairs.moments.count, 0),
  };
}

function partsOf(strata: readonly StratumSums[], assembly: Assembly): Part[] {
  const total = strata.reduce((sum, { examples }) => sum + examples, 0);
  return strata.map((sums) => partOf(sums, sums.examples / total, assembly));
}

/** Shape [players]. */
function sumOver(parts: readonly Part[], of: (part: Part, at: number) => number): Float64Array {
  const { length } = parts[0]!.sums.pairs.moments.mean;
  return Float64Array.from({ length }, (_, at) => parts.reduce((sum, part) => sum + of(part, at), 0));
}

export function figuresOf(strata: readonly StratumSums[], assembly: Assembly): Figures {
  const parts = partsOf(strata, assembly);
  const controls = sumOver(
    parts,
    ({ sums, share, control }, at) => share * control * sums.controls.moments.mean[at]!,
  );
  const { corrections, squaredErrors: ofPairs, pairs } = correctionsIn(parts);
  const ofControls = sumOver(parts, (part, at) => part.share ** 2 * squaredErrorOfControls(part, at));
  const size = controls.length;
  const kept = assembly.shrinks
    ? shrunk(corrections, ofPairs, pairs)
    : { trust: ones(size), squared: ofPairs };
  return {
    values: controls.map((control, at) => control + kept.trust[at]! * corrections[at]!),
    standardErrors: ofControls.map((squared, at) => Math.sqrt(squared + kept.squared[at]!)),
    observations: pairs,
    influences: () =>
      influencesOfAll(
        parts,
        size,
        // as large as corrections are off
        ofPairs.map((squared, at) =>
          squared > 0 && Number.isFinite(squared) ? Math.sqrt(kept.squared[at]! / squared) : 1,
        ),
      ),
  };
}

function ones(size: number): Float64Array {
  return new Float64Array(size).fill(1);
}

function partOf(sums: StratumSums, share: number, { isControlled, pilotWeight }: Assembly): Part {
  const { pairs, controls } = sums;
  const hasControls = controls.moments.count > 0;
  const pilot = momentsOf(
    sums.pilot.map(hasControls ? lessControls : ({ values }) => values),
    pairs.moments.mean.length,
  );
  // without any pair, zero is what they correct
  const weight =
    pilot.count === 0
      ? 0
      : pairs.moments.count === 0
        ? 1
        : (pilotWeight ?? pilot.count / (pilot.count + pairs.moments.count));
  return {
    sums,
    share,
    pilot,
    pilotWeight: weight,
    control: hasControls ? weight + (isControlled ? 1 - weight : 0) : 0,
    variances: variances(pairs.moments.count < 2 ? pilot : pairs.moments),
  };
}

/** Squared error of what pairs say of a stratum: they count as drawn anew each time. */
function squaredErrorOfPairs({ sums, pilot, pilotWeight, variances: own }: Part, at: number): number {
  if (Number.isNaN(own[at] ?? Number.NaN)) return Number.POSITIVE_INFINITY;
  const of = (weight: number, count: number) => (weight === 0 ? 0 : (weight ** 2 * own[at]!) / count);
  return of(pilotWeight, pilot.count) + of(1 - pilotWeight, sums.pairs.moments.count);
}

/** Squared error of the mean control of a stratum, for these very examples. */
function squaredErrorOfControls({ sums: { controls, gradients }, control }: Part, at: number): number {
  const seen = controls.moments.count;
  const unseen = control === 0 ? 0 : control ** 2 * Math.max(0, 1 / seen - 1 / gradients);
  if (unseen === 0) return 0;
  return seen < 2 ? Number.POSITIVE_INFINITY : (unseen * controls.moments.squares[at]!) / (seen - 1);
}

/** Parts that are independent of each other may share blocks: their products vanish in the mean. */
function influencesOfAll(parts: readonly Part[], size: number, kept: Float64Array): Float64Array {
  const all = new Float64Array(blockCount * size);
  const add = (influences: Float64Array, times: number, of?: Float64Array) => {
    if (times === 0) return;
    for (let k = 0; k < all.length; k++)
      all[k] = all[k]! + times * influences[k]! * (of === undefined ? 1 : of[k % size]!);
  };
  for (const { sums, share, pilot, pilotWeight, control } of parts) {
    const { pairs, controls, gradients } = sums;
    if (pairs.moments.count > 0) add(influencesOf(pairs), share * (1 - pilotWeight), kept);
    const unseen = Math.sqrt(Math.max(0, 1 - controls.moments.count / gradients));
    if (control !== 0) add(influencesOf(controls), share * control * unseen);
    if (pilotWeight === 0) continue;
    const observed = noObservations(size);
    for (const pair of sums.pilot) observe(observed, control === 0 ? pair.values : lessControls(pair));
    add(influencesOf(observed), (share * pilotWeight * observed.moments.count) / pilot.count, kept);
  }
  return all;
}

function lessControls({ values, controls }: ControlledPair): Float64Array {
  return values.map((value, at) => value - controls[at]!);
}

function momentsOf(vectors: readonly Float64Array[], size = vectors[0]?.length ?? 0): Moments {
  const moments = emptyMoments(size);
  for (const vector of vectors) addVector(moments, vector);
  return moments;
}

export function saveStrata(strata: readonly StratumSums[]): Sums {
  const sums: Record<string, Float64Array> = {};
  strata.forEach(({ pilot, pairs, controls }, h) => {
    sums[`${h} pilot`] = Float64Array.from(pilot.flatMap((pair) => [...pair.values, ...pair.controls]));
    for (const [name, observations] of Object.entries({ pairs, controls }))
      for (const [key, sum] of Object.entries(saveObservations(observations)))
        sums[`${h} ${name} ${key}`] = sum;
  });
  return sums;
}

export function loadStrata(strata: readonly StratumSums[], saved: Sums): void {
  strata.forEach(({ pilot, pairs, controls }, h) => {
    const size = pairs.moments.mean.length;
    const numbers = saved[`${h} pilot`]!;
    pilot.splice(0);
    for (let at = 0; at < numbers.length; at += 2 * size)
      pilot.push({ values: numbers.slice(at, at + size), controls: numbers.slice(at + size, at + 2 * size) });
    for (const [name, observations] of Object.entries({ pairs, controls })) {
      const keys = ["count", "mean", "squares", "blocks"];
      loadObservations(
        observations,
        Object.fromEntries(keys.map((key) => [key, saved[`${h} ${name} ${key}`]!])),
      );
    }
  });
}
