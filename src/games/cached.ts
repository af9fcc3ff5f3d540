/** @file Remembers payoffs, so that a (coalition, example) pair met again costs nothing. */
import type { Game } from "./game.ts";

export interface CacheOptions {
  /** Rows to remember at most; the one not asked for longest goes first. Default 1,000,000. */
  readonly capacity?: number;
}

export interface CachedGame extends Game {
  /** Rows answered from memory so far. */
  readonly hits: number;
  /** Rows remembered now. */
  readonly size: number;
}

/**
 * The same game with a memory. A row costs about 100 bytes plus one bit for each player. Worth it where rows repeat:
 * small layers, repeated runs on one game, coalitions near both ends.
 */
export function cached(game: Game, { capacity = 1_000_000 }: CacheOptions = {}): CachedGame {
  const memory = new Map<string, number>(); // in the order of last use
  let hits = 0;
  const remember = (key: string, payoff: number): void => {
    memory.delete(key);
    memory.set(key, payoff);
    if (memory.size > capacity) memory.delete(memory.keys().next().value!);
  };
  return {
    players: game.players,
    examples: game.examples,
    gradients: game.gradients,
    get hits() {
      return hits;
    },
    get size() {
      return memory.size;
    },
    async values(masks, examples, options) {
      const { players } = game;
      const keys = Array.from(examples, (example, row) => keyOf(masks, row * players, players, example));
      const payoffs = new Float64Array(examples.length);
      const missing: number[] = [];
      keys.forEach((key, row) => {
        const known = memory.get(key);
        if (known === undefined) {
          missing.push(row);
          return;
        }
        payoffs[row] = known;
        hits++;
        remember(key, known);
      });
      if (missing.length === 0) return payoffs;
      const asked = await game.values(
        rowsOf(masks, missing, players),
        Uint32Array.from(missing, (row) => examples[row]!),
        options,
      );
      missing.forEach((row, k) => {
        payoffs[row] = asked[k]!;
        remember(keys[row]!, asked[k]!);
      });
      return payoffs;
    },
  };
}

/** Sixteen players to a character, and the example in front. */
function keyOf(masks: Uint8Array, start: number, players: number, example: number): string {
  let key = `${example}:`;
  for (let i = 0; i < players; i += 16) {
    let word = 0;
    for (let bit = 0; bit < Math.min(16, players - i); bit++) word |= masks[start + i + bit]! << bit;
    key += String.fromCharCode(word);
  }
  return key;
}

function rowsOf(masks: Uint8Array, rows: readonly number[], players: number): Uint8Array {
  const picked = new Uint8Array(rows.length * players);
  rows.forEach((row, k) => {
    picked.set(masks.subarray(row * players, (row + 1) * players), k * players);
  });
  return picked;
}
