/** @file Pictures of the page as SVG files that stand alone, legible on light and on dark screens. */
import * as Plot from "@observablehq/plot";
import { svgOf, widths } from "../src/report/html/charts/plot.ts";
import { inkOf, type SeriesLook, seriesLook } from "../src/report/html/charts/series.ts";
import { escaped } from "../src/report/html/markup.ts";
import { colours } from "../src/report/html/style.ts";
import type { Picture } from "./record.ts";

const width = widths.wide;
const padding = 16;
const titleHeight = 30;
const legendLine = 20;

/** Looks of series by their names. */
export function looksOf(names: readonly string[]): Map<string, SeriesLook> {
  return new Map(names.map((name, place) => [name, seriesLook(name, place)]));
}

/** A picture with its title and legend. Its background is its own, since pages do not tell pictures how they look. */
export function standalone({ title, alt, legend, drawing }: Picture): string {
  const plot = svgOf({ ...drawing, width }, alt);
  const names = legend.length === 0 ? undefined : legendOf(legend);
  const top = padding + titleHeight + (names?.height ?? 0);
  const plotHeight = Number(/ height="([\d.]+)"/.exec(plot)![1]);
  const [wide, high] = [width + 2 * padding, top + plotHeight + padding];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}" viewBox="0 0 ${wide} ${high}" role="img" aria-label="${escaped(alt)}">`,
    `<style>${style}</style>`,
    `<rect class="page" width="${wide}" height="${high}" rx="6"/>`,
    `<text class="title" x="${padding}" y="${padding + 14}">${escaped(title)}</text>`,
    ...(names === undefined ? [] : [placed(names.svg, padding, padding + titleHeight - 8)]),
    placed(plot, padding, top),
    "</svg>",
    "",
  ].join("\n");
}

const style = `
svg { ${colours.light} color: var(--text); }
@media (prefers-color-scheme: dark) { svg { ${colours.dark} } }
text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.page { fill: var(--page); }
.title { font-size: 15px; font-weight: 600; fill: var(--text); }
`;

/** An SVG element inside another. */
function placed(svg: string, x: number, y: number): string {
  return svg.replace("<svg ", () => `<svg x="${x}" y="${y}" `);
}

/** Marks and names, as many side by side as there is room for. */
function legendOf(names: readonly string[]): { readonly svg: string; readonly height: number } {
  const looks = looksOf(names);
  let [x, line] = [8, 0];
  const entries = names.map((name) => {
    const room = 26 + 7 * name.length;
    if (x + room > width) [x, line] = [8, line + 1];
    const entry = { name, look: looks.get(name)!, x, y: legendLine * (line + 0.5) };
    x += room;
    return entry;
  });
  const height = legendLine * (line + 1) + 8;
  const drawing: Picture["drawing"] = {
    width,
    height,
    margin: 0,
    x: { axis: null, domain: [0, width], range: [0, width] },
    y: { axis: null, domain: [0, height], range: [0, height] },
    marks: [
      ...entries.map(({ look, x, y }) =>
        Plot.dot([{ x, y }], { x: "x", y: "y", r: 4.5, symbol: look.symbol, fill: inkOf(look) }),
      ),
      Plot.text(entries, { x: "x", y: "y", text: "name", dx: 10, textAnchor: "start", fill: "var(--text)" }),
    ],
  };
  return { svg: svgOf(drawing, names.join(", ")), height };
}
