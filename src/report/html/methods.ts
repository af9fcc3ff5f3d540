/** @file Methods of a comparison as charts show them: in the order of the record, each with one look on the whole page. */
import type { CompareEntry, CompareRecord, Spread } from "../compare-records.ts";
import { tickText } from "../format.ts";
import { type SeriesLook, seriesLook } from "./charts/series.ts";

/** One method at all its budgets. */
export interface Method {
  /** As it is asked for; charts use it because it is short. */
  readonly name: string;
  readonly title: string;
  readonly look: SeriesLook;
  /** Those with figures of everything, by budget. */
  readonly entries: readonly Summarised[];
}

/** An entry with figures of everything. */
export type Summarised = CompareEntry & { readonly summary: NonNullable<CompareEntry["summary"]> };

/** All methods, those without any figures included, so that looks do not depend on what failed. */
export function methodsOf({ entries }: CompareRecord): readonly Method[] {
  const names = [...new Set(entries.map(({ name }) => name))];
  return names.map((name, place) => {
    const own = entries.filter((entry) => entry.name === name);
    const measured = own.filter((entry): entry is Summarised => entry.summary !== null);
    return {
      name,
      title: own[0]!.title,
      look: seriesLook(name, place),
      entries: measured.sort((a, b) => (a.budget ?? 0) - (b.budget ?? 0)),
    };
  });
}

/** What an entry is called among others: its budget stands behind the name where the method has several. */
export function entryName({ name, budget }: CompareEntry, { entries }: CompareRecord): string {
  const isAlone = entries.filter((entry) => entry.name === name).length === 1;
  return isAlone || budget === null ? name : `${name}, ${tickText(budget)}`;
}

/** Ends of a bar of one standard deviation to each side. */
export function barOf({ mean, deviation }: Spread): { readonly low: number; readonly high: number } {
  return { low: mean - deviation, high: mean + deviation };
}

/** A mean with its deviation in words; without the latter for a single seed. */
export function spreadText({ mean, deviation, count }: Spread, told: (value: number) => string): string {
  return count > 1 ? `${told(mean)} ± ${told(deviation)}` : told(mean);
}

/** What bars over seeds are, for captions. */
export function barsText({ seeds }: CompareRecord): string {
  return seeds.length > 1
    ? `Bars reach one standard deviation over ${seeds.length} seeds to each side.`
    : "There is one seed: nothing is said about noise.";
}
