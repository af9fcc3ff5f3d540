/** @file Draws a chart with Observable Plot on a document of its own, as text. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

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
  const svg = Plot.plot({
    ...drawing,
    document: document as unknown as NonNullable<Plot.PlotOptions["document"]>,
    className: "plot",
    style: { fontSize: "12px", background: "none", overflow: "visible", ...(drawing.style as object) },
  }) as unknown as { setAttribute(name: string, value: string): void; readonly outerHTML: string };
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", name);
  return svg.outerHTML;
}
