/** @file Sends the rows of a call to threads, batch by batch, each when what it reads is in memory. */
import type { CallOptions } from "../games/game.ts";
import type { Pinned } from "../workers/protocol.ts";
import type { ActivationCache } from "./activations.ts";
import { type Batch, type Cutting, cutRows, type Range } from "./cut-rows.ts";
import type { EffectsCache } from "./effects-cache.ts";
import type { EffectsSetup, Job, TailSetup } from "./jobs.ts";
import { everyPlace, type Hold } from "./places.ts";
import { type KnownSheet, type RowSheets, rowsIn, type Sheet, type SheetRows } from "./row-sheets.ts";
import type { Runner } from "./runner.ts";

/** What every call of a game needs. */
export interface Play {
  readonly runner: Runner;
  readonly tail: Pinned<TailSetup>;
  readonly players: number;
  readonly cache: ActivationCache;
  readonly effects: { readonly cache: EffectsCache; readonly setup: Pinned<EffectsSetup> } | undefined;
  readonly cutting: Cutting;
  /** Each for the largest batch. */
  readonly sheets: RowSheets;
  /** Told of every batch. */
  readonly onBatch: (kind: Batch["kind"], rows: number) => void;
}

/** Payoffs of the rows, in their order. */
export async function playRows(
  play: Play,
  masks: Uint8Array,
  examples: Uint32Array,
  call: CallOptions = {},
): Promise<Float64Array> {
  const payoffs = new Float64Array(examples.length);
  await Promise.all(
    cutRows(examples, play.cutting).map(async (batch) => {
      play.onBatch(batch.kind, sizeOf(batch));
      await onSheet(play.sheets, async ({ sheet, pinned }, onDone) => {
        const rows = rowsIn(sheet, sizeOf(batch));
        join(masks, batch.ranges, rows.masks, play.players);
        join(examples, batch.ranges, rows.examples, 1);
        await playBatch(play, batch, pinned, rows, { signal: call.signal, onDone });
        spread(rows.payoffs, batch.ranges, payoffs);
      });
    }),
  );
  return payoffs;
}

function sizeOf({ runs }: Batch): number {
  return runs.reduce((sum, rows) => sum + rows, 0);
}

/** Lends a sheet. A thread may still be at work on it when the work here has failed, until it says that it is done. */
async function onSheet(
  sheets: RowSheets,
  work: (sheet: KnownSheet, onDone: () => void) => Promise<void>,
): Promise<void> {
  const sheet = sheets.take();
  let isDone = false;
  let isLeft = false;
  const onDone = (): void => {
    isDone = true;
    if (isLeft) sheets.give(sheet);
  };
  try {
    await work(sheet, onDone);
  } finally {
    isLeft = true;
    if (isDone) sheets.give(sheet);
  }
}

/** What is read stays in its place until no thread works on the batch any more, aborted or not. */
async function playBatch(
  { runner, tail, cache, effects }: Play,
  { kind, runs }: Batch,
  sheet: Pinned<Sheet>,
  { examples, entries, slabs }: SheetRows,
  { signal, onDone }: { readonly signal: AbortSignal | undefined; readonly onDone: () => void },
): Promise<void> {
  const own = kind === "walks" ? effects : undefined;
  const holds: Pick<Hold, "release">[] = [];
  const done = (): void => {
    for (const { release } of holds) release();
    onDone();
  };
  try {
    const held = await own?.cache.hold(examples);
    if (held !== undefined) holds.push(held);
    const isKept = held === undefined || cache.isWhole;
    const there = await cache.hold(isKept ? examples : withoutEffects(own!.cache, held, examples));
    holds.push(there);
    writePlaces(there, examples, entries);
    if (held !== undefined) writePlaces(held, examples, slabs);
  } catch (error) {
    done();
    throw error;
  }
  const job: Job =
    own === undefined
      ? { kind: "rows", tail, sheet, rows: examples.length }
      : { kind: "walks", tail, effects: own.setup, sheet, runs };
  await runner.pool.run(job, { signal, onDone: done, isShort: true });
}

/** Where there is room for every example, places are the examples' numbers, and rows are too many to ask for each. */
function writePlaces({ placeOf }: Pick<Hold, "placeOf">, examples: Uint32Array, into: Uint32Array): void {
  if (placeOf === everyPlace.placeOf) into.set(examples);
  else for (let row = 0; row < examples.length; row++) into[row] = placeOf(examples[row]!) ?? 0;
}

/** Examples whose activations walks read: all where more than effects is read, else those without effects yet. */
function withoutEffects(
  { setup, isThere }: EffectsCache,
  slabs: Awaited<ReturnType<EffectsCache["hold"]>>,
  examples: Uint32Array,
): Uint32Array {
  if (setup.rest.reads.length > 0) return examples;
  return examples.filter((example) => !isThere(slabs.placeOf(example)!));
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
