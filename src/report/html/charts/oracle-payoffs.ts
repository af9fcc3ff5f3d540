/** @file What sets of each size are worth: the best, the mean and the worst, or the best found with what is known of others. */
import * as Plot from "@observablehq/plot";
import { short, whole } from "../../format.ts";
import type { OracleRecord, SizeRecord } from "../../oracle-records.ts";
import { type Markup, tableOf } from "../markup.ts";
import { chart, type LegendEntry } from "./chart.ts";
import { numberAxis } from "./number-axis.ts";

/** @param unit Of the payoff, such as "nats". */
export function oraclePayoffsChart(record: OracleRecord, unit: string): Markup {
  const { sets, search } = record;
  const bounded = sets.flatMap((set) => {
    const bound = boundOf(set);
    return bound === undefined ? [] : [{ ...set, bound }];
  });
  return chart({
    title: search === "exhaustive" ? "Payoff of sets by size" : "Payoff of the best sets found, by size",
    caption: captionOf(record, unit),
    legend: legendOf(search, bounded.length > 0),
    figures: figuresOf(sets, search),
    draw: (width) => ({
      height: 300,
      marginLeft: 62,
      marginTop: 26,
      marginBottom: 42,
      x: {
        label: "channels kept →",
        labelArrow: "none",
        domain: [Math.min(0, ...sets.map(({ size }) => size)), record.channels],
        ticks: Math.min(record.channels, width < 500 ? 5 : 10),
        tickFormat: "d",
        inset: 6,
      },
      y: {
        label: `↑ payoff (${unit})`,
        labelArrow: "none",
        grid: true,
        nice: true,
        ticks: 6,
        ...numberAxis(sets.flatMap(({ worth, worst }) => [worth, worst ?? worth])),
      },
      marks: [
        ...(search === "exhaustive" ? rangeMarks(sets) : []),
        ...boundMarks(bounded),
        ...bestMarks(sets, search),
      ],
    }),
  });
}

function boundOf({ guarantee, worth }: SizeRecord): number | undefined {
  return guarantee.kind === "if-monotone" && guarantee.bound > worth ? guarantee.bound : undefined;
}

function legendOf(search: OracleRecord["search"], isBounded: boolean): LegendEntry[] {
  if (search === "exhaustive")
    return [
      { label: "best", look: "circle", colour: "kept" },
      { label: "mean of all", look: "dashed", colour: "text" },
      { label: "worst", look: "triangle", colour: "removed" },
    ];
  const found = { label: "best found, not known to be the best", look: "circle", colour: "kept" } as const;
  return isBounded ? [found, { label: "room left by the bound", look: "line", colour: "muted" }] : [found];
}

function rangeMarks(sets: readonly SizeRecord[]): Plot.Markish[] {
  return [
    Plot.areaY(sets, { x: "size", y1: "worst", y2: "worth", fill: "var(--kept)", fillOpacity: 0.1 }),
    Plot.lineY(sets, {
      x: "size",
      y: "mean",
      stroke: "var(--text)",
      strokeWidth: 1.8,
      strokeDasharray: "5 3",
    }),
    Plot.lineY(sets, { x: "size", y: "worst", stroke: "var(--removed)", strokeWidth: 1.5 }),
    Plot.dot(sets, {
      x: "size",
      y: "worst",
      r: 3.5,
      symbol: "triangle",
      fill: "var(--removed)",
      title: ({ size, worst }: SizeRecord) => `worst ${size}: ${short(worst!)}`,
    }),
    Plot.dot(sets, {
      x: "size",
      y: "mean",
      r: 4,
      fill: "transparent",
      title: ({ size, mean }: SizeRecord) => `all sets of ${size}, on average: ${short(mean!)}`,
    }),
  ];
}

function boundMarks(bounded: readonly (SizeRecord & { readonly bound: number })[]): Plot.Markish[] {
  return [
    Plot.ruleX(bounded, { x: "size", y1: "worth", y2: "bound", stroke: "var(--muted)", strokeWidth: 2 }),
    Plot.dot(bounded, {
      x: "size",
      y: "bound",
      r: 3,
      stroke: "var(--muted)",
      fill: "var(--page)",
      title: ({ size, bound }) => `${size}: at most ${short(bound)} under the assumption`,
    }),
  ];
}

function bestMarks(sets: readonly SizeRecord[], search: OracleRecord["search"]): Plot.Markish[] {
  const told = ({ size, worth, keep }: SizeRecord) =>
    `best ${search === "exhaustive" ? "" : "found "}${size}: ${short(worth)} (channels ${keep.join(" ")})`;
  return [
    ...(search === "branch-and-bound"
      ? []
      : [Plot.lineY(sets, { x: "size", y: "worth", stroke: "var(--kept)", strokeWidth: 2 })]),
    Plot.dot(sets, { x: "size", y: "worth", r: sets.length > 60 ? 2 : 4, fill: "var(--kept)", title: told }),
  ];
}

function captionOf({ sets, search, channels }: OracleRecord, unit: string): string {
  if (search === "exhaustive") {
    const all = sets.at(-1)!;
    const peak = sets.reduce((high, set) => (set.worth > high.worth ? set : high));
    const half = sets.find(({ size }) => size === Math.round(channels / 2))!;
    const better =
      peak.size < channels && peak.worth > all.worth
        ? ` On these examples the best ${peak.size} are worth ${short(peak.worth - all.worth, 2)} ${unit} more than all ${channels}.`
        : "";
    return `The shaded area holds every set of channels. With all ${channels} channels the payoff is ${short(all.worth, 3)} ${unit}; the best ${half.size} keep ${short(half.worth, 3)}, ${half.size} drawn at random ${short(half.mean!, 3)} on average.${better}`;
  }
  if (search === "beam")
    return `Beam search of ${whole(sets.length)} sizes. These are the best sets found: sets that were not tried may be better.`;
  const proven = sets.filter(
    ({ guarantee }) => guarantee.kind === "if-monotone" && guarantee.isProven,
  ).length;
  return `Branch and bound for ${sets.length === 1 ? "one size" : `${whole(sets.length)} sizes`}. ${whole(proven)} of ${whole(sets.length)} could not be bettered, and bounds hold, only if removing channels never raises the payoff by more than the figure in the table; sets that were not tried may break that.`;
}

function figuresOf(sets: readonly SizeRecord[], search: OracleRecord["search"]): Markup {
  const right = { align: "right" } as const;
  const isAll = search === "exhaustive";
  const columns = [
    { title: "kept" },
    { title: isAll ? "best" : "best found", ...right },
    ...(isAll
      ? [
          { title: "mean", ...right },
          { title: "worst", ...right },
        ]
      : []),
  ];
  const rows = sets.map(({ size, worth, mean, worst }) => [
    String(size),
    short(worth),
    ...(isAll ? [short(mean!), short(worst!)] : []),
  ]);
  return tableOf("Payoff by size", columns, rows);
}
