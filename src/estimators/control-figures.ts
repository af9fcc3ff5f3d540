/** @file What a run with controls knows so far, and the values that follow from it. */
import { addVector, emptyMoments, variances } from "../math/moments.ts";
import { coefficientOf, type PilotItem, residualOf } from "./control-plan.ts";
import {
  blockCount,
  influencesOf,
  loadObservations,
  noObservations,
  type Observations,
  saveObservations,
} from "./observations.ts";
import type { Figures, Sums } from "./scheme.ts";

export interface ControlSums {
  /** Pairs of the pilot with their controls, in the order of items. */
  readonly pilot: PilotItem[];
  /** Coefficients for the pilot's even and odd items, each found on the other half. */
  halves: readonly [number, number];
  /** Coefficient of all later pairs; 0 when they have no controls. */
  coefficient: number;
  /** Share of variance that controls leave. */
  residual: number;
  /** Pairs after the pilot, less their controls. */
  readonly pairs: Observations;
  /** Controls of distinct examples. */
  readonly controls: Observations;
}

export function emptySums(players: number, coefficient: number, residual: number): ControlSums {
  return {
    pilot: [],
    halves: [0, 0],
    coefficient,
    residual,
    pairs: noObservations(players),
    controls: noObservations(players),
  };
}

/** Settles coefficients and residual by what the pilot saw. */
export function closePilot(sums: ControlSums): void {
  const [even, odd] = [0, 1].map((half) => sums.pilot.filter((_, k) => k % 2 === half));
  sums.halves = [coefficientOf(odd!), coefficientOf(even!)];
  sums.coefficient = (sums.halves[0] + sums.halves[1]) / 2;
  sums.residual = (residualOf(even!, sums.halves[0]) + residualOf(odd!, sums.halves[1])) / 2;
}

/**
 * Values from all pairs and controls.
 * @param pilotWeight Share of the pilot; by the number of pairs when left out.
 * @param examples Of the game: controls of all of them leave no error of their own.
 */
export function figuresOf(sums: ControlSums, pilotWeight: number | undefined, examples: number): Figures {
  const { pairs, controls, coefficient } = sums;
  const [first, later] = [pilotPairs(sums), pairs.moments.count];
  const weight = later === 0 ? 1 : (pilotWeight ?? first.count / (first.count + later));
  const multiple =
    controls.moments.count === 0
      ? 0
      : (weight * (sums.halves[0] + sums.halves[1])) / 2 + (1 - weight) * coefficient;
  const seen = controls.moments.count;
  const unseen = seen === 0 ? 0 : Math.max(0, 1 - seen / examples);
  const parts = [
    { weight, variances: variances(first), count: first.count },
    { weight: 1 - weight, variances: variances(pairs.moments), count: later },
    { weight: multiple, variances: variances(controls.moments), count: seen / unseen },
  ].filter(({ weight: own, count }) => own !== 0 && Number.isFinite(count));
  const mean = (at: number) =>
    (weight === 0 ? 0 : weight * first.mean[at]!) +
    (1 - weight) * pairs.moments.mean[at]! +
    multiple * controls.moments.mean[at]!;
  return {
    values: Float64Array.from(pairs.moments.mean, (_, at) => mean(at)),
    standardErrors: Float64Array.from(pairs.moments.mean, (_, at) => {
      if (parts.some(({ count }) => count < 2)) return Number.POSITIVE_INFINITY;
      return Math.sqrt(
        parts.reduce((sum, part) => sum + (part.weight ** 2 * part.variances[at]!) / part.count, 0),
      );
    }),
    observations: later,
    influences: () => influences(sums, weight, multiple * Math.sqrt(unseen)),
  };
}

/** The pilot's pairs less their controls; as they are until there are controls to make up for it. */
function pilotPairs({ pilot, halves, controls, pairs }: ControlSums) {
  const moments = emptyMoments(pairs.moments.mean.length);
  pilot.forEach(({ values, controls: own }, k) => {
    const coefficient = controls.moments.count === 0 ? 0 : halves[k % 2 === 0 ? 0 : 1];
    addVector(
      moments,
      values.map((value, at) => value - coefficient * own[at]!),
    );
  });
  return moments;
}

/** Parts that are independent of each other may share blocks: their products vanish in the mean. */
function influences(sums: ControlSums, weight: number, multiple: number): Float64Array {
  const { pairs, controls, pilot, halves } = sums;
  const size = pairs.moments.mean.length;
  const all = influencesOf(pairs).map((influence) => (1 - weight) * influence);
  const add = (other: Float64Array, times: number) => {
    for (let k = 0; k < all.length; k++) all[k] = all[k]! + times * other[k]!;
  };
  if (multiple !== 0) add(influencesOf(controls), multiple);
  if (weight !== 0) {
    const { mean, count } = pilotPairs(sums);
    pilot.forEach(({ values, controls: own }, k) => {
      const start = (k % blockCount) * size;
      for (let at = 0; at < size; at++) {
        const pair = values[at]! - halves[k % 2 === 0 ? 0 : 1] * own[at]!;
        all[start + at] = all[start + at]! + (weight * (pair - mean[at]!)) / count;
      }
    });
  }
  return all;
}

export function saveSums({ pilot, halves, coefficient, residual, pairs, controls }: ControlSums): Sums {
  const named = (name: string, observations: Observations) =>
    Object.fromEntries(
      Object.entries(saveObservations(observations)).map(([key, sum]) => [`${name} ${key}`, sum]),
    );
  return {
    settled: Float64Array.of(...halves, coefficient, residual),
    pilot: Float64Array.from(pilot.flatMap(({ values, controls: own }) => [...values, ...own])),
    ...named("pairs", pairs),
    ...named("controls", controls),
  };
}

export function loadSums(into: ControlSums, saved: Sums): void {
  const [even, odd, coefficient, residual] = saved["settled"]!;
  Object.assign(into, { halves: [even!, odd!], coefficient: coefficient!, residual: residual! });
  const size = into.pairs.moments.mean.length;
  into.pilot.splice(0);
  for (let at = 0; at < saved["pilot"]!.length; at += 2 * size)
    into.pilot.push({
      values: saved["pilot"]!.slice(at, at + size),
      controls: saved["pilot"]!.slice(at + size, at + 2 * size),
    });
  const own = (name: string): Sums =>
    Object.fromEntries(["count", "mean", "squares", "blocks"].map((key) => [key, saved[`${name} ${key}`]!]));
  loadObservations(into.pairs, own("pairs"));
  loadObservations(into.controls, own("controls"));
}
