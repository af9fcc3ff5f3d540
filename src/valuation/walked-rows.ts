/**
 * @file The worker's side of walks: from row to row of one example the effects of the channels that come or go are
 * added or taken away, and only what follows them is run.
 */
import type { Tensor } from "../tensor/tensor.ts";
import { entryOf } from "./chunks.ts";
import type { Desk } from "./desk.ts";
import { allRow, type EffectsSetup, firstChannelRow, noneRow, scaleRow } from "./jobs.ts";

/**
 * Affine values of rows, from effects that are in shared memory.
 * @param masks Shape [rows, players], at most `rowsPerRun` rows.
 * @param slabs Where the effects on each row's example are.
 * @returns Feeds for `rest`, in memory that the next call uses again.
 */
export function addedValues(
  desk: Desk,
  setup: EffectsSetup,
  masks: Uint8Array,
  slabs: Uint32Array,
): Record<string, Tensor> {
  walk(desk, setup, masks, slabs);
  const feeds: Record<string, Tensor> = {};
  setup.values.forEach(({ name, shape, size }, k) => {
    const data = new Float32Array(desk.adder.buffer, desk.batches[k]!, slabs.length * size);
    feeds[name] = { dtype: "float32", shape: [slabs.length, ...shape], data };
  });
  return feeds;
}

/** Takes the shortest way to every row: from the row before, from no channel, or from all. */
function walk(desk: Desk, setup: EffectsSetup, masks: Uint8Array, slabs: Uint32Array): void {
  const { adder, effects, sum, batches, rowBytes: bytes } = desk;
  const { data, values, players } = setup;
  const changes = changesIn(masks, players);
  const bytesThere = new Uint8Array(adder.buffer);
  for (let row = 0; row < slabs.length; row++) {
    const slab = slabs[row]!;
    const isFresh = row === 0 || slabs[row - 1] !== slab;
    if (isFresh) effects.set(entryOf(data, slab));
    let found = changes.sinceLast(row, isFresh);
    if (found.restart !== undefined) {
      const start = (found.restart === 0 ? noneRow : allRow) * bytes;
      bytesThere.copyWithin(sum, start, start + bytes);
      found = changes.sinceEnd(row, found.restart);
    }
    for (let k = 0; k < found.count; k++) {
      const player = found.players[k]!;
      const effect = (firstChannelRow + player) * bytes;
      if (masks[row * players + player] === 1) adder.add(sum, effect, bytes);
      else adder.subtract(sum, effect, bytes);
    }
    for (let k = 0; k < values.length; k++) {
      const { size, offset } = values[k]!;
      adder.scale(batches[k]! + 4 * size * row, sum + 4 * offset, scaleRow * bytes + 4 * offset, 4 * size);
    }
  }
}

/** Players that changed; the object is used again. */
interface Changes {
  readonly players: Uint32Array;
  count: number;
  /** Set when it is shorter to start from no channel (0) or from all (1). */
  restart: 0 | 1 | undefined;
}

function changesIn(masks: Uint8Array, players: number) {
  const words = new DataView(masks.buffer, masks.byteOffset, masks.byteLength);
  const wholeWords = players - (players % 4);
  const found: Changes = { players: new Uint32Array(players), count: 0, restart: undefined };
  let kept = 0;

  function note(at: number, before: number, from: number, to: number): void {
    for (let player = from; player < to; player++) {
      if (masks[at + player] === masks[before + player]) continue;
      kept += masks[at + player] === 1 ? 1 : -1;
      found.players[found.count++] = player;
    }
  }

  return {
    sinceLast(row: number, isFresh: boolean): Changes {
      found.count = 0;
      found.restart = undefined;
      const at = row * players;
      if (isFresh) {
        kept = 0;
        for (let player = 0; player < players; player++) kept += masks[at + player]!;
      } else {
        const before = at - players;
        for (let k = 0; k < wholeWords; k += 4)
          if (words.getInt32(at + k) !== words.getInt32(before + k)) note(at, before, k, k + 4);
        note(at, before, wholeWords, players);
      }
      const fewest = Math.min(kept, players - kept);
      if (isFresh || found.count > fewest + 1) found.restart = kept === fewest ? 0 : 1;
      return found;
    },
    sinceEnd(row: number, end: 0 | 1): Changes {
      found.count = 0;
      found.restart = undefined;
      const at = row * players;
      for (let player = 0; player < players; player++)
        if (masks[at + player] !== end) found.players[found.count++] = player;
      return found;
    },
  };
}
