/**
 * @file Shared memory that rows and walks travel in, from batch to batch the same: the collector would be kept busy by
 * new memory for each.
 */
import type { Walks } from "../games/game.ts";
import type { Pinned } from "../workers/protocol.ts";
import type { Pool } from "../workers/thread-pool.ts";

/** Views of one batch; everything but payoffs is written by the thread that asks, payoffs by the one that answers. */
export interface SheetRows {
  /** Shape [rows, players]. */
  readonly masks: Uint8Array;
  /** Shape [rows], like all that follow. */
  readonly examples: Uint32Array;
  /** Entry of the cached values. */
  readonly entries: Uint32Array;
  /** Slab of the effects; means nothing where rows are run as they are. */
  readonly slabs: Uint32Array;
  readonly payoffs: Float64Array;
}

/** The same of walks, or parts of them. */
export interface SheetWalks extends Walks {
  /** Shape [walks], like slabs: which walk of the call each is a part of. */
  readonly origins: Uint32Array;
  readonly entries: Uint32Array;
  readonly slabs: Uint32Array;
  /** Shape [rows]. */
  readonly payoffs: Float64Array;
}

/** What lies on a sheet. */
export interface RowsSize {
  readonly players: number;
  readonly rows: number;
}

export interface WalksSize extends RowsSize {
  readonly walks: number;
}

/** Views of `count` rows from `first` on. */
export function rowsIn(
  sheet: SharedArrayBuffer,
  { players, rows }: RowsSize,
  first = 0,
  count = rows,
): SheetRows {
  const words = (k: number) => new Uint32Array(sheet, (8 + 4 * k) * rows + 4 * first, count);
  return {
    payoffs: new Float64Array(sheet, 8 * first, count),
    examples: words(0),
    entries: words(1),
    slabs: words(2),
    masks: new Uint8Array(sheet, 20 * rows + first * players, count * players),
  };
}

const numbersOfWalk = 6; // beside its order

export function walksIn(sheet: SharedArrayBuffer, { players, rows, walks }: WalksSize): SheetWalks {
  const words = (k: number) => new Uint32Array(sheet, 8 * rows + 4 * k * walks, walks);
  return {
    payoffs: new Float64Array(sheet, 0, rows),
    from: words(0),
    to: words(1),
    examples: words(2),
    origins: words(3),
    entries: words(4),
    slabs: words(5),
    orders: new Uint32Array(sheet, 8 * rows + 4 * numbersOfWalk * walks, walks * players),
  };
}

/** Bytes of a sheet for so many rows. */
function sheetBytes({ players, rows }: RowsSize): number {
  return (20 + players) * rows;
}

/** Walks that a sheet for so many rows has room for beside their payoffs; several for eight rows and more. */
export function walksOnSheet(size: RowsSize): number {
  return Math.floor((sheetBytes(size) - 8 * size.rows) / (4 * (numbersOfWalk + size.players)));
}

/** A sheet that threads have as well. */
export interface KnownSheet {
  readonly sheet: SharedArrayBuffer;
  readonly pinned: Pinned<SharedArrayBuffer>;
}

export interface Sheets {
  take(): KnownSheet;
  /** Once neither thread looks at it any more. */
  give(sheet: KnownSheet): void;
}

/** Sheets of one size, as many as are in use at the same time. */
export function sheetsFor(pool: Pick<Pool<never, unknown>, "pin">, size: RowsSize): Sheets {
  const spare: KnownSheet[] = [];
  function newSheet(): KnownSheet {
    const sheet = new SharedArrayBuffer(sheetBytes(size));
    return { sheet, pinned: pool.pin(sheet) };
  }
  return {
    take: () => spare.pop() ?? newSheet(),
    give: (sheet) => {
      spare.push(sheet);
    },
  };
}
