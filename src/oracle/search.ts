/** @file What searches beyond exhaustive tables share: asking a game for sets of players, and what they found. */
import type { WholeGame } from "../games/whole-game.ts";

/** The best set of a size that a search came across. */
export interface FoundSet {
  readonly size: number;
  /** Players kept, ascending. */
  readonly keep: readonly number[];
  readonly worth: number;
}

/** What is known for certain about a found set. */
export type Guarantee =
  /** Nothing: sets that were not tried may be better. */
  | { readonly kind: "none" }
  /**
   * No set of the size is worth more than `bound`, provided that removing players never raises the worth by more than
   * `slack` from any set to any smaller one inside it; `isProven` when the found set reaches that bound.
   */
  | {
      readonly kind: "if-monotone";
      readonly slack: number;
      readonly bound: number;
      readonly isProven: boolean;
    };

export interface SearchResult {
  readonly sets: readonly (FoundSet & { readonly guarantee: Guarantee })[];
  /** Coalitions asked for, each on every example. */
  readonly coalitions: number;
}

/** A game that remembers every set, asks for unknown ones together, and counts. */
export interface Asker {
  /** Worth of each set, in order. Shape of a set: [players] bytes. */
  ask(sets: readonly Uint8Array[]): Promise<number[]>;
  /** Sets asked of the game so far. */
  readonly asked: number;
}

/** Sets in one call of the game; a constant, so that what a call contains depends on nothing but the search. */
const setsPerCall = 512;

/** @param concurrency Calls under way at once; worths do not depend on it. */
export function askerOf(game: WholeGame, concurrency = 4, signal?: AbortSignal): Asker {
  const known = new Map<string, number>();
  const isSilent = new Uint8Array(game.players);
  for (const player of game.silent) isSilent[player] = 1;
  const keyOf = (set: Uint8Array) => String.fromCharCode(...set.map((kept, i) => kept & (1 - isSilent[i]!)));
  const askGame = async (batch: readonly (readonly [key: string, set: Uint8Array])[]) => {
    const masks = new Uint8Array(batch.length * game.players);
    batch.forEach(([, set], k) => {
      masks.set(set, k * game.players);
    });
    const worths = await game.means(masks, { signal });
    batch.forEach(([key], k) => {
      known.set(key, worths[k]!);
    });
  };
  let asked = 0;
  return {
    get asked() {
      return asked;
    },
    async ask(sets) {
      signal?.throwIfAborted();
      const keys = sets.map(keyOf);
      const fresh = new Map<string, Uint8Array>();
      keys.forEach((key, k) => {
        if (!known.has(key)) fresh.set(key, sets[k]!);
      });
      asked += fresh.size;
      const list = [...fresh];
      for (let start = 0; start < list.length; start += setsPerCall * concurrency) {
        const calls = Array.from({ length: concurrency }, (_, c) => start + c * setsPerCall)
          .filter((at) => at < list.length)
          .map((at) => askGame(list.slice(at, at + setsPerCall)));
        await Promise.all(calls);
      }
      return keys.map((key) => known.get(key)!);
    },
  };
}

/** Players of a set, ascending. */
export function playersOf(set: Uint8Array): number[] {
  return Array.from(set.keys()).filter((i) => set[i] === 1);
}
