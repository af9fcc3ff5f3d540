/** @file From pieces to the record of a comparison: runs, and their spread over seeds. */
import { areaLost, spreadOf } from "../compare/index.ts";
import { mean } from "../math/sums.ts";
import type {
  CompareEntry,
  CompareRun,
  GroupRun,
  NetworkQuality,
  NetworkRun,
  NetworkSummary,
  Spread,
} from "../report/compare-records.ts";
import type { Curves } from "./compare-curves.ts";
import type { Method } from "./compare-methods.ts";
import { judged, type Reference } from "./compare-reference.ts";

/** One group ranked, held against what is known of it. */
export function groupRun(
  id: string,
  sizes: readonly number[],
  values: readonly number[],
  reference: Reference,
  curves: Curves,
): GroupRun {
  const { order, ...scores } = judged(values, reference);
  return {
    id,
    order,
    ...curves,
    areaLowest: areaLost(sizes, curves.lowestGone),
    areaHighest: areaLost(sizes, curves.highestGone),
    ...scores,
  };
}

/** An entry; figures of groups are averaged before they are spread over seeds. */
export function entryOf(
  { name, title, budget }: Method,
  missing: string | null,
  runs: readonly CompareRun[],
): CompareEntry {
  return { name, title, budget, missing, runs, summary: missing === null ? summaryOf(runs) : null };
}

function summaryOf(runs: readonly CompareRun[]): NonNullable<CompareEntry["summary"]> {
  const overGroups = (of: (group: GroupRun) => number | null | undefined) =>
    spreadOrNull(runs.map(({ groups }) => meanOrNull(groups.map(of))));
  return {
    areaLowest: overGroups(({ areaLowest }) => areaLowest)!,
    areaHighest: overGroups(({ areaHighest }) => areaHighest)!,
    spearman: overGroups(({ spearman }) => spearman),
    kendall: overGroups(({ kendall }) => kendall),
    oracleAdd: overGroups(({ oracle }) => oracle?.add),
    oracleRemove: overGroups(({ oracle }) => oracle?.remove),
    oracleRegret: overGroups(({ oracle }) => oracle?.regret),
    rows: spreadOf(runs.map(({ rows }) => rows)),
    seconds: spreadOf(runs.map(({ seconds }) => seconds)),
    memoryBytes: spreadOf(runs.map(({ memoryBytes }) => memoryBytes)),
    network: networkSummaries(runs),
  };
}

function networkSummaries(runs: readonly CompareRun[]): NetworkSummary[] {
  return runs[0]!.network.map(({ share }, place): NetworkSummary => {
    const of = (stage: "cut" | "repaired" | "tuned") =>
      spreadOrNull(runs.map(({ network }) => figureOf(network[place]!, stage)));
    return { share, cut: of("cut"), repaired: of("repaired"), tuned: of("tuned") };
  });
}

function figureOf(run: NetworkRun, stage: "cut" | "repaired" | "tuned"): number | null {
  const quality: NetworkQuality | null = run[stage];
  if (quality === null) return null;
  return quality.accuracy ?? (quality.loss === null ? null : -quality.loss);
}

function meanOrNull(values: readonly (number | null | undefined)[]): number | null {
  const known = values.filter((value) => typeof value === "number");
  return known.length === 0 ? null : mean(known);
}

function spreadOrNull(values: readonly (number | null)[]): Spread | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : spreadOf(known);
}
