/** @file The table that puts our parameters and MACs beside those of a published architecture. */
import { percent, whole } from "../src/report/format.ts";
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
    columns: ["architecture", "parameters, published", "MACs, published", "parameters, ours", "MACs, ours"],
    rows: pairs.map(({ published, ours }) => [
      published.name,
      ...told(published, original),
      ...(ours === null || before === null ? [null, null] : told(ours, before)),
    ]),
    notes: [
      "Published are the architectures, in the authors' code; their figures are counted by us, normalisations included.",
      ...notes,
    ],
  };
}

/** Parameters and MACs, with their shares of the whole where something is gone. */
function told(cost: Cost, all: Cost): [string, string] {
  return [
    withShare(parametersText(cost.parameters), cost.parameters / all.parameters),
    withShare(macsText(cost.macs), cost.macs / all.macs),
  ];
}

function withShare(count: string, share: number): string {
  return share === 1 ? count : `${count} (${percent(share, 0)})`;
}

/** To the digits that the published figures have. */
function parametersText(count: number): string {
  if (count < 1e5) return whole(count);
  return `${(count / 1e6).toFixed(count < 1e6 ? 3 : 2)} M`;
}

function macsText(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} G`;
  return `${(count / 1e6).toFixed(count < 1e6 ? 3 : 1)} M`;
}
