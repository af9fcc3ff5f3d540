/** @file The loss of every step of a training run, smoothed, with the validation after each epoch. */
import * as Plot from "@observablehq/plot";
import type { EpochRecord } from "../../../training/train.ts";
import { short, whole } from "../../format.ts";
import { type Markup, tableOf } from "../markup.ts";
import { chart } from "./chart.ts";

/** Points that a smoothed curve is drawn with at the most. */
const mostPoints = 400;

/** The window of the moving mean is this share of the steps, and no fewer than five. */
const windowShare = 0.02;
const smallestWindow = 5;

interface Point {
  /** In epochs. */
  readonly at: number;
  readonly mean: number;
  /** Extremes of the window. */
  readonly low: number;
  readonly high: number;
}

/** @param bestEpoch Epoch the written model comes from. */
export function lossesChart(
  losses: readonly number[],
  epochs: readonly EpochRecord[],
  bestEpoch: number,
): Markup {
  const window = Math.min(losses.length, Math.max(smallestWindow, Math.round(windowShare * losses.length)));
  const perEpoch = losses.length / epochs.length;
  const curve = smoothed(losses, window).map(({ step, ...point }) => ({ ...point, at: step / perEpoch }));
  const validated = epochs.flatMap(({ epoch, validation }) =>
    validation === undefined ? [] : [{ epoch, loss: validation.loss }],
  );
  return chart({
    title: "Loss while training",
    caption: captionOf(epochs, losses.length, window, bestEpoch),
    legend: [
      { label: `training, mean of ${whole(window)} steps`, look: "line", colour: "kept" },
      { label: "range within the window", look: "faint", colour: "kept" },
      ...(validated.length === 0 ? [] : [{ label: "validation", look: "dot", colour: "removed" } as const]),
    ],
    figures: figuresOf(epochs),
    draw: (width) => ({
      height: 260,
      marginLeft: 58,
      marginTop: 26,
      marginBottom: 40,
      x: {
        label: "epoch →",
        labelArrow: "none",
        domain: [0, epochs.length],
        ticks: Math.min(epochs.length, width < 500 ? 5 : 12),
        tickFormat: "d",
      },
      y: { label: "↑ loss", labelArrow: "none", grid: true, zero: true, nice: true, ticks: 5 },
      marks: [
        Plot.areaY(curve, { x: "at", y1: "low", y2: "high", fill: "var(--kept)", fillOpacity: 0.2 }),
        Plot.lineY(curve, { x: "at", y: "mean", stroke: "var(--kept)", strokeWidth: 2 }),
        Plot.dot(validated, {
          x: "epoch",
          y: "loss",
          r: 4,
          stroke: "var(--removed)",
          strokeWidth: 2,
          fill: "var(--page)",
          title: ({ epoch, loss }: (typeof validated)[number]) =>
            `epoch ${epoch}: validation loss ${short(loss, 3)}`,
        }),
      ],
    }),
  });
}

/** Moving means over `window` steps up to the step they stand at, evenly thinned; the last step is always there. */
function smoothed(
  losses: readonly number[],
  window: number,
): (Omit<Point, "at"> & { readonly step: number })[] {
  const every = Math.ceil(losses.length / mostPoints);
  return losses.flatMap((_, k) => {
    if (k % every !== 0 && k !== losses.length - 1) return [];
    const own = losses.slice(Math.max(0, k + 1 - window), k + 1);
    const mean = own.reduce((sum, loss) => sum + loss, 0) / own.length;
    return [{ step: k + 1, mean, low: Math.min(...own), high: Math.max(...own) }];
  });
}

function captionOf(epochs: readonly EpochRecord[], steps: number, window: number, bestEpoch: number): string {
  const [first, last] = [epochs[0]!, epochs.at(-1)!];
  const trend =
    epochs.length === 1
      ? `The mean loss of the only epoch is ${short(first.loss, 3)}.`
      : `The mean training loss goes from ${short(first.loss, 3)} in the first epoch to ${short(last.loss, 3)} in the last.`;
  const best = epochs.find(({ epoch }) => epoch === bestEpoch)?.validation;
  const chosen =
    best === undefined
      ? "No validation was measured: the model is that of the last epoch."
      : `The written model comes from epoch ${bestEpoch}, with a validation loss of ${short(best.loss, 3)}.`;
  return `Loss of ${whole(steps)} steps as a moving mean over ${whole(window)} ${window === 1 ? "step" : "steps"}. ${trend} ${chosen} These are runs of one seed, without intervals.`;
}

function figuresOf(epochs: readonly EpochRecord[]): Markup {
  const rows = epochs.map(({ epoch, loss, validation, learningRate }) => [
    String(epoch),
    short(loss),
    validation === undefined ? "-" : short(validation.loss),
    short(learningRate, 3),
  ]);
  const right = { align: "right" } as const;
  const columns = [
    { title: "epoch" },
    { title: "loss", ...right },
    { title: "validation loss", ...right },
    { title: "learning rate at the end", ...right },
  ];
  return tableOf("Loss by epoch", columns, rows);
}
