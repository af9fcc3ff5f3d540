/** @file Sends one batch to a thread when what it reads is in memory, and keeps it there until no thread works on it. */
import type { Pinned } from "../workers/protocol.ts";
import type { ActivationCache } from "./activations.ts";
import type { Cutting } from "./cut-rows.ts";
import type { EffectsCache } from "./effects-cache.ts";
import type { EffectsSetup, Job, TailSetup } from "./jobs.ts";
import { everyPlace, type Hold } from "./places.ts";
import type { Runner } from "./runner.ts";
import type { KnownSheet, SheetRows, Sheets } from "./sheets.ts";

/** What every call of a game needs. */
export interface Play {
  readonly runner: Runner;
  readonly tail: Pinned<TailSetup>;
  readonly players: number;
  readonly cache: ActivationCache;
  readonly effects: { readonly cache: EffectsCache; readonly setup: Pinned<EffectsSetup> } | undefined;
  readonly cutting: Cutting;
  /** Each for the largest batch. */
  readonly sheets: Sheets;
  /** Told of every batch. */
  readonly onBatch: (kind: "rows" | "added", rows: number) => void;
}

/** Lends a sheet. A thread may still be at work on it when the work here has failed, until it says that it is done. */
export async function onSheet(
  sheets: Sheets,
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

/** A job, and where to write what it reads of its examples. */
export interface BatchOnSheet extends Pick<SheetRows, "examples" | "entries" | "slabs"> {
  /** @param effects Set where it adds effects up. */
  readonly jobFor: (effects: Pinned<EffectsSetup> | undefined) => Job;
  readonly kind: "rows" | "added";
}

/** What is read stays in its place until no thread works on the batch any more, aborted or not. */
export async function playBatch(
  { runner, cache, effects }: Play,
  { examples, entries, slabs, jobFor, kind }: BatchOnSheet,
  { signal, onDone }: { readonly signal: AbortSignal | undefined; readonly onDone: () => void },
): Promise<void> {
  const own = kind === "added" ? effects : undefined;
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
  await runner.pool.run(jobFor(own?.setup), { signal, onDone: done, isShort: true });
}

/** Where there is room for every example, places are the examples' numbers, and rows are too many to ask for each. */
function writePlaces({ placeOf }: Pick<Hold, "placeOf">, examples: Uint32Array, into: Uint32Array): void {
  if (placeOf === everyPlace.placeOf) into.set(examples);
  else for (let row = 0; row < examples.length; row++) into[row] = placeOf(examples[row]!) ?? 0;
}

/** Examples whose activations are read besides: all where more than effects is read, else those without effects yet. */
function withoutEffects(
  { setup, isThere }: EffectsCache,
  slabs: Awaited<ReturnType<EffectsCache["hold"]>>,
  examples: Uint32Array,
): Uint32Array {
  if (setup.rest.reads.length > 0) return examples;
  return examples.filter((example) => !isThere(slabs.placeOf(example)!));
}
