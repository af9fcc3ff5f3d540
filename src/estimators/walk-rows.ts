/** @file Writes walks among the rows of a call, and what lies at their ends. */
import type { Rows, WalkRows } from "./scheme.ts";

/**
 * Adds a walk behind those written so far.
 * @param order Players in the order of joining; not all of them where `to` is less than their number.
 */
export function writeWalk(
  order: Uint32Array,
  { from, to }: { readonly from: number; readonly to: number },
  example: number,
  walks: WalkRows,
): void {
  const at = walks.written++;
  walks.from[at] = from;
  walks.to[at] = to;
  walks.examples[at] = example;
  const players = walks.orders.length / walks.examples.length;
  walks.orders.set(order, at * players);
}

/** Every example without any player and with all, [2 · shown] rows. */
export function writeEnds(
  shown: readonly number[],
  { masks, examples }: Rows,
  row: number,
  players: number,
): void {
  shown.forEach((example, k) => {
    examples.fill(example, row + 2 * k, row + 2 * k + 2);
    masks.fill(1, (row + 2 * k + 1) * players, (row + 2 * k + 2) * players);
  });
}
