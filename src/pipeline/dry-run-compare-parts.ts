/** @file What the parts of a planned comparison have in common. */

import type { Dataset } from "../datasets/index.ts";
import type { PlannedStage } from "../report/dry-run-records.ts";
import type { CompareSetting } from "./compare-bench.ts";
import { fewOf } from "./dry-run-probe.ts";

/** Everything a plan is made from. */
export interface Scene {
  readonly setting: CompareSetting;
  /** Seconds for one example through the original network. */
  readonly exampleSeconds: number;
}

/** A part of the plan. */
export interface Planned {
  readonly stages: readonly PlannedStage[];
  /** Rows by the names of groups. */
  readonly rows: ReadonlyMap<string, number>;
  readonly memoryBytes: number;
}

/** The payoff without labels asks the network about every example; a plan needs to know only which payoff that is. */
export function toAsk(dataset: Dataset): Dataset {
  return dataset.labels === undefined ? fewOf(dataset) : dataset;
}

export function added(all: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const rows of all) for (const [id, count] of rows) sums.set(id, (sums.get(id) ?? 0) + count);
  return sums;
}
