/** @file Large figures side by side. */
import { html, type Markup } from "../markup.ts";

export interface Tile {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

export function tilesOf(tiles: readonly Tile[]): Markup {
  return html`<dl class="tiles">
${tiles.map(({ name, value, note }) => html`<div><dt>${name}</dt><dd><strong>${value}</strong> <span>${note}</span></dd></div>\n`)}</dl>`;
}
