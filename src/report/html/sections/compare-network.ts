/** @file Quality of the whole network by method and share of channels: cut, repaired, tuned. */
import type { CompareRecord, NetworkSummary } from "../../compare-records.ts";
import { compact, percent, short } from "../../format.ts";
import { type DotKind, dotRowsChart } from "../charts/dot-rows.ts";
import { html, type Markup, tableOf } from "../markup.ts";
import { barOf, barsText, entryName, spreadText } from "../methods.ts";
import { stageNames } from "../quality.ts";
import type { SectionOf } from "./section.ts";

/** Looks as wherever stages are drawn. */
const kinds: readonly (DotKind & { readonly of: "cut" | "repaired" | "tuned" })[] = [
  { name: stageNames.sliced, of: "cut", colour: "removed", symbol: "circle", isHollow: true },
  { name: stageNames.repaired, of: "repaired", colour: "kept", symbol: "triangle" },
  { name: stageNames.tuned, of: "tuned", colour: "tuned", symbol: "square" },
];

export const compareNetworkSection: SectionOf = ({ comparison }) => {
  if (comparison === null) return undefined;
  const charts = comparison.shares.map((share) => shareChart(comparison, share));
  if (charts.every(({ markup }) => markup === "")) return undefined;
  return {
    id: "network",
    title: "The whole network",
    body: html`<p>The same share of every group is gone, by the order of each method.</p>
${charts}`,
  };
};

function shareChart(record: CompareRecord, share: number): Markup {
  const { entries, original } = record;
  const isAccuracy = original.accuracy !== null;
  const told = (value: number) => (isAccuracy ? percent(value) : short(value, 3));
  const found = entries.flatMap((entry) => {
    const summary = entry.summary?.network.find((one) => one.share === share);
    return summary === undefined ? [] : [{ name: entryName(entry, record), summary }];
  });
  const rows = found.map(({ name, summary }) => ({
    name,
    dots: kinds.flatMap(({ name: kind, of }) => {
      const spread = summary[of];
      if (spread === null) return [];
      return [
        { kind, value: spread.mean, ...barOf(spread), told: `${name}, ${kind}: ${spreadText(spread, told)}` },
      ];
    }),
  }));
  const before = isAccuracy ? original.accuracy : original.loss === null ? null : -original.loss;
  return dotRowsChart({
    title: `${isAccuracy ? "Accuracy" : "Minus loss"} with ${percent(share, 0)} of the channels gone`,
    caption: `${remainder(record, share)} Further right is better. ${barsText(record)}`,
    label: isAccuracy ? "accuracy →" : "minus loss →",
    rows,
    kinds,
    ...(before !== null && { rule: { at: before, label: `original (${told(before)})` } }),
    ...(isAccuracy && { tickFormat: (value: number) => `${Number((100 * value).toFixed(2))}%` }),
    figures: figuresOf(found, told, share),
  });
}

/** What is left of the network, which differs a little between methods only where groups round. */
function remainder({ entries, original }: CompareRecord, share: number): string {
  const runs = entries.flatMap((entry) =>
    entry.runs.flatMap(({ network }) => network.filter((one) => one.share === share)),
  );
  if (runs.length === 0) return "";
  const [macs, parameters] = [runs[0]!.macs, runs[0]!.parameters];
  const ratio = (part: number, all: number) => (all === 0 ? "" : ` (${percent(part / all, 1)})`);
  return `What stays has ${compact(macs)} MACs${ratio(macs, original.macs)} and ${compact(parameters)} parameters${ratio(parameters, original.parameters)}.`;
}

function figuresOf(
  found: readonly { readonly name: string; readonly summary: NetworkSummary }[],
  told: (value: number) => string,
  share: number,
): Markup {
  const used = kinds.filter(({ of }) => found.some(({ summary }) => summary[of] !== null));
  const rows = found.map(({ name, summary }) => [
    name,
    ...used.map(({ of }) => (summary[of] === null ? "-" : spreadText(summary[of], told))),
  ]);
  const columns = [
    { title: "method" },
    ...used.map(({ name }) => ({ title: name, align: "right" as const })),
  ];
  return tableOf(`Quality with ${percent(share, 0)} gone`, columns, rows);
}
