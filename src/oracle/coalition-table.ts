/** @file The worth of every coalition of a small group, and a game that looks it up. */
import { bitsOfMask } from "../games/coalitions.ts";
import type { Game } from "../games/game.ts";

/** Players whose coalitions are all tried, at most: 2^24 doubles are 128 MiB. */
export const largestTable = 24;

export interface CoalitionTable {
  readonly players: number;
  /** How many examples each worth is a mean over. */
  readonly examples: number;
  /** Shape [2^players]; bit i of the index says whether player i is kept. */
  readonly values: Float64Array;
}

/**
 * The table as a game of one example: estimators run on it without a network. One row of this game stands for one
 * coalition on all examples of the table.
 */
export function tableGame({ players, values }: CoalitionTable): Game {
  return {
    players,
    examples: 1,
    values: async (masks, examples) =>
      Float64Array.from(
        examples,
        (_, row) => values[bitsOfMask(masks.subarray(row * players, (row + 1) * players))]!,
      ),
  };
}

/** Number of members of the coalition with these bits. */
export function bitCount(bits: number): number {
  let left = bits - ((bits >>> 1) & 0x55555555);
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Players of a coalition, ascending. */
export function membersOf(bits: number, players: number): number[] {
  return Array.from({ length: players }, (_, i) => i).filter((i) => ((bits >>> i) & 1) === 1);
}
