/** @file What methods gain against what they cost: one point for each method and budget, the budgets of a method joined. */
import * as Plot from "@observablehq/plot";
import type { CompareRecord, Spread } from "../../compare-records.ts";
import { tickText } from "../../format.ts";
import { type Markup, nothing, tableOf } from "../markup.ts";
import { barOf, barsText, entryName, type Method, type Summarised, spreadText } from "../methods.ts";
import { chart } from "./chart.ts";
import { labelsMark } from "./labels-mark.ts";
import { numberAxis } from "./number-axis.ts";
import { inkOf, type SeriesLook } from "./series.ts";

/** What is on the axes. */
export interface CostBenefit {
  readonly title: string;
  readonly cost: {
    readonly label: string;
    readonly of: (entry: Summarised) => Spread;
    readonly told: (value: number) => string;
  };
  readonly benefit: {
    readonly label: string;
    readonly of: (entry: Summarised) => Spread | null;
    readonly told: (value: number) => string;
    readonly isBetterLow: boolean;
    readonly tick?: (value: number) => string;
  };
  /** What it says on the axis below points that cost nothing. */
  readonly free: string;
  readonly caption: string;
}

interface Point {
  readonly look: SeriesLook;
  readonly name: string;
  readonly cost: number;
  /** Place on the axis: what costs nothing has no logarithm. */
  readonly x: number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
  readonly told: string;
}

/** A wider range than this is told on a logarithmic axis. */
const widestLinear = 20;

export function costBenefitChart(
  record: CompareRecord,
  methods: readonly Method[],
  parts: CostBenefit,
): Markup {
  const points = methods.flatMap((method) => pointsOf(method, record, parts));
  if (points.length === 0) return nothing;
  const { left, zero, right } = spanOf(points);
  const placed = points.map((point) => ({ ...point, x: point.cost > 0 ? point.cost : zero }));
  const isLog = widelySpread(placed);
  const floor = Math.min(...placed.map(({ y }) => y)) / 2;
  const drawn = isLog ? placed.map((point) => ({ ...point, low: Math.max(point.low, floor) })) : placed;
  const hasFree = points.some(({ cost }) => cost === 0);
  const where = parts.benefit.isBetterLow
    ? "Lower and further left is better"
    : "Higher and further left is better";
  return chart({
    title: parts.title,
    caption: `${parts.caption} ${where}. ${barsText(record)}${methods.some(({ entries }) => entries.length > 1) ? " Lines join the budgets of a method." : ""}${hasFree ? ` ${parts.free.charAt(0).toUpperCase()}${parts.free.slice(1)} stands for methods that have no such cost.` : ""}`,
    figures: figuresOf(record, methods, parts),
    draw: (width) => ({
      height: 330 + 9 * Math.max(0, methods.length - 8) + (width < 500 ? 60 : 0),
      marginLeft: 62,
      marginRight: 24,
      marginTop: 28,
      marginBottom: 42,
      x: { type: "log", domain: [left, right], axis: null },
      y: {
        ...(isLog && { type: "log" as const }),
        label: `↑ ${parts.benefit.label}`,
        labelArrow: "none",
        grid: true,
        nice: true,
        ticks: 6,
        ...numberAxis(placed.map(({ y }) => y)),
        ...(parts.benefit.tick !== undefined && { tickFormat: parts.benefit.tick }),
        ...(isLog && { tickFormat: (value: number) => tickText(value) }),
      },
      marks: [
        costAxis(hasFree ? zero : undefined, left, right, width, parts),
        ...(hasFree ? [Plot.ruleX([zero * 2.4], { stroke: "var(--line)", strokeWidth: 1.5 })] : []),
        ...methods.flatMap(({ look }) =>
          marksOf(
            drawn.filter((point) => point.look === look),
            look,
          ),
        ),
        labelsMark(
          lastOfEach(drawn).map(({ x, y, look }) => ({ x, y, text: look.name })),
          drawn,
        ),
      ],
    }),
  });
}

