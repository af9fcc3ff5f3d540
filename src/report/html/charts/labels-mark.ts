/** @file Names beside points as a mark of a chart. */
import type * as Plot from "@observablehq/plot";
import { placeLabels } from "./label-places.ts";

export interface NamedPoint {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** Names stay readable where a line passes behind them. */
const halo = {
  fill: "var(--text)",
  stroke: "var(--page)",
  "stroke-width": 3,
  "stroke-linejoin": "round",
  "paint-order": "stroke",
} as const;

/**
 * A mark that names points by their values on the scales of the chart.
 * @param obstacles Other points that names should leave free.
 */
export function labelsMark(
  points: readonly NamedPoint[],
  obstacles: readonly Pick<NamedPoint, "x" | "y">[],
): Plot.RenderFunction {
  return (_index, scales, _values, dimensions, context) => {
    const at = ({ x, y }: Pick<NamedPoint, "x" | "y">) => ({
      x: Number(scales.x!(x)),
      y: Number(scales.y!(y)),
    });
    const { width, height, marginLeft, marginTop, marginBottom } = dimensions;
    const places = placeLabels(
      points.map((point) => ({ ...at(point), text: point.text })),
      obstacles.map(at),
      { left: marginLeft + 2, right: width, top: marginTop - 8, bottom: height - marginBottom },
    );
    const element = (name: string, attributes: Readonly<Record<string, string | number>>, text = "") => {
      const made = context.document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes))
        made.setAttribute(key, typeof value === "number" ? String(Math.round(10 * value) / 10) : value);
      made.textContent = text;
      return made;
    };
    const group = element("g", { "aria-label": "names", "text-anchor": "start" });
    for (const { text, left, middle, leader } of places) {
      if (leader !== null)
        group.appendChild(element("line", { ...leader, stroke: "var(--muted)", "stroke-width": 0.8 }));
      group.appendChild(element("text", { x: left, y: middle, dy: "0.32em", ...halo }, text));
    }
    return group;
  };
}
