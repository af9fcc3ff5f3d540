/** @file How far each layer is from what it computed in the original network, cut and repaired. */
import * as Plot from "@observablehq/plot";
import type { LayerRepair } from "../../../repair/index.ts";
import { short, whole } from "../../format.ts";
import { type Markup, nothing, tableOf } from "../markup.ts";
import { chart } from "./chart.ts";
import { rowLabels } from "./labels.ts";

interface Dumbbell {
  readonly row: number;
  readonly node: string;
  readonly before: number;
  /** As before where the layer was left as it was. */
  readonly after: number;
  readonly isAccepted: boolean;
  readonly reason: string;
}

/** Layers up to which each gets a line; of more, those with the largest residuals do. */
const mostLayers = 60;

/** A wider range than this is told on a logarithmic axis. */
const widestLinear = 20;

export function residualsChart(layers: readonly LayerRepair[], round: number, rounds: number): Markup {
  const judged = layers.filter(({ residualBefore }) => residualBefore !== undefined);
  if (judged.length === 0) return nothing;
  const shown = dumbbellsOf(judged);
  const accepted = judged.filter((layer) => layer.accepted);
  const lowered = accepted.filter(({ residualBefore, residualAfter }) => residualAfter! < residualBefore!);
  const most =
    judged.length > shown.length ? ` The ${shown.length} layers with the largest residuals are drawn.` : "";
  const values = shown.flatMap(({ before, after }) => [before, after]);
  const isLog = Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > widestLinear;
  const left = judged.length - accepted.length;
  const outcome =
    left === 0 && lowered.length === judged.length
      ? `Repair lowered it in ${judged.length === 1 ? "the only layer" : `all ${whole(judged.length)} layers`}.`
      : `Repair lowered it in ${whole(lowered.length)} of ${whole(judged.length)} layers and left ${whole(left)} as they were.`;
  const which = rounds > 1 ? ` (round ${round} of ${rounds})` : "";
  return chart({
    title: `Residuals of layers before and after repair${which}`,
    caption: `The error of each layer against the original network on held-out examples, as a share of the variance of what it is held against; further left is better. ${outcome}${isLog ? " The axis is logarithmic." : ""}${most}`,
    legend: [
      { label: "cut", look: "dot", colour: "removed" },
      { label: "repaired", look: "square", colour: "kept" },
    ],
    figures: figuresOf(judged),
    draw: (width) => {
      const { labels, margin } = rowLabels(
        shown.map(({ node }) => node),
        width,
      );
      const told = ({ node, before, after, isAccepted, reason }: Dumbbell) =>
        `${node}: ${short(before, 3)} cut${isAccepted ? `, ${short(after, 3)} repaired` : `, left as it was${reason}`}`;
      const repaired = shown.filter(({ isAccepted }) => isAccepted);
      return {
        height: 54 + shown.length * 20,
        marginLeft: margin,
        marginRight: 20,
        marginTop: 6,
        marginBottom: 42,
        x: {
          type: isLog ? "log" : "linear",
          label: "residual (share of variance) →",
          labelArrow: "none",
          grid: true,
          ticks: width < 500 ? 3 : 6,
          ...(isLog ? { tickFormat: (value: number) => short(value, 1) } : { zero: true }),
        },
        y: {
          label: null,
          type: "point",
          domain: shown.map(({ row }) => row),
          tickFormat: (row: number) => labels[row] ?? "",
          tickSize: 0,
        },
        marks: [
          Plot.link(repaired, {
            x1: "before",
            x2: "after",
            y1: "row",
            y2: "row",
            stroke: "var(--muted)",
            strokeWidth: 2,
          }),
          Plot.dot(shown, {
            x: "before",
            y: "row",
            r: 4.5,
            stroke: "var(--removed)",
            strokeWidth: 2,
            fill: "var(--page)",
            title: told,
          }),
          Plot.dot(repaired, {
            x: "after",
            y: "row",
            r: 4.5,
            symbol: "square",
            fill: "var(--kept)",
            title: told,
          }),
        ],
      };
    },
  });
}

function dumbbellsOf(judged: readonly LayerRepair[]): readonly Dumbbell[] {
  const largest = [...judged].sort((a, b) => b.residualBefore! - a.residualBefore!).slice(0, mostLayers);
  return judged
    .filter((layer) => largest.includes(layer))
    .map(({ node, residualBefore, residualAfter, accepted, reason }, row) => ({
      row,
      node,
      before: residualBefore!,
      after: accepted ? (residualAfter ?? residualBefore!) : residualBefore!,
      isAccepted: accepted && residualAfter !== undefined,
      reason: reason === undefined ? "" : ` (${reason})`,
    }));
}

function figuresOf(judged: readonly LayerRepair[]): Markup {
  const rows = judged.map(({ node, residualBefore, residualAfter, ridge, accepted, reason }) => [
    node,
    short(residualBefore!, 3),
    residualAfter === undefined ? "-" : short(residualAfter, 3),
    ridge === undefined ? "-" : short(ridge, 1),
    reason ?? (accepted ? "" : "left as it was"),
  ]);
  const right = { align: "right" } as const;
  const columns = [
    { title: "layer" },
    { title: "cut", ...right },
    { title: "repaired", ...right },
    { title: "ridge", ...right },
    { title: "" },
  ];
  return tableOf("Residuals by layer", columns, rows);
}
