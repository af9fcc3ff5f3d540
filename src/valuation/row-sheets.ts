/**
 * @file Shared memory that rows travel in, from batch to batch the same: the collector would be kept busy by new memory
 * for each.
 */
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
  /** Slab of the effects; means nothing where rows are not walks. */
  readonly slabs: Uint32Array;
  readonly payoffs: Float64Array;
}

/** Memory for the rows of one batch. */
export interface Sheet {
  readonly memory: SharedArrayBuffer;
  readonly players: number;
  /** Rows there is room for. */
  readonly capacity: number;
}

/** Views of the rows from `first` on. */
export function rowsIn({ memory, players, capacity }: Sheet, rows: number, first = 0): SheetRows {
  const words = (k: number) => new Uint32Array(memory, (8 + 4 * k) * capacity + 4 * first, rows);
  return {
    payoffs: new Float64Array(memory, 8 * first, rows),
    examples: words(0),
    entries: words(1),
    slabs: words(2),
    masks: new Uint8Array(memory, 20 * capacity + first * players, rows * players),
  };
}

/** A sheet that threads have as well. */
export interface KnownSheet {
  readonly sheet: Sheet;
  readonly pinned: Pinned<Sheet>;
}

export interface RowSheets {
  take(): KnownSheet;
  /** Once neither thread looks at it any more. */
  give(sheet: KnownSheet): void;
}

/** Sheets of one size, as many as are in use at the same time. */
export function rowSheets(
  pool: Pick<Pool<never, unknown>, "pin">,
  players: number,
  capacity: number,
): RowSheets {
  const spare: KnownSheet[] = [];
  function newSheet(): KnownSheet {
    const sheet = { memory: new SharedArrayBuffer((20 + players) * capacity), players, capacity };
    return { sheet, pinned: pool.pin(sheet) };
  }
  return {
    take: () => spare.pop() ?? newSheet(),
    give: (sheet) => {
      spare.push(sheet);
    },
  };
}
