/** @file Quality after each round: cut, repaired, tuned. */
import * as Plot from "@observablehq/plot";
import { percent, short } from "../../format.ts";
import { qualityClaim } from "../claims.ts";
import { type Markup, tableOf } from "../markup.ts";
import { type Quality, type QualityPoint, stageNames } from "../quality.ts";
import { chart } from "./chart.ts";
import { qualityAxis, stageLegend, stageMarks } from "./stage-marks.ts";

export function roundsChart(quality: Quality): Markup {
  const { what, points } = quality;
  const places = points.map((point, place) => ({ ...point, place }));
  const rounds = Math.max(...points.map(({ round }) => round));
  const before = points.find(({ kind }) => kind === "before");
  return chart({
    title: `${what} after each round`,
    caption: captionOf(quality),
    legend: stageLegend(quality),
    figures: figuresOf(quality),
    draw: (width) => ({
      height: 260,
      marginLeft: 58,
      marginTop: 26,
      marginBottom: 40,
      x: {
        type: "point",
        domain: places.map(({ place }) => place),
        label: rounds > 1 ? "round →" : null,
        labelArrow: "none",
        tickSize: 0,
        ticks: places.map(({ place }) => place),
        tickFormat: (place: number) => labelOf(points, place, rounds, width),
      },
      y: qualityAxis(quality),
      marks: [
        ...(before === undefined
          ? []
          : [Plot.ruleY([before.value], { stroke: "var(--text)", strokeDasharray: "2 4" })]),
        Plot.lineY(places, { x: "place", y: "value", stroke: "var(--muted)", strokeOpacity: 0.6 }),
        ...stageMarks({ ...quality, points: places }, "place"),
      ],
    }),
  });
}

/** With one round its stages are named, with several the first of each round carries the number. */
function labelOf(points: readonly QualityPoint[], place: number, rounds: number, width: number): string {
  const point = points[place];
  if (point === undefined) return "";
  if (rounds <= 1) return stageNames[point.kind];
  const every = Math.ceil(rounds / (width < 500 ? 8 : 20));
  if (point.kind === "before") return "before";
  return point.kind === "sliced" && (point.round - 1) % every === 0 ? String(point.round) : "";
}

function captionOf({ what, points }: Quality): string {
  const first = points[0]!;
  const last = points.at(-1)!;
  const worst = points.find(({ kind, round }) => kind === "sliced" && round === last.round);
  const parts = [
    `Every point is measured on the examples for the final figures; bars are 95% intervals${first.kind === "before" ? ", the dotted line is the original" : ""}.`,
  ];
  if (first.kind === "before") parts.push(qualityClaim(what, "before", first, "at the end", last));
  if (worst !== undefined && worst !== last)
    parts.push(
      qualityClaim(what, "right after the last cut", worst, `once it was ${stageNames[last.kind]}`, last),
    );
  return parts.join(" ");
}

function figuresOf({ what, points }: Quality): Markup {
  const told = what === "Accuracy" ? percent : (value: number) => short(value);
  const rows = points.map(({ kind, round, value, low, high, bounds }) => [
    kind === "before" ? "before" : `round ${round}, ${stageNames[kind]}`,
    told(value),
    bounds === null ? "-" : `${told(low)} to ${told(high)}`,
  ]);
  const columns = [
    { title: "stage" },
    { title: what.toLowerCase(), align: "right" },
    { title: "95% interval", align: "right" },
  ] as const;
  return tableOf(`${what} by round`, columns, rows);
}
