/** @file Cached values of a network, one entry for each example, in memory that all threads share. */

import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/index.ts";
import { concreteShape } from "../graph/dims.ts";
import { evaluateDim } from "../graph/evaluate-dim.ts";
import { emptyLength } from "../passes/close-caches.ts";
import { arrayTypes, bytesPerElement, type DType, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { type Chunks, chunksIn, entryOf, type Take } from "./chunks.ts";
import { type ActivationType, halvesOf, type KeptName } from "./halves.ts";

/** What is kept of a value for one example. */
export interface CachedLayout extends KeptName {
  /** Element type that it is kept in. */
  readonly dtype: DType;
  /** Shape of one example. */
  readonly shape: readonly number[];
}

/** A cached value in shared memory. Which example an entry belongs to is told by the cache. */
export interface Cached extends CachedLayout {
  readonly entries: Chunks<TypedArray>;
}

/**
 * How a value is kept of each example. Sizes that the model leaves open are those of the data.
 * @param type What values in float32 are kept in; others are kept as they are.
 * @throws {PrunerError} `group-not-maskable` where a size is not known.
 */
export function layoutOf(
  analysis: ChannelAnalysis,
  dataset: Dataset,
  name: string,
  type: ActivationType = "float32",
): CachedLayout {
  const fact = analysis.facts.get(name);
  const sizes = sizesIn(analysis, dataset);
  const shape = concreteShape(
    fact?.shape?.slice(1).map((dim) => evaluateDim(dim, (atom) => sizes.get(atom) ?? lengthOfNone(atom))),
  );
  if (fact?.dtype === undefined || shape === undefined) {
    const detail = `the size of "${name}" is not known; state the input's shape with --input-shape`;
    throw new PrunerError("group-not-maskable", { group: name, detail });
  }
  if (type === "float16" && fact.dtype === "float32")
    return { name: halvesOf(name), dtype: type, shape, rounded: name };
  return { name, dtype: fact.dtype, shape };
}

/** What the data say about sizes that the inputs of a model leave open, by their names. */
function sizesIn({ model, facts }: ChannelAnalysis, { inputs }: Dataset): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { name } of model.graph.inputs) {
    const fed = inputs.get(name)?.feed.shape;
    facts
      .get(name)
      ?.shape?.slice(1)
      .forEach((dim, axis) => {
        const size = fed?.[axis];
        if (typeof dim === "string" && size !== undefined) sizes.set(dim, size);
      });
  }
  return sizes;
}

/** Caches that were taken off a model hold nothing. */
function lengthOfNone(atom: string): number | undefined {
  return atom.startsWith(emptyLength) ? 0 : undefined;
}

/** Bytes of one entry of each value, as it is kept. */
export function entryBytes(layouts: readonly CachedLayout[]): number {
  return layouts.reduce((sum, { dtype, shape }) => sum + bytesPerElement(dtype) * sizeOf(shape), 0);
}

/** Bytes of the same values in a run, where halves have become single precision. */
export function runBytes(layouts: readonly CachedLayout[]): number {
  return layouts.reduce((sum, { dtype, shape, rounded }) => {
    return sum + bytesPerElement(rounded === undefined ? dtype : "float32") * sizeOf(shape);
  }, 0);
}

/** Room for so many entries. */
export function cachedIn(layout: CachedLayout, entries: number, take: Take): Cached {
  const type = arrayTypes[layout.dtype] as unknown as Parameters<typeof chunksIn<TypedArray>>[0];
  return { ...layout, entries: chunksIn(type, entries, sizeOf(layout.shape), take) };
}

/** Copies an entry into row `row` of a batch. */
export function copyEntry({ entries }: Cached, entry: number, batch: TypedArray, row: number): void {
  batch.set(entryOf(entries, entry) as never, row * entries.size);
}

/** Lays entries side by side; where the same entry comes several times in a row, it is fetched once. */
export function copyEntries(cached: Cached, entries: ArrayLike<number>, batch: TypedArray): void {
  const { size } = cached.entries;
  for (let row = 0, end = 0; row < entries.length; row = end) {
    copyEntry(cached, entries[row]!, batch, row);
    end = row + 1;
    while (end < entries.length && entries[end] === entries[row]) end++;
    repeatRow(batch, size, row, end);
  }
}

/** Fills the rows [row + 1, end) with what row `row` holds. */
export function repeatRow(batch: TypedArray, size: number, row: number, end: number): void {
  for (let done = 1, count = end - row; done < count; done *= 2)
    batch.copyWithin((row + done) * size, row * size, (row + Math.min(done, count - done)) * size);
}

/** Copies row `row` of a batch into an entry. */
export function storeEntry({ entries }: Cached, entry: number, batch: TypedArray, row: number): void {
  const { size } = entries;
  entryOf(entries, entry).set(batch.subarray(row * size, (row + 1) * size) as never);
}
