/** @file What one estimator adds to the loop they all share: rows out, payoffs in, figures on request. */

import type { Walks } from "../games/game.ts";

/** Named running sums, saved and restored as exact doubles. */
export type Sums = Readonly<Record<string, Float64Array>>;

export interface Figures {
  readonly values: Float64Array;
  readonly standardErrors: Float64Array;
  /** Independent observations behind the figures; stop rules wait for enough of them. 0 where they know none. */
  readonly observations: number;
  /** What each block of observations moves the values by, [blockCount, players]; asked for by stop rules only. */
  influences(): Float64Array;
}

/** Rows of one call. The payoffs are empty until the game has answered. */
export interface Rows {
  readonly masks: Uint8Array;
  readonly examples: Uint32Array;
  readonly payoffs: Float64Array;
  readonly walks: WalkRows;
  readonly gates: GateRows;
}

/** Walks of one call; none for many schemes. */
export interface WalkRows extends Walks {
  /** Walks written so far; those of an item follow one another. */
  written: number;
  /** Shape [rows of walks]. */
  readonly payoffs: Float64Array;
}

/** Gradients of one call; none for most schemes. Empty until the game has answered. */
export interface GateRows {
  /** Shape [gate rows, players]. */
  readonly at: Float32Array;
  /** Shape [gate rows]. */
  readonly examples: Uint32Array;
  /** Shape [gate rows]: those of `GradientOptions`; negative before, which asks for exact derivatives. */
  readonly draws: Float32Array;
  /** Shape [gate rows, players]. */
  readonly derivatives: Float64Array;
}

/**
 * A run laid out as a sequence of items, folded in order. What item i asks depends on the seed and i, and in schemes
 * that adapt also on earlier rounds: such a scheme lays out one round of items at a time, and the next one only when
 * the last item of the round is folded. Items of a round are asked ahead as usual; rounds wait for each other. So
 * neither workers nor timing can show in the result.
 */
export interface Scheme<Note> {
  /** The numbers the layout was made from; a resumed run must have the same. */
  readonly layout: Readonly<Record<string, number | string>>;
  /**
   * Items laid out, done ones included; the run ends once all of them are folded. Infinite when only a stop rule ends
   * the run. It grows only in `fold`, with the last item laid out so far, and in `load`.
   */
  readonly items: number;
  /** Why the run ends after the last item. */
  readonly ends: "budget" | "seconds" | "complete";
  /** True when figures take long enough that only looks should ask for them. */
  readonly costly: boolean;
  /** Rows of an item that is laid out and not yet folded. */
  rowsOf(item: number): number;
  /**
   * Walks of an item that is laid out and not yet folded. Where there are any, all rows of the item are theirs: `row` counts
   * rows of walks then, others do not. None when left out.
   */
  walksOf?(item: number): number;
  /** Gradients of an item that is laid out and not yet folded; none when left out. */
  gatesOf?(item: number): number;
  /** Whether the game may leave these gradients out by chance; not when left out. */
  thins?(item: number): boolean;
  /** Rows of a call at the most, where the scheme rather than the game decides. */
  readonly rowsPerCall?: number;
  /**
   * Fills in masks (zero before) and examples of an item from row `row` on, or its walks, and likewise gates from gate row
   * `gate` on, and notes what `fold` needs.
   */
  write(item: number, rows: Rows, row: number, gate: number): Note;
  fold(item: number, note: Note, rows: Rows, row: number, gate: number): void;
  figures(): Figures;
  save(): Sums;
  load(saved: Sums): void;
}
