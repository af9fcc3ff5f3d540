/** @file Rows of names with values on one axis: dots with intervals, each kind of value by a colour and a shape. */
import * as Plot from "@observablehq/plot";
import { type Content, type Markup, nothing, tableOf } from "../markup.ts";
import { chart, type LegendEntry } from "./chart.ts";
import { rowLabels } from "./labels.ts";
import { numberAxis } from "./number-axis.ts";
import type { SeriesLook } from "./series.ts";

/** A value of a row. */
export interface RowDot {
  /** Name of its kind, see `kinds`. */
  readonly kind: string;
  readonly value: number;
  /** Ends of the interval; the value itself where there is none. */
  readonly low: number;
  readonly high: number;
  readonly told: string;
}

export interface DotRow {
  readonly name: string;
  readonly dots: readonly RowDot[];
}

/** A kind of value, with its look; hollow marks are drawn below filled ones. */
export interface DotKind extends SeriesLook {
  readonly isHollow?: boolean;
}

/** A line across all rows, such as what chance would give. */
export interface DotRule {
  readonly at: number;
  readonly label: string;
}

export interface DotRows {
  readonly title: string;
  readonly caption: Content;
  /** What the axis says. */
  readonly label: string;
  readonly rows: readonly DotRow[];
  readonly kinds: readonly DotKind[];
  readonly rule?: DotRule;
  readonly domain?: readonly [low: number, high: number];
  readonly tickFormat?: (value: number) => string;
  readonly figures?: Markup;
  readonly isSmall?: boolean;
  readonly isLog?: boolean;
}

interface Placed extends RowDot {
  readonly row: number;
  /** Pixels from the middle of the row. */
  readonly shift: number;
}

/** Pixels between rows, and between marks of one row. */
const rowHeight = 22;
const spread = 6;

/** Nothing where no row has a value. */
export function dotRowsChart(parts: DotRows): Markup {
  const { title, caption, rows, kinds, rule, isSmall = false } = parts;
  const dots = rows.flatMap((row) => row.dots);
  if (dots.length === 0) return nothing;
  const used = kinds.filter(({ name }) => dots.some(({ kind }) => kind === name));
  const legend: LegendEntry[] = used.map(({ name, colour, symbol, isHollow }) => ({
    label: name,
    look: isHollow === true ? "dot" : symbol,
    colour,
  }));
  const entries = [
    ...(kinds.length > 1 ? legend : []),
    ...(rule === undefined ? [] : [{ label: rule.label, look: "dashed", colour: "text" } as const]),
  ];
  return chart({
    title,
    caption,
    legend: entries,
    figures: parts.figures ?? figuresOf(title, rows, used),
    draw: (width) => drawing(parts, used, width),
    isSmall,
  });
}

function drawing(
  { label, rows, rule, domain, tickFormat, isLog }: DotRows,
  kinds: readonly DotKind[],
  width: number,
) {
  const { labels, margin } = rowLabels(
    rows.map(({ name }) => name),
    width,
  );
  const isStacked = rows.some(({ dots }) => dots.length > 1);
  const height = isStacked ? Math.max(rowHeight, 12 + spread * kinds.length) : rowHeight;
  const placed = rows.flatMap(({ dots }, row) =>
    dots.map((dot): Placed => {
      const place = kinds.findIndex(({ name }) => name === dot.kind);
      return { ...dot, row, shift: isStacked ? (place - (kinds.length - 1) / 2) * spread : 0 };
    }),
  );
  return {
    height: 50 + (rows.length + 0.2) * height,
    marginLeft: margin,
    marginRight: 22,
    marginTop: 8,
    marginBottom: 42,
    x: {
      ...(isLog === true && { type: "log" as const }),
      label,
      labelArrow: "none" as const,
      grid: true,
      ticks: width < 500 ? 4 : 7,
      ...(domain === undefined ? { nice: true } : { domain: [...domain] }),
      ...numberAxis(placed.flatMap(({ low, high }) => [low, high])),
      ...(tickFormat !== undefined && { tickFormat }),
    },
    y: {
      label: null,
      type: "point" as const,
      domain: rows.map((_, row) => row),
      tickFormat: (row: number) => labels[row] ?? "",
      tickSize: 0,
      padding: 0.6,
    },
    marks: [
      Plot.ruleY(
        rows.map((_, row) => row),
        { y: (row: number) => row, stroke: "var(--line)" },
      ),
      ...(rule === undefined
        ? []
        : [Plot.ruleX([rule.at], { stroke: "var(--text)", strokeDasharray: "5 3", strokeWidth: 1.5 })]),
      ...kinds.flatMap((kind) => marksOf(placed, kind)),
    ],
  };
}

function marksOf(
  placed: readonly Placed[],
  { name, colour, symbol, isHollow = false }: DotKind,
): Plot.Markish[] {
  const own = placed.filter(({ kind }) => kind === name);
  const shift = own[0]?.shift ?? 0;
  const ink = `var(--${colour})`;
  return [
    Plot.ruleY(
      own.filter(({ low, high }) => low < high),
      { x1: "low", x2: "high", y: "row", dy: shift, stroke: ink, strokeWidth: 1.8 },
    ),
    Plot.dot(own, {
      x: "value",
      y: "row",
      dy: shift,
      r: 4.2,
      symbol: isHollow ? "circle" : symbol,
      fill: isHollow ? "var(--page)" : ink,
      stroke: ink,
      strokeWidth: isHollow ? 1.8 : 0.5,
      title: "told",
    }),
  ];
}

function figuresOf(title: string, rows: readonly DotRow[], kinds: readonly DotKind[]): Markup {
  return tableOf(
    title,
    [{ title: "" }, ...kinds.map(({ name }) => ({ title: name }))],
    rows.map(({ name, dots }) => [
      name,
      ...kinds.map((kind) => dots.find((dot) => dot.kind === kind.name)?.told ?? "-"),
    ]),
  );
}
