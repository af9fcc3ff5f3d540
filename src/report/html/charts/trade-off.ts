/** @file Quality against the work of one example, as channels go. */
import * as Plot from "@observablehq/plot";
import { percent, short, whole } from "../../format.ts";
import { direction } from "../claims.ts";
import { type Markup, tableOf } from "../markup.ts";
import { type Quality, type QualityPoint, stageNames } from "../quality.ts";
import { chart } from "./chart.ts";
import { qualityAxis, stageLegend, stageMarks } from "./stage-marks.ts";

/** @param original MACs of the original network, one example. */
export function tradeOffChart(quality: Quality, original: number): Markup {
  const { what, points } = quality;
  const ends = lastOfRounds(points);
  const fewest = Math.min(...points.map(({ macs }) => macs)) / original;
  return chart({
    title: `${what} against multiply-accumulates`,
    caption: captionOf(what, ends, original),
    legend: stageLegend(quality),
    figures: figuresOf(what, points),
    draw: (width) => ({
      height: 280,
      marginLeft: 58,
      marginTop: 26,
      marginBottom: 42,
      x: {
        label: `${width < 500 ? "MACs" : "multiply-accumulates of an example"}, share of the original →`,
        labelArrow: "none",
        domain: [Math.max(0, fewest - 0.04), 1.02],
        tickFormat: "%",
        ticks: width < 500 ? 4 : 8,
      },
      y: qualityAxis(quality),
      marks: [
        Plot.line(ends, {
          x: ({ macs }: QualityPoint) => macs / original,
          y: "value",
          stroke: "var(--muted)",
        }),
        ...stageMarks(quality, (({ macs }: QualityPoint) => macs / original) as Plot.ChannelValue),
      ],
    }),
  });
}

/** The original, and what every round ended with. */
function lastOfRounds(points: readonly QualityPoint[]): readonly QualityPoint[] {
  return points.filter(({ round }, k) => points[k + 1]?.round !== round);
}

function captionOf(what: Quality["what"], ends: readonly QualityPoint[], original: number): string {
  const told = what === "Accuracy" ? percent : (value: number) => short(value, 3);
  const [first, ...steps] = ends;
  const worse = what === "Accuracy" ? "lower" : "higher";
  const drop = steps.find((point) => direction(first!, point) === worse);
  const last = ends.at(-1)!;
  const seen = `With ${percent(last.macs / original, 1)} of the MACs ${what.toLowerCase()} is ${told(last.value)}, against ${told(first!.value)} before. The line joins what every round ended with.`;
  const isKnown = ends.every(({ bounds }) => bounds !== null);
  if (!isKnown)
    return `${seen} Without intervals nothing is said about which steps differ by more than noise.`;
  return drop === undefined
    ? `${seen} No round ends ${worse} than the original by more than the 95% intervals leave to chance.`
    : `${seen} From ${percent(drop.macs / original, 1)} of the MACs on it is ${worse} than the original by more than the 95% intervals leave to chance.`;
}

function figuresOf(what: Quality["what"], points: readonly QualityPoint[]): Markup {
  const told = what === "Accuracy" ? percent : (value: number) => short(value);
  const rows = points.map(({ kind, round, macs, value }) => [
    kind === "before" ? "before" : `round ${round}, ${stageNames[kind]}`,
    whole(macs),
    told(value),
  ]);
  const columns = [
    { title: "stage" },
    { title: "MACs", align: "right" },
    { title: what.toLowerCase(), align: "right" },
  ] as const;
  return tableOf(`${what} by MACs`, columns, rows);
}
