/** @file Payoff as channels go, by the order of several methods, from either end. */
import * as Plot from "@observablehq/plot";
import { short } from "../../format.ts";
import { type Markup, tableOf } from "../markup.ts";
import { chart } from "./chart.ts";
import { numberAxis } from "./number-axis.ts";
import { inkOf, type SeriesLook, seriesLegend } from "./series.ts";

/** Which channels go first. */
export type End = "lowest go first" | "highest go first";

/** Means over seeds, with one standard deviation to each side. */
export interface CurvePoint {
  readonly gone: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface GoneCurve {
  readonly look: SeriesLook;
  readonly end: End;
  readonly points: readonly CurvePoint[];
  /** Drawn grey and without a name, behind the others. */
  readonly isBehind: boolean;
}

export interface GoneCurves {
  readonly title: string;
  readonly caption: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Shares of channels rather than numbers. */
  readonly isShare: boolean;
  readonly curves: readonly GoneCurve[];
  readonly isSmall: boolean;
}

interface Placed extends CurvePoint {
  readonly end: End;
  readonly told: string;
}

const ends: readonly End[] = ["lowest go first", "highest go first"];

/** Marks on a line at the most: they tell lines apart, and more would hide them. */
const mostMarks = 9;

export function goneCurvesChart(parts: GoneCurves): Markup {
  const named = parts.curves.filter(({ isBehind, end }) => !isBehind && end === ends[0]);
  return chart({
    title: parts.title,
    caption: parts.caption,
    legend: parts.isSmall ? [] : curveLegend(parts.curves),
    figures: figuresOf(parts, named),
    draw: (width) => drawing(parts, width),
    isSmall: parts.isSmall,
  });
}

/** Names and looks, for one legend above many small charts. */
export function curveLegend(curves: readonly GoneCurve[]) {
  const named = curves.filter(({ isBehind, end }) => !isBehind && end === ends[0]);
  const behind = curves.some(({ isBehind }) => isBehind);
  return [
    ...seriesLegend(named.map(({ look }) => look)),
    ...(behind ? [{ label: "others", look: "line", colour: "line" } as const] : []),
  ];
}

function drawing({ curves, xLabel, yLabel, isShare }: GoneCurves, width: number): Plot.PlotOptions {
  const isNarrow = width < 500;
  const facet = isNarrow ? "fy" : "fx";
  return {
    height: isNarrow ? 440 : 300,
    marginLeft: 56,
    marginRight: isNarrow ? 24 : 12,
    marginTop: isNarrow ? 46 : 50,
    marginBottom: 42,
    [facet]: { domain: ends, label: null, axis: null, padding: isNarrow ? 0.24 : 0.11 },
    x: {
      label: xLabel,
      labelArrow: "none",
      ticks: isNarrow ? 4 : 5,
      inset: 4,
      ...(isShare ? { tickFormat: "%" } : { tickFormat: "d" }),
    },
    y: {
      label: `↑ ${yLabel}`,
      labelArrow: "none",
      grid: true,
      nice: true,
      ticks: 5,
      ...(isShare
        ? { tickFormat: "%" }
        : numberAxis(curves.flatMap(({ points }) => points.map(({ value }) => value)))),
    },
    marks: [
      Plot.text(ends, {
        [facet]: (end: End) => end,
        text: (end: End) => end,
        frameAnchor: "top-left",
        dy: -18,
        dx: 4,
        fontWeight: 600,
        fill: "var(--text)",
      }),
      ...curves.filter(({ isBehind }) => isBehind).map((curve) => faintLine(curve, facet)),
      ...curves.filter(({ isBehind }) => !isBehind).flatMap((curve) => marksOf(curve, facet, isShare)),
    ],
  };
}

function faintLine({ points, end }: GoneCurve, facet: "fx" | "fy"): Plot.Markish {
  return Plot.lineY(points, {
    x: "gone",
    y: "value",
    [facet]: () => end,
    stroke: "var(--line)",
    strokeWidth: 1.5,
  });
}

function marksOf({ look, points, end }: GoneCurve, facet: "fx" | "fy", isShare: boolean): Plot.Markish[] {
  const every = Math.ceil(points.length / mostMarks);
  const placed = points.map((point): Placed => ({ ...point, end, told: told(look, point, isShare) }));
  const where = { x: "gone", [facet]: "end" };
  return [
    ...(placed.some(({ low, high }) => low < high)
      ? [Plot.areaY(placed, { ...where, y1: "low", y2: "high", fill: inkOf(look), fillOpacity: 0.13 })]
      : []),
    Plot.lineY(placed, { ...where, y: "value", stroke: inkOf(look), strokeWidth: 1.8 }),
    Plot.dot(
      placed.filter((_, k) => k % every === 0),
      { ...where, y: "value", r: 3.6, symbol: look.symbol, fill: inkOf(look), title: "told" },
    ),
  ];
}

function told({ name }: SeriesLook, { gone, value, low, high }: CurvePoint, isShare: boolean): string {
  const number = (one: number) => (isShare ? `${(100 * one).toFixed(1)}%` : short(one, 3));
  const spread = low < high ? ` ± ${number((high - low) / 2)}` : "";
  return `${name}, ${isShare ? number(gone) : gone} gone: ${number(value)}${spread}`;
}

function figuresOf({ curves, title, isShare }: GoneCurves, named: readonly GoneCurve[]): Markup {
  const steps = named[0]?.points ?? [];
  const right = { align: "right" } as const;
  const rows = steps.map(({ gone }, k) => [
    isShare ? `${Math.round(100 * gone)}%` : String(gone),
    ...named.flatMap(({ look }) =>
      ends.map((end) => {
        const curve = curves.find((one) => one.look === look && one.end === end);
        const value = curve?.points[k]?.value;
        return value === undefined ? "-" : isShare ? `${(100 * value).toFixed(1)}%` : short(value, 3);
      }),
    ),
  ]);
  const columns = [
    { title: "gone" },
    ...named.flatMap(({ look: { name } }) =>
      ["lowest first", "highest first"].map((end) => ({ title: `${name}, ${end}`, ...right })),
    ),
  ];
  return tableOf(title, columns, rows);
}
