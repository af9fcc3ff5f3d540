/** @file Several results side by side. */
import * as Plot from "@observablehq/plot";
import { compact, percent, short } from "../../format.ts";
import { chart } from "../charts/chart.ts";
import { html, type Markup, nothing, tableOf } from "../markup.ts";
import type { ReportRecord } from "../record.ts";
import { compareTable, oracleTable } from "./comparison-findings.ts";
import type { Section } from "./section.ts";

interface Entry {
  readonly name: string;
  readonly place: number;
  readonly macs: number;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

/** A table of all results, what oracles and comparisons found, and accuracy against MACs where results have both. */
export function comparisonSection(records: readonly ReportRecord[]): Section {
  const rows = records.map(({ name, command, figures, scoring }) => {
    const after = figures?.after;
    const quality =
      after?.accuracy != null
        ? `${percent(after.accuracy)}${after.accuracyInterval === null ? "" : ` (${percent(after.accuracyInterval[0])} to ${percent(after.accuracyInterval[1])})`}`
        : after?.loss != null
          ? `loss ${short(after.loss, 3)}`
          : "-";
    return [
      name,
      command ?? "-",
      scoring?.criterion ?? "-",
      quality,
      after === undefined ? "-" : compact(after.macs),
      after === undefined ? "-" : compact(after.parameters),
    ];
  });
  const right = { align: "right" } as const;
  const columns = [
    { title: "result" },
    { title: "command" },
    { title: "criterion" },
    { title: "quality (95% interval)", ...right },
    { title: "MACs", ...right },
    { title: "parameters", ...right },
  ];
  return {
    id: "comparison",
    title: "Results side by side",
    body: html`${tableOf("Results side by side", columns, rows)}${oracleTable(records)}${compareTable(records)}${scatter(records)}`,
  };
}

function scatter(records: readonly ReportRecord[]): Markup {
  const entries = records.flatMap(({ name, figures }, place): Entry[] => {
    const after = figures?.after;
    if (after?.accuracy == null) return [];
    const [low, high] = after.accuracyInterval ?? [after.accuracy, after.accuracy];
    return [{ name, place: place + 1, macs: after.macs, accuracy: after.accuracy, low, high }];
  });
  if (entries.length < 2) return nothing;
  const told = ({ name, accuracy, low, high, macs }: Entry) =>
    `${name}: ${percent(accuracy)} (95%: ${percent(low)} to ${percent(high)}), ${compact(macs)} MACs`;
  return chart({
    title: "Accuracy against multiply-accumulates of all results",
    caption: `Numbers are places in the table, bars 95% intervals. ${claimOf(entries)}`,
    figures: tableOf(
      "Accuracy and MACs",
      [{ title: "result" }, { title: "accuracy", align: "right" }, { title: "MACs", align: "right" }],
      entries.map(({ name, accuracy, macs }) => [name, percent(accuracy), compact(macs)]),
    ),
    draw: (width) => ({
      height: 300,
      marginLeft: 58,
      marginTop: 26,
      marginBottom: 42,
      x: {
        label: "multiply-accumulates of an example →",
        labelArrow: "none",
        ticks: width < 500 ? 4 : 8,
        tickFormat: compact,
        nice: true,
        inset: 14,
      },
      y: {
        label: "↑ accuracy",
        labelArrow: "none",
        grid: true,
        nice: true,
        tickFormat: (share: number) => `${Number((100 * share).toFixed(2))}%`,
      },
      marks: [
        Plot.ruleX(entries, { x: "macs", y1: "low", y2: "high", stroke: "var(--kept)", strokeWidth: 1.5 }),
        Plot.dot(entries, { x: "macs", y: "accuracy", r: 4.5, fill: "var(--kept)", title: told }),
        Plot.text(entries, {
          x: "macs",
          y: "accuracy",
          text: ({ place }: Entry) => String(place),
          dx: 10,
          fill: "var(--text)",
        }),
      ],
    }),
  });
}

/** The highest accuracy is only called that where its interval lies above all others. */
function claimOf(entries: readonly Entry[]): string {
  const best = entries.reduce((high, entry) => (entry.accuracy > high.accuracy ? entry : high));
  const rivals = entries.filter((entry) => entry !== best && entry.high >= best.low);
  return rivals.length === 0
    ? `${best.name} is more accurate than all others by more than the intervals leave to chance.`
    : `The highest figure is that of ${best.name}, but ${rivals.length} other ${rivals.length === 1 ? "interval overlaps" : "intervals overlap"} with its own: no winner can be named by accuracy.`;
}
