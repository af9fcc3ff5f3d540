/**
 * @file The worker's side of effects: what each channel adds to the values behind it, computed once for each example by
 * the thread that needs it first.
 */
import type { Session } from "../engine/engine.ts";
import { arrayTypes, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { copyEntry } from "./cached.ts";
import { entryOf } from "./chunks.ts";
import { type Desk, deskRows } from "./desk.ts";
import { allRow, type EffectsSetup, firstChannelRow, noneRow, scaleRow, type TailSetup } from "./jobs.ts";

/** States of a slab. */
export const missing = 0;
const underWay = 1;
export const there = 2;

/** What a thread needs to compute effects. */
interface Work {
  readonly tail: TailSetup;
  readonly setup: EffectsSetup;
  readonly desk: Desk;
  readonly places: ReadonlyMap<number, number>;
  readonly open: () => Promise<Session>;
}

/**
 * Makes sure that the effects on some examples are in shared memory.
 * @param places The slabs where they belong, and for each the entry of the example's cached values. Entries of slabs that
 *   are there already are not looked at.
 * @param open Opens the front; asked only when needed.
 */
export async function ensureEffects(
  tail: TailSetup,
  setup: EffectsSetup,
  desk: Desk,
  places: ReadonlyMap<number, number>,
  open: () => Promise<Session>,
): Promise<void> {
  const { states } = setup;
  let left = [...places.keys()];
  while (left.length > 0) {
    const own = left.filter((slab) => Atomics.compareExchange(states, slab, missing, underWay) === missing);
    if (own.length > 0) await computeOwn({ tail, setup, desk, places, open }, own);
    for (const slab of left) Atomics.wait(states, slab, underWay);
    left = left.filter((slab) => Atomics.load(states, slab) !== there); // left by a thread that failed
  }
}

/** Threads wait for each other only when they have nothing of their own to do, so they always get on. */
async function computeOwn(work: Work, own: readonly number[]): Promise<void> {
  const { states, front } = work.setup;
  const done = (slab: number, state: number): void => {
    Atomics.store(states, slab, state);
    Atomics.notify(states, slab);
  };
  let next = 0;
  try {
    const session = await work.open();
    while (next < own.length) {
      const some = own.slice(next, next + front.examples);
      const results = await session.run(frontFeeds(work, some));
      some.forEach((slab, k) => {
        storeEffects(work, results, k, slab);
        done(slab, there);
      });
      next += some.length;
    }
  } finally {
    for (const slab of own.slice(next)) done(slab, missing);
  }
}

/** What the front reads for some examples: one row each, or a row without any channel and one with each alone. */
function frontFeeds({ tail, setup, places }: Work, slabs: readonly number[]): Record<string, Tensor> {
  const { front, players } = setup;
  const feeds: Record<string, Tensor> = {};
  const rows = front.isSeparated ? 1 : players + 1;
  let column = 0;
  for (const mask of front.isSeparated ? [] : tail.masks) {
    const data = new Float32Array(slabs.length * rows * mask.players);
    for (let k = 0; k < slabs.length; k++)
      for (let player = 0; player < mask.players; player++)
        data[(k * rows + 1 + column + player) * mask.players + player] = 1;
    feeds[mask.name] = { dtype: "float32", shape: [slabs.length * rows, mask.players], data };
    column += mask.players;
  }
  for (const value of tail.cached) {
    const { name, dtype, shape } = value;
    if (!front.reads.includes(name)) continue;
    const batch = new arrayTypes[dtype](slabs.length * rows * sizeOf(shape)) as TypedArray;
    for (let row = 0; row < slabs.length * rows; row++)
      copyEntry(value, places.get(slabs[Math.floor(row / rows)]!)!, batch, row);
    feeds[name] = { dtype, shape: [slabs.length * rows, ...shape], data: batch };
  }
  return feeds;
}

/**
 * Rounds each column of effects to whole multiples of 2^-30 of its sum of absolute values. No sum of them leaves 32 bits,
 * and they are finer than what 32-bit floats could hold of such sums.
 */
function storeEffects(
  { setup, desk }: Work,
  results: Readonly<Record<string, Tensor>>,
  index: number,
  slab: number,
): void {
  const { players, width, data } = setup;
  const { adder, effects, parts, rowBytes } = desk;
  desk.example = undefined;
  copyParts(setup, parts, results, index);
  const { bound, factor, zero } = deskRows(desk);
  bound.floats.fill(0);
  adder.addDistance(bound.at, parts.byteOffset, zero.at, rowBytes);
  for (let row = 1; row <= players; row++)
    adder.addDistance(bound.at, parts.byteOffset + row * rowBytes, parts.byteOffset, rowBytes);
  const scale = new Float32Array(effects.buffer, effects.byteOffset + scaleRow * rowBytes, width);
  for (let k = 0; k < width; k++) {
    const step = Math.max(2 ** -100, bound.floats[k]! * 2 ** -30); // NaN stays: then the network makes no number either
    scale[k] = Number.isFinite(step) ? step : Number.NaN;
    factor.floats[k] = 1 / step;
  }
  const none = noneRow * rowBytes;
  const all = allRow * rowBytes;
  adder.round(none, parts.byteOffset, zero.at, factor.at, rowBytes);
  effects.copyWithin(allRow * width, noneRow * width, (noneRow + 1) * width);
  for (let player = 0; player < players; player++) {
    const into = (firstChannelRow + player) * rowBytes;
    adder.round(into, parts.byteOffset + (player + 1) * rowBytes, parts.byteOffset, factor.at, rowBytes);
    adder.add(all, into, rowBytes);
  }
  entryOf(data, slab).set(effects);
}

/** Values of one example side by side, [players + 1, width]. */
function copyParts(
  { values, players, width }: EffectsSetup,
  parts: Float32Array,
  results: Readonly<Record<string, Tensor>>,
  index: number,
): void {
  const rows = players + 1;
  for (const { name, offset, size } of values) {
    const data = results[name]!.data as Float32Array;
    const own = data.subarray(index * rows * size, (index + 1) * rows * size);
    if (size === width) parts.set(own);
    else
      for (let row = 0; row < rows; row++)
        parts.set(own.subarray(row * size, (row + 1) * size), row * width + offset);
  }
}
