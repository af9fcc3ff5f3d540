/** @file Which differences between methods are more than noise. */
import { type Difference, holm, pairedDifference, sharedVariance } from "../compare/index.ts";
import { mean } from "../math/sums.ts";
import type { CompareEntry, Contrast } from "../report/compare-records.ts";
import { percent } from "../report/format.ts";
import { protagonists } from "./compare-methods.ts";

/** Scores of one network at each stage, example by example; higher is better. */
export interface NetworkScores {
  readonly cut: Float64Array;
  readonly repaired: Float64Array | null;
  readonly tuned: Float64Array | null;
}

/** An entry with what its networks did on every example. */
export interface Measured {
  readonly entry: CompareEntry;
  /** Shape [seeds][shares]. */
  readonly scores: readonly (readonly NetworkScores[])[];
}

/** Chance to speak of any difference where there is none, over all contrasts of a record together. */
export const risk = 0.05;

type Draft = Omit<Contrast, "verdict"> & { readonly probability: number };

/**
 * Holds single and sequential Shapley values against every other entry of the same budget or of none, measure by
 * measure, paired by seed. None with a single seed.
 */
export function contrastsOf(all: readonly Measured[]): Contrast[] {
  const drafts = pairsOf(all).flatMap(([first, second]) => [
    ...areaContrast(first, second),
    ...networkContrasts(first, second),
  ]);
  const isTold = holm(
    drafts.map(({ probability }) => probability),
    risk,
  );
  return drafts.map(({ probability: _, ...contrast }, k) => ({
    ...contrast,
    verdict: !isTold[k] ? "within noise" : contrast.difference > 0 ? "ahead" : "behind",
  }));
}

/** Each pair once. */
function pairsOf(all: readonly Measured[]): [Measured, Measured][] {
  return protagonists.flatMap((name, rank) =>
    all
      .filter(({ entry }) => entry.name === name && entry.runs.length > 1)
      .flatMap((first) =>
        all
          .filter(({ entry }) => entry.runs.length > 1)
          .filter(({ entry }) => entry.name !== name && !isAmong(entry.name, rank))
          .filter(({ entry }) => entry.budget === null || entry.budget === first.entry.budget)
          .map((second): [Measured, Measured] => [first, second]),
      ),
  );
}

/** Whether a method had its turn as the first of a pair. */
function isAmong(name: string, rank: number): boolean {
  return protagonists.slice(0, rank).some((earlier) => earlier === name);
}

function draftOf(
  { entry: first }: Measured,
  { entry: second }: Measured,
  measure: string,
  { value, low, high, probability }: Difference,
): Draft {
  const { budget } = first;
  return {
    first: first.name,
    second: second.name,
    budget,
    measure,
    difference: value,
    interval: [low, high],
    probability,
  };
}

/** Over the groups both have ranked. */
function areaContrast(first: Measured, second: Measured): Draft[] {
  const ids = (of: Measured) => of.entry.runs[0]!.groups.map(({ id }) => id);
  const common = ids(first).filter((id) => ids(second).includes(id));
  if (common.length === 0) return [];
  const areas = (of: Measured) =>
    of.entry.runs.map(({ groups }) =>
      mean(groups.filter(({ id }) => common.includes(id)).map(({ areaLowest }) => -areaLowest)),
    );
  const isPart = common.length < ids(first).length;
  const measure = isPart ? `area of ${common.join(", ")}` : "area";
  return [draftOf(first, second, measure, pairedDifference(areas(first), areas(second)))];
}

const stages = [
  ["cut", "after the cut"],
  ["repaired", "after repair"],
  ["tuned", "after tuning"],
] as const;

function networkContrasts(first: Measured, second: Measured): Draft[] {
  const shares = first.entry.runs[0]!.network.map(({ share }) => share);
  if (second.entry.runs[0]!.network.length !== shares.length) return [];
  return shares.flatMap((share, place) =>
    stages.flatMap(([stage, inWords]): Draft[] => {
      const [ours, theirs] = [first, second].map((of) => examplesOf(of, place, stage));
      if (ours === undefined || theirs === undefined) return [];
      const isCount = first.entry.runs[0]!.network[place]!.cut.accuracy !== null;
      const measure = `${isCount ? "accuracy" : "loss"} ${inWords}, ${percent(share, 0)} gone`;
      const shared = sharedVariance(ours, theirs, isCount);
      const difference = pairedDifference(ours.map(mean), theirs.map(mean), shared);
      return [draftOf(first, second, measure, difference)];
    }),
  );
}

/** Shape [seeds][examples]; undefined where there is no such stage. */
function examplesOf(
  { scores }: Measured,
  place: number,
  stage: "cut" | "repaired" | "tuned",
): Float64Array[] | undefined {
  const all = scores.map((run) => run[place]![stage]);
  return all.every((one) => one !== null) ? all : undefined;
}
