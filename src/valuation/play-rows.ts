/** @file Sends the rows of a call to threads, batch by batch, each when what it reads is in memory. */
import type { CallOptions } from "../games/game.ts";
import type { ActivationCache } from "./activations.ts";
import { type Batch, type Cutting, cutRows, type Range } from "./cut-rows.ts";
import type { EffectsCache } from "./effects-cache.ts";
import type { Job, TailSetup } from "./jobs.ts";
import { everyPlace } from "./places.ts";
import type { Runner } from "./runner.ts";

/** What every call of a game needs. */
export interface Play {
  readonly runner: Runner;
  readonly tail: TailSetup;
  readonly players: number;
  readonly cache: ActivationCache;
  readonly effects: EffectsCache | undefined;
  readonly cutting: Cutting;
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
    cutRows(examples, play.cutting).map(async ({ kind, ranges }) => {
      const rows = { masks: joined(masks, ranges, play.players), examples: joined(examples, ranges, 1) };
      play.onBatch(kind, rows.examples.length);
      const values = await playBatch(play, kind, rows, call.signal);
      let done = 0;
      for (const { start, end } of ranges) {
        payoffs.set(values.subarray(done, done + end - start), start);
        done += end - start;
      }
    }),
  );
  return payoffs;
}

interface BatchRows {
  readonly masks: Uint8Array & { readonly buffer: ArrayBuffer };
  readonly examples: Uint32Array & { readonly buffer: ArrayBuffer };
}

/** What is read stays in its place until no thread works on the batch any more, aborted or not. */
async function playBatch(
  { runner, tail, cache, effects }: Play,
  kind: Batch["kind"],
  rows: BatchRows,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const own = kind === "walks" ? effects : undefined;
  const slabs = await own?.hold(rows.examples);
  const isKept = slabs === undefined || cache.isWhole;
  const needed = isKept ? rows.examples : withoutEffects(own!, slabs, rows.examples);
  const entries = await cache.hold(needed).catch((error: unknown) => {
    slabs?.release();
    throw error;
  });
  // where there is room for every example, places are the examples' numbers, and rows are too many to ask for each
  const placesIn = ({ placeOf }: Pick<typeof entries, "placeOf">) =>
    placeOf === everyPlace.placeOf
      ? rows.examples
      : (rows.examples.map((example) => placeOf(example) ?? 0) as BatchRows["examples"]);
  const places = { entries: placesIn(entries) };
  const job: Job =
    own === undefined
      ? { kind: "rows", tail, ...rows, ...places }
      : { kind: "walks", tail, effects: own.setup, ...rows, ...places, slabs: placesIn(slabs!) };
  const onDone = () => {
    entries.release();
    slabs?.release();
  };
  const transfer = [...new Set([rows.masks.buffer, rows.examples.buffer, places.entries.buffer])];
  return (await runner.pool.run(job, { signal, transfer, onDone })) as Float64Array;
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

/** The rows of some ranges, side by side in memory of their own. */
function joined<T extends Uint8Array | Uint32Array>(
  rows: T,
  ranges: readonly Range[],
  size: number,
): T & { readonly buffer: ArrayBuffer } {
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const ArrayType = rows.constructor as new (length: number) => T & { readonly buffer: ArrayBuffer };
  const out = new ArrayType(total * size);
  let at = 0;
  for (const { start, end } of ranges) {
    out.set(rows.subarray(start * size, end * size), at);
    at += (end - start) * size;
  }
  return out;
}
