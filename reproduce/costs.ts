/** @file The table that puts our parameters and MACs beside those of a published architecture. */
import { compact, percent, whole } from "../src/report/format.ts";
import type { PublishedArchitecture } from "./published.ts";
import type { StudyTable } from "./study.ts";

export interface Cost {
  readonly parameters: number;
  readonly macs: number;
}

export interface CostPair {
  readonly published: PublishedArchitecture;
  /** Ours; null where it was not made. */
  readonly ours: Cost | null;
}

/** Rows as given; shares refer to the first, the network before anything is removed. */
export function costTable(pairs: readonly [CostPair, ...CostPair[]], notes: readonly string[]): StudyTable {
  const [{ published: original, ours: before }] = pairs;
  return {
    title: "Parameters and multiply-accumulates",
    columns: ["architecture", "parameters, published*", "MACs, published*", "parameters, ours", "MACs, ours"],
    rows: pairs.map(({ published, ours }) => [
      published.name,
      withShare(published.parameters, original.parameters),
      withShare(published.macs, original.macs),
      ours === null || before === null ? null : withShare(ours.parameters, before.parameters),
      ours === null || before === null ? null : withShare(ours.macs, before.macs),
    ]),
    notes: [
      "* The architecture is published in the authors' code; the figures are counted by us in it, with its normalisations.",
      ...notes,
    ],
  };
}

function withShare(count: number, all: number): string {
  const told = count < 1e6 ? whole(count) : compact(count);
  return count === all ? told : `${told} (${percent(count / all, 0)})`;
}
