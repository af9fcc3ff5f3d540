/**
 * @file The worker's side of added rows: from row to row of one example the effects of the channels that come or go are
 * added or taken away, and only what follows them is run.
 */
import type { Tensor } from "../tensor/tensor.ts";
import { bringEffects, type Desk } from "./desk.ts";
import { allRow, type EffectsSetup, firstChannelRow, noneRow, scaleRow } from "./jobs.ts";
import type { SheetWalks } from "./sheets.ts";

/** Rows of one run, at most `rowsPerRun`. */
export interface MaskedRows {
  /** Shape [rows, players]. */
  readonly masks: Uint8Array;
  /** Shape [rows]. */
  readonly examples: Uint32Array;
  /** Where the effects on each row's example are. */
  readonly slabs: Uint32Array;
}

/**
 * Affine values of rows, from effects that are in shared memory.
 * @returns Feeds for `rest`, in memory that the next call uses again.
 */
export function addedAtMasks(desk: Desk, setup: EffectsSetup, rows: MaskedRows): Record<string, Tensor> {
  const { masks, examples, slabs } = rows;
  const changes = changesIn(masks, setup.players);
  for (let row = 0; row < slabs.length; row++) {
    const isFresh = row === 0 || examples[row - 1] !== examples[row];
    if (isFresh) bringEffects(desk, setup, slabs[row]!, examples[row]!);
    let found = changes.sinceLast(row, isFresh);
    if (found.restart !== undefined) {
      startFrom(desk, found.restart);
      found = changes.sinceEnd(row, found.restart);
    }
    for (let k = 0; k < found.count; k++) {
      const player = found.players[k]!;
      move(desk, player, masks[row * setup.players + player] === 1);
    }
    writeRow(desk, setup, row);
  }
  return feedsOf(desk, setup, slabs.length);
}

/**
 * The same along orders, where nobody has to be looked for.
 * @param walks Those of one job.
 * @param first The first one of the run, and …
 * @param end … of the next one. A walk of which the run before had the beginning goes on where that ended.
 */
export function addedAlongOrders(
  desk: Desk,
  setup: EffectsSetup,
  walks: SheetWalks,
  first: number,
  end: number,
): Record<string, Tensor> {
  const { orders, from, to, origins, examples, slabs } = walks;
  let row = 0;
  for (let walk = first; walk < end; walk++) {
    const order = walk * setup.players;
    const goesOn = walk > 0 && origins[walk] === origins[walk - 1];
    bringEffects(desk, setup, slabs[walk]!, examples[walk]!);
    if (!goesOn) startFrom(desk, 0);
    for (let size = goesOn ? to[walk - 1]! : 0; size < from[walk]!; size++)
      move(desk, orders[order + size]!, true);
    writeRow(desk, setup, row++);
    for (let size = from[walk]!; size < to[walk]!; size++) {
      move(desk, orders[order + size]!, true);
      writeRow(desk, setup, row++);
    }
  }
  return feedsOf(desk, setup, row);
}

/** The sum without any channel (0), or with all (1). */
function startFrom({ adder, rowBytes, sum }: Desk, end: 0 | 1): void {
  const start = (end === 0 ? noneRow : allRow) * rowBytes;
  new Uint8Array(adder.buffer).copyWithin(sum, start, start + rowBytes);
}

function move({ adder, rowBytes, sum }: Desk, player: number, joins: boolean): void {
  const effect = (firstChannelRow + player) * rowBytes;
  if (joins) adder.add(sum, effect, rowBytes);
  else adder.subtract(sum, effect, rowBytes);
}

/** Takes the sum down as row `row` of each value. */
function writeRow({ adder, rowBytes, sum, batches }: Desk, { values }: EffectsSetup, row: number): void {
  for (let k = 0; k < values.length; k++) {
    const { size, offset } = values[k]!;
    adder.scale(batches[k]! + 4 * size * row, sum + 4 * offset, scaleRow * rowBytes + 4 * offset, 4 * size);
  }
}

function feedsOf({ adder, batches }: Desk, { values }: EffectsSetup, rows: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  values.forEach(({ name, shape, size }, k) => {
    const data = new Float32Array(adder.buffer, batches[k]!, rows * size);
    feeds[name] = { dtype: "float32", shape: [rows, ...shape], data };
  });
  return feeds;
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
