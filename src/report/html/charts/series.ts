/** @file How methods, rankings and other named series look: by colour and by shape, the same in every chart of a page. */
import type * as Plot from "@observablehq/plot";
import type { LegendEntry } from "./chart.ts";

/** Colours the page has for series, `--series-1` and so on; told apart with the usual kinds of colour blindness. */
const colours = 7;

/** Shapes told apart at the size charts use; as many as colours, so that pairs repeat as late as they can. */
const symbols = ["circle", "square", "triangle", "diamond", "cross", "star", "wye"] as const;

/** A series with what it is drawn by. */
export interface SeriesLook {
  readonly name: string;
  /** Name of the colour among the variables of the page. */
  readonly colour: string;
  readonly symbol: Extract<Plot.SymbolType, LegendEntry["look"]>;
}

/** The look of the series at a place of an order that all charts share; 49 differ. */
export function seriesLook(name: string, place: number): SeriesLook {
  const turn = Math.floor(place / colours);
  return {
    name,
    colour: `series-${(place % colours) + 1}`,
    symbol: symbols[(place + turn) % symbols.length]!,
  };
}

/** The colour as a mark takes it. */
export function inkOf({ colour }: Pick<SeriesLook, "colour">): string {
  return `var(--${colour})`;
}

export function seriesLegend(looks: readonly SeriesLook[]): LegendEntry[] {
  return looks.map(({ name, colour, symbol }) => ({ label: name, look: symbol, colour }));
}
