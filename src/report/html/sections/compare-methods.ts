/** @file All figures of all methods, and what could not be measured. */
import { metrics } from "../../../metrics/index.ts";
import type { CompareRecord } from "../../compare-records.ts";
import { bytes, compact, percent, short } from "../../format.ts";
import { type Column, html, type Markup, nothing, tableOf } from "../markup.ts";
import { entryName, methodsOf, type Summarised, spreadText } from "../methods.ts";
import type { SectionOf } from "./section.ts";

export const compareMethodsSection: SectionOf = ({ comparison }) => {
  if (comparison === null) return undefined;
  const entries = methodsOf(comparison).flatMap((method) => method.entries);
  return {
    id: "methods",
    title: "All methods",
    body: html`${entries.length === 0 ? nothing : html`${rankingTable(comparison, entries)}${networkTable(comparison, entries)}${costTable(comparison, entries)}`}
${missingTable(comparison)}`,
  };
};

interface Figure extends Column {
  readonly told: (entry: Summarised) => string;
}

function figuresTable(
  title: string,
  record: CompareRecord,
  entries: readonly Summarised[],
  figures: readonly Figure[],
): Markup {
  const used = figures.filter(({ told }) => entries.some((entry) => told(entry) !== "-"));
  const rows = entries.map((entry) => [entryName(entry, record), ...used.map(({ told }) => told(entry))]);
  return html`<p class="chart-title">${title}</p>
${tableOf(title, [{ title: "method" }, ...used], rows)}`;
}

function rankingTable(record: CompareRecord, entries: readonly Summarised[]): Markup {
  const { unit } = metrics[record.payoff];
  type Name = Exclude<keyof Summarised["summary"], "network">;
  const figure = (title: string, name: Name, digits?: number): Figure => ({
    title,
    align: "right",
    told: ({ summary }) => {
      const spread = summary[name];
      return spread === null
        ? "-"
        : spreadText(spread, (value) => (digits === undefined ? short(value, 3) : value.toFixed(digits)));
    },
  });
  return html`${figuresTable("Rankings of groups", record, entries, [
    figure("lost, lowest first", "areaLowest"),
    figure("lost, highest first", "areaHighest"),
    figure("rho", "spearman", 2),
    figure("tau", "kendall", 2),
    figure("oracle add", "oracleAdd", 2),
    figure("oracle remove", "oracleRemove", 2),
    figure("regret", "oracleRegret"),
  ])}
<p class="note">Lost: mean payoff lost (${unit}) over all numbers of channels gone, lower is better with the lowest first, higher with the
highest first. rho and tau: rank correlation with the reference. Means over groups and seeds, with one standard deviation over seeds.</p>`;
}

function networkTable(record: CompareRecord, entries: readonly Summarised[]): Markup {
  const isAccuracy = record.original.accuracy !== null;
  const told = (value: number) => (isAccuracy ? percent(value, 1) : short(value, 3));
  if (entries.every(({ summary }) => summary.network.length === 0)) return nothing;
  const figures = record.shares.flatMap((share) =>
    (["cut", "repaired", "tuned"] as const).map(
      (stage): Figure => ({
        title: `${percent(share, 0)} gone, ${stage}`,
        align: "right",
        told: ({ summary }) => {
          const spread = summary.network.find((one) => one.share === share)?.[stage];
          return spread == null ? "-" : spreadText(spread, told);
        },
      }),
    ),
  );
  return figuresTable(
    isAccuracy ? "Accuracy of the network" : "Minus loss of the network",
    record,
    entries,
    figures,
  );
}

function costTable(record: CompareRecord, entries: readonly Summarised[]): Markup {
  const right = { align: "right" } as const;
  return figuresTable("Cost", record, entries, [
    { title: "what it is", told: ({ title }) => title },
    {
      title: "rows",
      ...right,
      told: ({ summary }) => (summary.rows.mean === 0 ? "-" : spreadText(summary.rows, compact)),
    },
    {
      title: "seconds",
      ...right,
      told: ({ summary }) => spreadText(summary.seconds, (value) => short(value, 2)),
    },
    { title: "memory", ...right, told: ({ summary }) => bytes(Math.round(summary.memoryBytes.mean)) },
  ]);
}

function missingTable(record: CompareRecord): Markup {
  const rows = record.entries.flatMap((entry) =>
    entry.missing === null ? [] : [[entryName(entry, record), entry.missing]],
  );
  if (rows.length === 0) return nothing;
  return html`<p class="chart-title">Not measured</p>
${tableOf("Not measured", [{ title: "method" }, { title: "why" }], rows)}`;
}
