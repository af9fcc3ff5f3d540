/** @file Rates by workers, in multiples of one worker's, a panel for each group. */
import * as Plot from "@observablehq/plot";
import { inkOf } from "../../src/report/html/charts/series.ts";
import { looksOf } from "../pictures.ts";
import type { Picture, Series } from "../record.ts";

export function scalingCurves(series: readonly Series[]): Picture[] {
  if (series.length === 0) return [];
  const panels = [...new Set(series.map(({ panel }) => panel))];
  const names = [...new Set(series.map(({ name }) => name))];
  const looks = looksOf(names);
  const sizes = [...new Set(series.flatMap(({ points }) => points.map(({ size }) => size!)))];
  const most = Math.max(...sizes, ...series.flatMap(({ points }) => points.map(({ high }) => high!)));
  const drawing: Picture["drawing"] = {
    height: 280,
    marginLeft: 40,
    marginTop: 34,
    marginBottom: 44,
    fx: { domain: panels, label: null, axis: null, padding: 0.12 },
    x: { type: "log", base: 2, label: "threads", labelArrow: "none", ticks: sizes, tickFormat: String },
    y: { label: null, grid: true, domain: [0, most], ticks: 5 },
    marks: [
      Plot.text(panels, {
        fx: (panel: string) => panel,
        text: (panel: string) => panel.replace(" ", "\n"),
        frameAnchor: "top-left",
        dy: -32,
        fontWeight: 600,
        fill: "var(--text)",
      }),
      Plot.line(
        panels.flatMap((panel) => sizes.map((size) => ({ panel, size }))),
        { x: "size", y: "size", fx: "panel", stroke: "var(--line)", strokeDasharray: "4 3" },
      ),
      ...series.flatMap(({ panel, name, points }) => {
        const look = looks.get(name)!;
        const placed = points.map((point) => ({ ...point, panel }));
        return [
          Plot.lineY(placed, { x: "size", y: "median", fx: "panel", stroke: inkOf(look), strokeWidth: 1.8 }),
          Plot.link(placed, { x: "size", y1: "low", y2: "high", fx: "panel", stroke: inkOf(look) }),
          Plot.dot(placed, {
            x: "size",
            y: "median",
            fx: "panel",
            r: 4,
            symbol: look.symbol,
            fill: inkOf(look),
          }),
        ];
      }),
    ],
  };
  const told = series.flatMap(({ panel, name, points }) =>
    points
      .filter(({ size }) => size! > 1)
      .map(({ size, median }) => `${panel}, ${size} ${name}: ${median!.toFixed(2)}`),
  );
  return [
    {
      name: "rates",
      title: "Rows per second, in multiples of one worker's",
      alt: `Rows per second in multiples of one worker's, with a dashed line where they would grow with the threads. ${told.join("; ")}.`,
      legend: names,
      drawing,
    },
  ];
}
