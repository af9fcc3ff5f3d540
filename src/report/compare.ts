/** @file A comparison as text. */
import { metrics } from "../metrics/index.ts";
import { labelOf } from "./compare-conclusions.ts";
import type {
  ComparedGroup,
  CompareEntry,
  CompareRecord,
  NetworkSummary,
  Spread,
} from "./compare-records.ts";
import { compact, duration, percent, short, whole } from "./format.ts";
import { table } from "./table.ts";

/** Everything the command found, for a terminal. */
export function compareText(record: CompareRecord): string {
  const entries = sorted(record.entries);
  return [
    headline(record),
    rankingsTable(record, entries),
    rankingsNote(record),
    ...(record.shares.length === 0 ? [] : [networkTable(record, entries), networkNote(record)]),
    ...missingText(record.entries),
    record.conclusions.map((sentence) => `- ${sentence}`).join("\n"),
  ].join("\n\n");
}

/** Best mean area first; what is missing last. */
function sorted(entries: readonly CompareEntry[]): CompareEntry[] {
  const area = ({ summary }: CompareEntry) => summary?.areaLowest.mean ?? Number.POSITIVE_INFINITY;
  return entries.filter(({ summary }) => summary !== null).sort((a, b) => area(a) - area(b));
}

function headline({ seeds, groups, examples, payoff, original }: CompareRecord): string {
  const { title, unit } = metrics[payoff];
  const each = (count: number) => whole(count / seeds.length);
  const lines = [
    `${seeds.length} ${seeds.length === 1 ? "seed" : "seeds"}, each ranks on ${each(examples.rank)} examples and measures on ${each(examples.curves)} others; payoff "${title.toLowerCase()}" (${unit})`,
    `groups: ${groups.map(groupText).join(", ")}`,
  ];
  if (examples.evaluate > 0) {
    const { accuracy, loss } = original;
    const quality = accuracy === null ? `loss ${short(loss ?? 0)}` : `accuracy ${percent(accuracy)}`;
    lines.push(
      `whole network: ${quality} on ${whole(examples.evaluate)} other examples before anything goes`,
    );
  }
  return lines.join("\n");
}

function groupText({ id, channels, reference }: ComparedGroup): string {
  const known = { exact: "every coalition known", long: "long estimate" };
  return `${id} (${channels}${reference === null ? "" : `, ${known[reference.kind]}`})`;
}

interface Column {
  readonly head: string;
  readonly text: (entry: CompareEntry) => string;
}

function rankingsTable({ groups }: CompareRecord, entries: readonly CompareEntry[]): string {
  type Summary = NonNullable<CompareEntry["summary"]>;
  const spread = (head: string, of: (summary: Summary) => Spread | null, digits: number): Column => ({
    head,
    text: ({ summary }) => spreadText(of(summary!), digits),
  });
  const columns: Column[] = [
    { head: "method", text: ({ name, budget }) => labelOf(name, budget) },
    spread("area lost", ({ areaLowest }) => areaLowest, 3),
    spread("from the top", ({ areaHighest }) => areaHighest, 3),
  ];
  if (groups.some(({ reference }) => reference !== null))
    columns.push(
      spread("Spearman", ({ spearman }) => spearman, 2),
      spread("Kendall", ({ kendall }) => kendall, 2),
    );
  if (groups.some(({ isOracleKnown }) => isOracleKnown))
    columns.push(
      spread("add", ({ oracleAdd }) => oracleAdd, 2),
      spread("remove", ({ oracleRemove }) => oracleRemove, 2),
      spread("regret", ({ oracleRegret }) => oracleRegret, 3),
    );
  columns.push(
    { head: "rows", text: ({ summary }) => (summary!.rows.mean === 0 ? "-" : compact(summary!.rows.mean)) },
    { head: "time", text: ({ summary }) => duration(summary!.seconds.mean) },
    { head: "MiB", text: ({ summary }) => (summary!.memoryBytes.mean / 2 ** 20).toFixed(0) },
  );
  return drawn(columns, entries);
}

function rankingsNote({ payoff, groups }: CompareRecord): string {
  const lines = [
    `area lost: payoff (${metrics[payoff].unit}) lost while channels go from the lowest end, mean over all numbers of channels and groups; lower is better. from the top: likewise from the highest end; higher is better.`,
  ];
  if (groups.some(({ reference }) => reference !== null))
    lines.push("Spearman, Kendall: with Shapley values exact or long estimated.");
  const known = groups.filter(({ isOracleKnown }) => isOracleKnown).map(({ id }) => id);
  if (known.length > 0)
    lines.push(
      `add, remove, regret: against the oracle sets of ${known.join(", ")}; overlap from 0 to 1, and payoff lost.`,
    );
  lines.push("Figures are means over seeds ± their standard deviation.");
  return lines.join("\n");
}

function networkTable({ shares }: CompareRecord, entries: readonly CompareEntry[]): string {
  const stages = ["cut", "repaired", "tuned"] as const;
  const columns: Column[] = [{ head: "method", text: ({ name, budget }) => labelOf(name, budget) }];
  for (const [place, share] of shares.entries()) {
    for (const stage of stages) {
      const of = ({ summary }: CompareEntry): Spread | null =>
        (summary!.network[place] as NetworkSummary)[stage];
      if (entries.some((entry) => of(entry) !== null))
        columns.push({ head: `${percent(share, 0)} ${stage}`, text: (entry) => qualityText(of(entry)) });
    }
  }
  return drawn(columns, entries);
}

function networkNote({ original, examples }: CompareRecord): string {
  const what =
    original.accuracy !== null
      ? `accuracy in per cent on ${whole(examples.evaluate)} examples`
      : "minus the loss";
  return `${what}, once that share of every group is gone: as cut${examples.calibrate > 0 ? ", repaired without training" : ""}${examples.tune > 0 ? ", fine-tuned" : ""}.`;
}

function missingText(entries: readonly CompareEntry[]): string[] {
  const lines = entries
    .filter(({ missing }) => missing !== null)
    .map(({ name, budget, missing }) => `${labelOf(name, budget)}: ${missing}`);
  return lines.length === 0 ? [] : [`Not measured:\n${lines.join("\n")}`];
}

function drawn(columns: readonly Column[], entries: readonly CompareEntry[]): string {
  return table(
    columns.map(({ head }) => head),
    entries.map((entry) => columns.map(({ text }) => text(entry))),
  );
}

function spreadText(spread: Spread | null, digits: number): string {
  if (spread === null) return "-";
  const mean = spread.mean.toFixed(digits);
  return spread.count === 1 ? mean : `${mean} ±${spread.deviation.toFixed(digits)}`;
}

/** Accuracies in per cent; other figures are below 0. */
function qualityText(spread: Spread | null): string {
  if (spread === null) return "-";
  const isShare = spread.mean >= 0;
  if (!isShare) return spreadText(spread, 3);
  return spreadText({ ...spread, mean: 100 * spread.mean, deviation: 100 * spread.deviation }, 1);
}
