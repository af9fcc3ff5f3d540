/** @file Memory in which rows travel to the threads. It is shared and used again: new pages for every batch cost more than filling them. */
import type { Range } from "./cut-rows.ts";

/** Rows on their way; views of shared memory. */
export interface SentRows {
  /** Shape [rows, players]. */
  readonly masks: Uint8Array;
  /** Shape [rows]. */
  readonly examples: Uint32Array;
}

export interface RowSlots {
  /** The rows of some ranges of a call, side by side. */
  fill(masks: Uint8Array, examples: Uint32Array, ranges: readonly Range[]): SentRows;
  /** Takes memory back that no thread reads any more. What an aborted job had is not given back: a thread may still read it. */
  free(rows: SentRows): void;
}

/** Slots kept for the next batches; more than are under way would only take up memory. */
const mostKept = 16;

/** @param mostRows Rows of the largest batch. */
export function rowSlots(players: number, mostRows: number): RowSlots {
  const kept: SharedArrayBuffer[] = [];
  const examplesAt = 4 * Math.ceil((mostRows * players) / 4);
  return {
    fill(masks, examples, ranges) {
      const rows = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
      const memory = kept.pop() ?? new SharedArrayBuffer(examplesAt + 4 * mostRows);
      const sent: SentRows = {
        masks: new Uint8Array(memory, 0, rows * players),
        examples: new Uint32Array(memory, examplesAt, rows),
      };
      let at = 0;
      for (const { start, end } of ranges) {
        sent.masks.set(masks.subarray(start * players, end * players), at * players);
        sent.examples.set(examples.subarray(start, end), at);
        at += end - start;
      }
      return sent;
    },
    free({ masks }) {
      if (kept.length < mostKept) kept.push(masks.buffer as SharedArrayBuffer);
    },
  };
}
