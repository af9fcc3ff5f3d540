/** @file A chart in a page: drawn for wide and for narrow screens, with a legend, a caption and its figures as a table. */
import { type Content, html, type Markup, nothing, trusted } from "../markup.ts";
import { type Drawing, svgOf, widths } from "./plot.ts";

/** How one kind of mark looks, by colour and by shape. */
export interface LegendEntry {
  readonly label: string;
  readonly look:
    | "kept"
    | "removed"
    | "neutral"
    | "hollow"
    | "line"
    | "dashed"
    | "faint"
    | "dot"
    | "circle"
    | "square"
    | "triangle"
    | "diamond"
    | "cross"
    | "star"
    | "wye";
  /** Name of the colour among the variables of the page. */
  readonly colour: string;
}

export interface ChartParts {
  /** Title above the chart, and what it is called where it cannot be seen. */
  readonly title: string;
  /** What is seen, and what to conclude. */
  readonly caption: Content;
  readonly legend?: readonly LegendEntry[];
  /** The same figures as a table. */
  readonly figures: Markup;
  readonly draw: (width: number) => Drawing;
  /** One of many alike: drawn narrow alone, to stand beside others. */
  readonly isSmall?: boolean;
}

/** The figure element of a chart. */
export function chart({ title, caption, legend = [], figures, draw, isSmall = false }: ChartParts): Markup {
  const svg = (width: number) => trusted(svgOf({ width, ...draw(width) }, title));
  return html`<figure class="chart">
<p class="chart-title">${title}</p>
${legendOf(legend)}
${
  isSmall
    ? html`<div>${svg(widths.narrow)}</div>`
    : html`<div class="wide">${svg(widths.wide)}</div>\n<div class="narrow">${svg(widths.narrow)}</div>`
}
<figcaption>${caption}</figcaption>
<details><summary>Figures of this chart</summary>${figures}</details>
</figure>
`;
}

/** Names with their looks; nothing without names. */
export function legendOf(entries: readonly LegendEntry[]): Markup {
  return entries.length === 0 ? nothing : html`<ul class="legend">${entries.map(entryOf)}</ul>`;
}

function entryOf({ label, look, colour }: LegendEntry): Markup {
  return html`<li><svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true" style="color: var(--${colour})">${shapeOf(look)}</svg>${label}</li>`;
}

function shapeOf(look: LegendEntry["look"]): Markup {
  switch (look) {
    case "kept":
    case "neutral":
      return html`<rect x="1" y="1" width="12" height="12" fill="currentColor"/>`;
    case "removed":
      return html`<rect x="1" y="4.5" width="12" height="5" fill="currentColor"/>`;
    case "hollow":
      return html`<rect x="2" y="2" width="10" height="10" fill="none" stroke="currentColor" stroke-width="1.5"/>`;
    case "line":
      return html`<path d="M0 7H14" stroke="currentColor" stroke-width="2.5"/>`;
    case "dashed":
      return html`<path d="M0 7H14" stroke="currentColor" stroke-width="2" stroke-dasharray="4 2"/>`;
    case "faint":
      return html`<rect x="0" y="2" width="14" height="10" fill="currentColor" opacity="0.3"/>`;
    case "dot":
      return html`<circle cx="7" cy="7" r="4.5" fill="none" stroke="currentColor" stroke-width="1.8"/>`;
    case "circle":
      return html`<circle cx="7" cy="7" r="5" fill="currentColor"/>`;
    case "triangle":
      return html`<path d="M7 2L12.5 12H1.5Z" fill="currentColor"/>`;
    case "square":
      return html`<rect x="2.5" y="2.5" width="9" height="9" fill="currentColor"/>`;
    case "diamond":
      return html`<path d="M7 0.5L11.5 7L7 13.5L2.5 7Z" fill="currentColor"/>`;
    case "cross":
      return html`<path d="M5 1H9V5H13V9H9V13H5V9H1V5H5Z" fill="currentColor"/>`;
    case "star":
      return html`<path d="M7 0.5L8.6 5.2H13.5L9.5 8.2L11 13L7 10.1L3 13L4.5 8.2L0.5 5.2H5.4Z" fill="currentColor"/>`;
    case "wye":
      return html`<path d="M5.3 13V8L1 5.5L2.7 2.6L7 5.1L11.3 2.6L13 5.5L8.7 8V13Z" fill="currentColor"/>`;
    default:
      return look satisfies never;
  }
}
