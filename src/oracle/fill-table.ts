/** @file Tries every coalition, in chunks of neighbouring ones, and goes on where a store says it was left. */
import { mapInOrder } from "../base/map-in-order.ts";
import { PrunerError } from "../base/problem.ts";
import type { WholeGame } from "../games/whole-game.ts";
import { type CoalitionTable, largestTable } from "./coalition-table.ts";

/** Keeps finished chunks. What is read back is what was written, whatever happened in between. */
export interface ChunkStore {
  read(chunk: number): Float64Array | undefined;
  /** Resolves once a kill of the process can no longer take the chunk away. */
  write(chunk: number, values: Float64Array): Promise<void>;
}

export interface TableOptions {
  readonly store?: ChunkStore | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Chunks under way at once; the table does not depend on it. Default 4. */
  readonly concurrency?: number | undefined;
  /** Told how many coalitions are known, those from the store included, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Rows one chunk should have: long enough to keep a thread busy, short enough to lose little by a kill. */
const rowsPerChunk = 2 ** 19;
const smallestChunk = 64;
const largestChunk = 4096;

/**
 * Coalitions in a chunk: a power of two that depends on the number of examples alone. Neighbouring numbers differ in
 * their lowest bits only, so that a chunk's coalitions agree on all other players and share what follows from those.
 */
export function chunkSize(examples: number): number {
  const affordable = 2 ** Math.floor(Math.log2(Math.max(1, rowsPerChunk / examples)));
  return Math.min(largestChunk, Math.max(smallestChunk, affordable));
}

/** Players whose coalitions have to be tried: the others change nothing. */
export function livePlayers({ players, silent }: WholeGame): number[] {
  const isSilent = new Set(silent);
  return Array.from({ length: players }, (_, i) => i).filter((i) => !isSilent.has(i));
}

/**
 * The worth of all 2^players coalitions. Silent players are left out of the trials: a coalition is worth what it is
 * worth without them, so every silent player halves the work, and no digit changes.
 * @throws {PrunerError} `too-many-coalitions` above 24 players, `game-invalid` for a worth that is not
 *   finite; the signal's reason on abort.
 */
export async function fillTable(game: WholeGame, options: TableOptions = {}): Promise<CoalitionTable> {
  const { players, examples } = game;
  const live = livePlayers(game);
  if (players > largestTable)
    throw new PrunerError("too-many-coalitions", {
      players,
      coalitions: 2 ** players,
      limit: 2 ** largestTable,
    });
  const values = await valuesOfLive(game, live, options);
  return { players, examples, values: players === live.length ? values : spread(values, players, live) };
}

async function valuesOfLive(
  game: WholeGame,
  live: readonly number[],
  { store, signal, concurrency = 4, onProgress }: TableOptions,
): Promise<Float64Array> {
  const total = 2 ** live.length;
  const size = Math.min(chunkSize(game.examples), total);
  const values = new Float64Array(total);
  const missing: number[] = [];
  for (let chunk = 0; chunk < total / size; chunk++) {
    const known = store?.read(chunk);
    if (known === undefined) missing.push(chunk);
    else values.set(known, chunk * size);
  }
  let done = total - missing.length * size;
  onProgress?.(done, total);
  const writes: Promise<void>[] = [];
  const tryChunk = async (chunk: number) => {
    signal?.throwIfAborted();
    const worth = await game.means(chunkMasks(chunk * size, size, live, game.players), { signal });
    requireFinite(worth);
    return { chunk, worth };
  };
  for await (const { chunk, worth } of mapInOrder(missing, tryChunk, concurrency)) {
    values.set(worth, chunk * size);
    const write = store?.write(chunk, worth);
    write?.catch(() => undefined); // awaited below; until then a failure must not end the process unheard
    if (write !== undefined) writes.push(write);
    done += size;
    onProgress?.(done, total);
  }
  await Promise.all(writes);
  return values;
}

/** Masks of the coalitions of live players with the numbers from `first` on, [size, players]. */
function chunkMasks(first: number, size: number, live: readonly number[], players: number): Uint8Array {
  const masks = new Uint8Array(size * players);
  for (let k = 0; k < size; k++) {
    live.forEach((player, bit) => {
      masks[k * players + player] = ((first + k) >>> bit) & 1;
    });
  }
  return masks;
}

function requireFinite(worth: Float64Array): void {
  const bad = worth.find((value) => !Number.isFinite(value));
  if (bad !== undefined)
    throw new PrunerError("game-invalid", {
      detail: `a coalition is worth ${bad}, which is no finite number`,
    });
}

/** From coalitions of live players to coalitions of all. */
function spread(values: Float64Array, players: number, live: readonly number[]): Float64Array {
  return new Float64Array(2 ** players).map((_, bits) => {
    let number = 0;
    for (let k = 0; k < live.length; k++) number |= ((bits >>> live[k]!) & 1) << k;
    return values[number]!;
  });
}
