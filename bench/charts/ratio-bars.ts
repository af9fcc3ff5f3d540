/** @file Ratios beside one another, on a scale where twice as much and half as much are equally far. */
import * as Plot from "@observablehq/plot";
import { inkOf } from "../../src/report/html/charts/series.ts";
import { looksOf } from "../pictures.ts";
import type { Picture, Series } from "../record.ts";

interface Ratio {
  readonly panel: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Points of the series are spreads: `median`, `low` and `high`. */
export function ratioBars(
  series: readonly Series[],
  { xLabel, ...about }: Pick<Picture, "name" | "title" | "alt"> & { readonly xLabel: string },
): Picture {
  const panels = [...new Set(series.map(({ panel }) => panel))];
  const names = [...new Set(series.map(({ name }) => name))];
  const looks = looksOf(names);
  const all = series.flatMap(({ points }) => points.flatMap(({ low, high }) => [low!, high!]));
  return {
    ...about,
    legend: names,
    drawing: {
      height: 70 + 30 * panels.length,
      marginBottom: 44,
      marginLeft: 190,
      marginRight: 20,
      x: {
        type: "log",
        label: xLabel,
        labelArrow: "none",
        grid: true,
        ticks: [0.1, 0.2, 1, 2, 10, 20, 100],
        tickFormat: (value: number) => `${value}×`,
        domain: [Math.min(0.5, ...all) * 0.9, Math.max(2, ...all) * 1.1],
      },
      y: { domain: panels, label: null, type: "band", tickSize: 0 },
      marks: [
        Plot.ruleX([1], { stroke: "var(--text)", strokeWidth: 1.5 }),
        ...names.flatMap((name, k) => {
          const own = series.filter((one) => one.name === name);
          const ratios = own.flatMap(({ panel, points }) =>
            points.map((point) => ({ panel, ...point }) as Ratio),
          );
          const shift = { dy: 9 * (k - (names.length - 1) / 2) };
          const ink = inkOf(looks.get(name)!);
          const { symbol } = looks.get(name)!;
          return [
            Plot.link(ratios, { ...shift, x1: "low", x2: "high", y: "panel", stroke: ink, strokeWidth: 2 }),
            Plot.dot(ratios, { ...shift, x: "median", y: "panel", r: 4.5, symbol, fill: ink }),
          ];
        }),
      ],
    },
  };
}
