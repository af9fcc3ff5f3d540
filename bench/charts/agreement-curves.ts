/** @file Agreement of rankings against what they cost, a panel for each group. */
import * as Plot from "@observablehq/plot";
import { tickText } from "../../src/report/format.ts";
import { inkOf, type SeriesLook } from "../../src/report/html/charts/series.ts";
import { looksOf } from "../pictures.ts";
import type { Picture, Series } from "../record.ts";

interface Axes {
  readonly x: "rows" | "seconds";
  readonly y: "correlation" | "quarter" | "half";
  readonly title: string;
}

const charts: readonly Axes[] = [
  { x: "rows", y: "correlation", title: "Rank correlation with a very long run, by rows" },
  { x: "seconds", y: "correlation", title: "Rank correlation with a very long run, by seconds" },
  { x: "rows", y: "quarter", title: "Overlap of the lowest quarter, by rows" },
  { x: "rows", y: "half", title: "Overlap of the lowest half, by rows" },
];

export function agreementCurves(series: readonly Series[]): Picture[] {
  if (series.length === 0) return [];
  const names = [...new Set(series.map(({ name }) => name))];
  return charts.map((axes) => ({
    name: `${axes.y}-by-${axes.x}`,
    title: axes.title,
    alt: altOf(series, axes),
    legend: names,
    drawing: drawingOf(series, looksOf(names), axes),
  }));
}

function drawingOf(
  series: readonly Series[],
  looks: ReadonlyMap<string, SeriesLook>,
  { x, y }: Axes,
): Picture["drawing"] {
  const panels = [...new Set(series.map(({ panel }) => panel))];
  return {
    height: 320,
    marginLeft: 48,
    marginTop: 34,
    marginBottom: 44,
    fx: { domain: panels, label: null, axis: null, padding: 0.1 },
    x: {
      type: "log",
      label: `${x}`,
      labelArrow: "none",
      ticks: 4,
      tickFormat: (value: number) => (x === "rows" ? tickText(value) : String(value)),
    },
    y: { label: null, grid: true, nice: true, ticks: 6, domain: [lowest(series, y), 1] },
    marks: [
      Plot.text(panels, {
        fx: (panel: string) => panel,
        text: (panel: string) => panel,
        frameAnchor: "top-left",
        dy: -22,
        fontWeight: 600,
        fill: "var(--text)",
      }),
      ...series.flatMap(({ panel, name, points }) => {
        const look = looks.get(name)!;
        const placed = points.map((point) => ({ ...point, panel }));
        return [
          Plot.lineY(placed, { x, y, fx: "panel", stroke: inkOf(look), strokeWidth: 1.8 }),
          Plot.dot(placed, { x, y, fx: "panel", r: 4, symbol: look.symbol, fill: inkOf(look) }),
        ];
      }),
    ],
  };
}

/** The lower end of an axis that ends at one. */
function lowest(series: readonly Series[], y: Axes["y"]): number {
  const least = Math.min(...series.flatMap(({ points }) => points.map((point) => point[y]!)));
  return Math.min(0.9, Math.floor(least * 10) / 10);
}

/** Where every curve ends, in words. */
function altOf(series: readonly Series[], { title, x, y }: Axes): string {
  const panels = [...new Set(series.map(({ panel }) => panel))];
  const ends = panels.map((panel) => {
    const own = series.filter((one) => one.panel === panel);
    const told = own.map(({ name, points }) => {
      const last = points.at(-1)!;
      return `${name} ${last[y]!.toFixed(2)} at ${tickText(last[x]!)}`;
    });
    return `${panel}: ${told.join(", ")}`;
  });
  return `${title}. At the end of the curves, ${ends.join("; ")}.`;
}
