/** @file How the stages of a round look wherever they are drawn: each by a colour and a shape. */
import * as Plot from "@observablehq/plot";
import { type Quality, type QualityPoint, stageNames } from "../quality.ts";
import type { LegendEntry } from "./chart.ts";

interface Look {
  readonly colour: string;
  readonly look: LegendEntry["look"];
  readonly symbol: "circle" | "triangle" | "square" | "diamond";
}

const looks: Readonly<Record<QualityPoint["kind"], Look>> = {
  before: { colour: "text", look: "kept", symbol: "square" },
  sliced: { colour: "removed", look: "dot", symbol: "circle" },
  repaired: { colour: "kept", look: "triangle", symbol: "triangle" },
  tuned: { colour: "tuned", look: "square", symbol: "square" },
};

export function stageLegend({ points }: Quality): LegendEntry[] {
  const kinds = (Object.keys(looks) as QualityPoint["kind"][]).filter((kind) =>
    points.some((point) => point.kind === kind),
  );
  return kinds.map((kind) => ({
    label: stageNames[kind],
    look: looks[kind].look,
    colour: looks[kind].colour,
  }));
}

/** Symbols and intervals of all points; `x` names where they stand. */
export function stageMarks({ points }: Quality, x: Plot.ChannelValue): Plot.Markish[] {
  const kinds = Object.entries(looks) as [QualityPoint["kind"], Look][];
  return kinds.flatMap(([kind, { colour, symbol }]) => {
    const own = points.filter((point) => point.kind === kind);
    const isHollow = kind === "sliced";
    return [
      Plot.ruleX(
        own.filter(({ low, high }) => low < high),
        { x, y1: "low", y2: "high", stroke: `var(--${colour})`, strokeOpacity: 0.6, strokeWidth: 1.5 },
      ),
      Plot.dot(own, {
        x,
        y: "value",
        r: 5,
        symbol,
        fill: isHollow ? "var(--page)" : `var(--${colour})`,
        stroke: `var(--${colour})`,
        strokeWidth: 1.8,
        title: "told",
      }),
    ];
  });
}

/** The axis of the quality. */
export function qualityAxis({ what, unit }: Quality): Plot.ScaleOptions {
  return {
    label: `↑ ${unit}`,
    labelArrow: "none",
    grid: true,
    nice: true,
    ticks: 5,
    ...(what === "Accuracy" && { tickFormat: (value: number) => `${Number((100 * value).toFixed(2))}%` }),
  };
}
