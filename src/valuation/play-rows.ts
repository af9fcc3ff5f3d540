/** @file Sends the rows of a call to threads, batch by batch. */
import type { CallOptions } from "../games/game.ts";
import { cutRows, type Range } from "./cut-rows.ts";
import type { Job } from "./jobs.ts";
import { onSheet, type Play, playBatch } from "./play-batch.ts";
import { rowsIn } from "./sheets.ts";

/** Payoffs of the rows, in their order. */
export async function playRows(
  play: Play,
  masks: Uint8Array,
  examples: Uint32Array,
  call: CallOptions = {},
): Promise<Float64Array> {
  const { tail, players, sheets } = play;
  const payoffs = new Float64Array(examples.length);
  await Promise.all(
    cutRows(examples, play.cutting).map(async ({ kind, ranges, runs }) => {
      const count = runs.reduce((sum, rows) => sum + rows, 0);
      play.onBatch(kind, count);
      await onSheet(sheets, async ({ sheet, pinned }, onDone) => {
        const rows = rowsIn(sheet, { players, rows: count });
        join(masks, ranges, rows.masks, players);
        join(examples, ranges, rows.examples, 1);
        const jobFor: (effects: Extract<Job, { kind: "added" }>["effects"] | undefined) => Job = (effects) =>
          effects === undefined
            ? { kind: "rows", tail, sheet: pinned, rows: count }
            : { kind: "added", tail, effects, sheet: pinned, runs };
        await playBatch(play, { ...rows, kind, jobFor }, { signal: call.signal, onDone });
        spread(rows.payoffs, ranges, payoffs);
      });
    }),
  );
  return payoffs;
}

/** Writes the rows of some ranges side by side. */
function join<T extends Uint8Array | Uint32Array>(
  rows: T,
  ranges: readonly Range[],
  into: T,
  size: number,
): void {
  let at = 0;
  for (const { start, end } of ranges) {
    into.set(rows.subarray(start * size, end * size), at);
    at += (end - start) * size;
  }
}

/** Takes the payoffs of rows back to where the rows come from. */
function spread(from: Float64Array, ranges: readonly Range[], into: Float64Array): void {
  let at = 0;
  for (const { start, end } of ranges) {
    into.set(from.subarray(at, at + end - start), start);
    at += end - start;
  }
}
