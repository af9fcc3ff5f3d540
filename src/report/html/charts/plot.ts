/** @file Draws a chart with Observable Plot on a document of its own, as text. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escaped } from "../markup.ts";

/** What a chart is drawn from; marks, scales and sizes as Plot takes them. */
export type Drawing = Omit<Plot.PlotOptions, "document" | "className" | "ariaLabel">;

/** Widths every chart is drawn at: for pages and print, and for narrow screens. */
export const widths = { wide: 720, narrow: 340 } as const;

/**
 * The chart as an SVG element. Equal drawings give equal text.
 * @param name What the chart is called where it cannot be seen.
 */
export function svgOf(drawing: Drawing, name: string): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const { outerHTML: svg } = Plot.plot({
    ...drawing,
    document: document as unknown as NonNullable<Plot.PlotOptions["document"]>,
    className: "plot",
    style: { fontSize: "12px", background: "none", overflow: "visible", ...(drawing.style as object) },
  }) as unknown as { readonly outerHTML: string };
  // linkedom leaves angle brackets in attributes as they are, and names come from models
  return svg.replace("<svg ", () => `<svg role="img" aria-label="${escaped(name)}" `);
}
