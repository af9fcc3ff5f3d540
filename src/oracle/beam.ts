/** @file Beam search: greedy removal and greedy addition that follow several sets of each size at once. */
import type { WholeGame } from "../games/whole-game.ts";
import { type Asker, askerOf, type FoundSet, playersOf, type SearchResult } from "./search.ts";

export interface BeamOptions {
  /** Sets of each size that are followed. Default 8. */
  readonly width?: number | undefined;
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export const defaultWidth = 8;

/** Coalitions a beam search asks for at most. */
export function beamCost(players: number, width = defaultWidth): number {
  return (
    2 + 2 * width * Array.from({ length: players - 1 }, (_, k) => players - k).reduce((a, b) => a + b, 0)
  );
}

/**
 * The best sets found on two walks: removing players from everyone, and adding players to no one, each time keeping the
 * `width` best sets of a size. Width 1 is greedy removal and greedy addition. Nothing is guaranteed about sets that
 * were not tried.
 */
export async function beamSearch(game: WholeGame, options: BeamOptions = {}): Promise<SearchResult> {
  const { width = defaultWidth, concurrency, signal, onProgress } = options;
  const { players } = game;
  const asker = askerOf(game, concurrency, signal);
  const best = new Map<number, FoundSet>();
  let step = 0;
  const onStep = () => onProgress?.(++step, 2 * players);
  await walk(asker, new Uint8Array(players).fill(1), 0, width, best, onStep);
  await walk(asker, new Uint8Array(players), 1, width, best, onStep);
  const sets = [...best.values()].sort((a, b) => a.size - b.size);
  return {
    sets: sets.map((set) => ({ ...set, guarantee: { kind: "none" } })),
    coalitions: asker.asked,
  };
}

interface Candidate {
  readonly set: Uint8Array;
  readonly worth: number;
}

/** From one end to the other, switching one player at a time to `to`. */
async function walk(
  asker: Asker,
  start: Uint8Array,
  to: 0 | 1,
  width: number,
  best: Map<number, FoundSet>,
  onStep: () => void,
): Promise<void> {
  let beam: Candidate[] = [{ set: start, worth: (await asker.ask([start]))[0]! }];
  note(best, beam[0]!);
  for (let step = 0; step < start.length; step++) {
    const next = new Map<string, Uint8Array>();
    for (const { set } of beam) {
      for (let player = 0; player < set.length; player++) {
        if (set[player] === to) continue;
        const changed = set.slice();
        changed[player] = to;
        next.set(changed.join(""), changed);
      }
    }
    const sets = [...next.values()];
    const worths = await asker.ask(sets);
    beam = sets
      .map((set, k) => ({ set, worth: worths[k]! }))
      .sort((a, b) => b.worth - a.worth) // stable: equal sets stay in the order they were made
      .slice(0, width);
    note(best, beam[0]!);
    onStep();
  }
}

function note(best: Map<number, FoundSet>, { set, worth }: Candidate): void {
  const keep = playersOf(set);
  const known = best.get(keep.length);
  if (known === undefined || worth > known.worth) best.set(keep.length, { size: keep.length, keep, worth });
}
