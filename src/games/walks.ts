/** @file Coalitions along orders, asked of any game. */
import { writePrefixes } from "./coalitions.ts";
import type { CallOptions, Game, Walks } from "./game.ts";

/** Rows of all walks together. */
export function rowsOfWalks({ from, to }: Pick<Walks, "from" | "to">): number {
  let rows = 0;
  for (let walk = 0; walk < from.length; walk++) rows += to[walk]! - from[walk]! + 1;
  return rows;
}

/** The walk and the coalition size that a row of several walks belongs to. */
export function placeOfRow(
  { from, to }: Pick<Walks, "from" | "to">,
  row: number,
): { readonly walk: number; readonly size: number } {
  let [walk, first] = [0, 0];
  for (; row - first > to[walk]! - from[walk]!; walk++) first += to[walk]! - from[walk]! + 1;
  return { walk, size: from[walk]! + row - first };
}

/** Payoffs of the coalitions that walks pass through: walk after walk, and within a walk by size. */
export function playWalks(game: Game, walks: Walks, options?: CallOptions): Promise<Float64Array> {
  if (game.walks !== undefined) return game.walks(walks, options);
  const { masks, examples } = rowsAlong(walks, game.players);
  return game.values(masks, examples, options);
}

/** The same coalitions as masks, shape [rows, players], each with its example. */
export function rowsAlong(
  walks: Walks,
  players: number,
): { readonly masks: Uint8Array; readonly examples: Uint32Array } {
  const rows = rowsOfWalks(walks);
  const masks = new Uint8Array(rows * players);
  const examples = new Uint32Array(rows);
  let row = 0;
  walks.examples.forEach((example, walk) => {
    const [from, to] = [walks.from[walk]!, walks.to[walk]!];
    writePrefixes(walks.orders.subarray(walk * players, (walk + 1) * players), from, to, masks, row);
    examples.fill(example, row, row + to - from + 1);
    row += to - from + 1;
  });
  return { masks, examples };
}
