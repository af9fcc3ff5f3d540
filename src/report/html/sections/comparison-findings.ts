/** @file What several oracles, and several comparisons of methods, found, a line for each. */
import { metrics } from "../../../metrics/index.ts";
import type { CompareEntry, CompareRecord } from "../../compare-records.ts";
import { compact, short, whole } from "../../format.ts";
import type { OracleRecord } from "../../oracle-records.ts";
import { type Markup, nothing, tableOf } from "../markup.ts";
import type { ReportRecord } from "../record.ts";

const right = { align: "right" } as const;

/** Oracles by name; nothing where there are none. */
export function oracleTable(records: readonly ReportRecord[]): Markup {
  const rows = records.flatMap(({ name, oracle }) => (oracle === null ? [] : [oracleRow(name, oracle)]));
  if (rows.length === 0) return nothing;
  return tableOf(
    "Oracles side by side",
    [
      { title: "result" },
      { title: "group" },
      { title: "search" },
      { title: "coalitions", ...right },
      { title: "payoff" },
      { title: "all channels", ...right },
      { title: "best half of them", ...right },
      { title: "ranking closest to the best sets (mean regret)" },
    ],
    rows,
  );
}

function oracleRow(name: string, found: OracleRecord): string[] {
  const { group, channels, search, coalitions, payoff, sets, oracle } = found;
  const worthOf = (size: number): string => {
    const set = sets.find((one) => one.size === size);
    return set === undefined ? "-" : short(set.worth, 3);
  };
  const best = [...(oracle?.rankings ?? [])].sort(
    (a, b) => a.judgement.regretMean - b.judgement.regretMean,
  )[0];
  return [
    name,
    `${group} (${whole(channels)})`,
    search,
    compact(coalitions),
    `${payoff} (${metrics[payoff].unit})`,
    worthOf(channels),
    worthOf(Math.floor(channels / 2)),
    best === undefined ? "-" : `${best.name} (${short(best.judgement.regretMean, 3)})`,
  ];
}

/** Comparisons by name; nothing where there are none. */
export function compareTable(records: readonly ReportRecord[]): Markup {
  const rows = records.flatMap(({ name, comparison }) =>
    comparison === null ? [] : [compareRow(name, comparison)],
  );
  if (rows.length === 0) return nothing;
  return tableOf(
    "Comparisons side by side",
    [
      { title: "result" },
      { title: "payoff" },
      { title: "methods", ...right },
      { title: "seeds", ...right },
      { title: "rows for each group", ...right },
      { title: "least area below the curve (standard deviation over seeds)" },
      { title: "next" },
    ],
    rows,
  );
}

function compareRow(name: string, { payoff, entries, seeds, budgets }: CompareRecord): string[] {
  const measured = entries.filter(({ summary }) => summary !== null);
  const [first, second] = measured.sort((a, b) => areaOf(a).mean - areaOf(b).mean);
  return [
    name,
    `${payoff} (${metrics[payoff].unit})`,
    whole(new Set(entries.map((entry) => entry.name)).size),
    whole(seeds.length),
    budgets.map(compact).join(", "),
    first === undefined ? "-" : areaText(first),
    second === undefined ? "-" : areaText(second),
  ];
}

function areaOf({ summary }: CompareEntry) {
  return summary!.areaLowest;
}

function areaText(entry: CompareEntry): string {
  const { mean, deviation } = areaOf(entry);
  const rows = entry.budget === null ? "" : ` (${compact(entry.budget)} rows)`;
  return `${entry.name}${rows}: ${short(mean, 3)} ± ${short(deviation, 3)}`;
}
