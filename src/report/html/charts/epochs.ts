/** @file One figure of every epoch: the accuracy on validation examples, the loss, or the learning rate. */
import * as Plot from "@observablehq/plot";
import { type Content, type Markup, tableOf } from "../markup.ts";
import { chart, type LegendEntry } from "./chart.ts";

/** Values by epoch under one name. */
export interface EpochSeries {
  readonly name: string;
  readonly colour: string;
  readonly isDashed?: boolean;
  readonly points: readonly { readonly epoch: number; readonly value: number }[];
}

export interface EpochChart {
  readonly title: string;
  readonly label: string;
  readonly caption: Content;
  readonly series: readonly EpochSeries[];
  readonly told: (value: number) => string;
  /** Epochs before which a new round begins. */
  readonly rounds?: readonly number[];
  /** Whether the axis begins at zero. */
  readonly fromZero: boolean;
}

export function epochsChart({
  title,
  label,
  caption,
  series,
  told,
  rounds = [],
  fromZero,
}: EpochChart): Markup {
  const epochs = [...new Set(series.flatMap(({ points }) => points.map(({ epoch }) => epoch)))].sort(
    (a, b) => a - b,
  );
  const legend = series.map(
    ({ name, colour, isDashed }): LegendEntry => ({
      label: name,
      look: isDashed === true ? "dot" : "line",
      colour,
    }),
  );
  return chart({
    title,
    caption,
    legend: series.length > 1 ? legend : [],
    figures: tableOf(
      title,
      [{ title: "epoch" }, ...series.map(({ name }) => ({ title: name, align: "right" as const }))],
      epochs.map((epoch) => [
        String(epoch),
        ...series.map(({ points }) => {
          const found = points.find((point) => point.epoch === epoch);
          return found === undefined ? "-" : told(found.value);
        }),
      ]),
    ),
    draw: (width) => ({
      height: 200,
      marginLeft: 58,
      marginTop: 26,
      marginBottom: 40,
      x: {
        label: "epoch →",
        labelArrow: "none",
        domain: [epochs[0]! - 0.5, epochs.at(-1)! + 0.5],
        ticks: Math.min(epochs.length, width < 500 ? 5 : 12),
        tickFormat: "d",
      },
      y: {
        label: `↑ ${label}`,
        labelArrow: "none",
        grid: true,
        zero: fromZero,
        nice: true,
        ticks: 4,
        tickFormat: told,
      },
      marks: [
        Plot.ruleX(rounds, { stroke: "var(--muted)", strokeDasharray: "2 4" }),
        ...series.flatMap(({ name, points, colour, isDashed }) => [
          Plot.lineY(points, {
            x: "epoch",
            y: "value",
            stroke: `var(--${colour})`,
            strokeWidth: 2,
            ...(isDashed === true && { strokeDasharray: "5 3" }),
          }),
          Plot.dot(points, {
            x: "epoch",
            y: "value",
            r: points.length > 60 ? 1.5 : 3.5,
            fill: isDashed === true ? "var(--page)" : `var(--${colour})`,
            stroke: `var(--${colour})`,
            title: ({ epoch, value }: { epoch: number; value: number }) =>
              `epoch ${epoch}, ${name}: ${told(value)}`,
          }),
        ]),
      ],
    }),
  });
}