function pointsOf({ entries, look }: Method, record: CompareRecord, { cost, benefit }: CostBenefit): Point[] {
  return entries.flatMap((entry) => {
    const spread = benefit.of(entry);
    if (spread === null) return [];
    const spent = cost.of(entry);
    const name = entryName(entry, record);
    const told = `${name}: ${spreadText(spread, benefit.told)}, ${spreadText(spent, cost.told)}`;
    return [{ look, name, cost: spent.mean, x: spent.mean, y: spread.mean, ...barOf(spread), told }];
  });
}

/** Ends of the axis, and the place of what costs nothing. */
function spanOf(points: readonly Point[]): {
  readonly left: number;
  readonly zero: number;
  readonly right: number;
} {
  const costs = points.map(({ cost }) => cost).filter((cost) => cost > 0);
  if (costs.length === 0) return { left: 0.1, zero: 1, right: 10 };
  const low = 10 ** Math.floor(Math.log10(Math.min(...costs)));
  const right = Math.max(...costs) * 2.2;
  if (costs.length === points.length) return { left: Math.min(...costs) / 1.8, zero: low, right };
  const zero = low / 6;
  return { left: zero / 3, zero, right };
}

/** The axis as a mark with texts of its own: a logarithmic scale would leave some of its labels out. */
function costAxis(
  zero: number | undefined,
  left: number,
  right: number,
  width: number,
  { cost, free }: CostBenefit,
): Plot.Markish {
  const powers = powersIn(zero === undefined ? left : zero * 4, right, width);
  return Plot.axisX(zero === undefined ? powers : [zero, ...powers], {
    text: (value: number) => (value === zero ? free : tickText(value)),
    tickSize: 4,
    label: `${cost.label} →`,
    labelArrow: "none",
  });
}

function powersIn(left: number, right: number, width: number): number[] {
  const [from, to] = [Math.ceil(Math.log10(left)), Math.floor(Math.log10(right))];
  const every = Math.ceil((to - from + 1) / (width < 500 ? 4 : 8));
  const powers = Array.from({ length: Math.max(0, to - from + 1) }, (_, k) => 10 ** (from + k)).filter(
    (_, k) => k % every === 0,
  );
  if (powers.length > 2) return powers;
  const finer = powers.flatMap((power) => [power, 2 * power, 5 * power]);
  return [
    ...new Set([...(powers.length === 0 ? [2, 5].map((k) => k * 10 ** (from - 1)) : []), ...finer]),
  ].filter((tick) => tick >= left && tick <= right);
}

function widelySpread(points: readonly Point[]): boolean {
  const values = points.map(({ y }) => y);
  return Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > widestLinear;
}

function lastOfEach(points: readonly Point[]): readonly Point[] {
  return points.filter((point, k) => !points.slice(k + 1).some(({ look }) => look === point.look));
}

function marksOf(own: readonly Point[], look: SeriesLook): Plot.Markish[] {
  return [
    Plot.line(own, { x: "x", y: "y", stroke: inkOf(look), strokeWidth: 1.5, strokeOpacity: 0.8 }),
    Plot.ruleX(
      own.filter(({ low, high }) => low < high),
      { x: "x", y1: "low", y2: "high", stroke: inkOf(look), strokeWidth: 1.5 },
    ),
    Plot.dot(own, { x: "x", y: "y", r: 5, symbol: look.symbol, fill: inkOf(look), title: "told" }),
  ];
}

function figuresOf(
  record: CompareRecord,
  methods: readonly Method[],
  { cost, benefit, title }: CostBenefit,
): Markup {
  const right = { align: "right" } as const;
  const rows = methods.flatMap(({ entries }) =>
    entries.flatMap((entry) => {
      const spread = benefit.of(entry);
      if (spread === null) return [];
      return [
        [entryName(entry, record), spreadText(spread, benefit.told), spreadText(cost.of(entry), cost.told)],
      ];
    }),
  );
  return tableOf(
    title,
    [{ title: "method" }, { title: benefit.label, ...right }, { title: cost.label, ...right }],
    rows,
  );
}
