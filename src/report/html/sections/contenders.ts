/** @file Several removals from one network side by side, such as those of the demo. */
import { compact, percent, short, whole } from "../../format.ts";
import type { StageQuality } from "../../records.ts";
import { type DotKind, dotRowsChart } from "../charts/dot-rows.ts";
import { html, type Markup, tableOf } from "../markup.ts";
import type { Contender, ReportRecord } from "../record.ts";
import type { SectionOf } from "./section.ts";

/** Looks as wherever stages are drawn. */
const kinds: readonly DotKind[] = [
  { name: "right after the cut", colour: "removed", symbol: "circle", isHollow: true },
  { name: "at the end", colour: "kept", symbol: "triangle" },
];

export const contendersSection: SectionOf = (record) => {
  const { contenders } = record;
  if (contenders.length === 0) return undefined;
  return {
    id: "contenders",
    title: "Rankings side by side",
    body: html`<p>All from the same network, the same examples and the same seed. What follows below shows ${contenders[0]!.name} in full.</p>
${accuracyChart(record)}
${tableOfContenders(contenders)}`,
  };
};

function accuracyChart({ contenders, figures }: ReportRecord): Markup {
  const before = figures?.before?.accuracy;
  const dot = (
    kind: string,
    { accuracy, accuracyInterval }: Pick<StageQuality, "accuracy" | "accuracyInterval">,
  ) => {
    if (accuracy === null) return [];
    const [low, high] = accuracyInterval ?? [accuracy, accuracy];
    return [
      {
        kind,
        value: accuracy,
        low,
        high,
        told: `${percent(accuracy)} (${percent(low)} to ${percent(high)})`,
      },
    ];
  };
  return dotRowsChart({
    title: "Accuracy by ranking",
    caption: `Bars are 95% intervals, without fine-tuning. ${claimOf(contenders)}`,
    label: "accuracy →",
    rows: contenders.map(({ name, cut, after }) => ({
      name,
      dots: [...(cut === null ? [] : dot(kinds[0]!.name, cut)), ...dot(kinds[1]!.name, after)],
    })),
    kinds,
    ...(before != null && { rule: { at: before, label: `original (${percent(before)})` } }),
    tickFormat: (value) => `${Number((100 * value).toFixed(2))}%`,
  });
}

/** A ranking is only called ahead of another where the intervals are apart, and both removed as much. */
function claimOf(contenders: readonly Contender[]): string {
  const [first, ...others] = contenders;
  const rivals = others.filter(({ target }) => target === first!.target);
  const [low, high] = first!.after.accuracyInterval ?? [0, 1];
  const behind = rivals.filter(({ after }) => (after.accuracyInterval?.[1] ?? 1) < low);
  const ahead = rivals.filter(({ after }) => (after.accuracyInterval?.[0] ?? 0) > high);
  const open = rivals.filter((rival) => !behind.includes(rival) && !ahead.includes(rival));
  if (rivals.length === 0) return "No two share a target.";
  const listed = (found: readonly Contender[]) => found.map(({ name }) => name).join(", ");
  const parts = [
    ...(behind.length > 0 ? [`above ${listed(behind)}`] : []),
    ...(ahead.length > 0 ? [`below ${listed(ahead)}`] : []),
    ...(open.length > 0 ? [`not to be told from ${listed(open)}`] : []),
  ];
  return `By these intervals the accuracy of ${first!.name} is, under the same target, ${parts.join("; ")}.`;
}

function tableOfContenders(contenders: readonly Contender[]): Markup {
  const right = { align: "right" } as const;
  const columns = [
    { title: "ranking" },
    { title: "target" },
    { title: "cut", ...right },
    { title: "at the end", ...right },
    { title: "kept channels", ...right },
    { title: "MACs", ...right },
    { title: "parameters", ...right },
    { title: "rows", ...right },
  ];
  const quality = ({ accuracy, loss }: Pick<StageQuality, "accuracy" | "loss">) =>
    accuracy !== null ? percent(accuracy) : loss !== null ? `loss ${short(loss, 3)}` : "-";
  const rows = contenders.map(({ name, target, cut, after, kept, rows: spent }) => [
    name,
    target,
    cut === null ? "-" : quality(cut),
    quality(after),
    kept.map((group) => group.kept).join("-"),
    compact(after.macs),
    compact(after.parameters),
    spent === 0 ? "-" : whole(spent),
  ]);
  return tableOf("Rankings side by side", columns, rows);
}
