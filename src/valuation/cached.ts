/** @file Cached values of a network, one entry for each example, in memory that all threads share. */

import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { concreteShape } from "../graph/dims.ts";
import { arrayTypes, bytesPerElement, type DType, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { type Chunks, chunksIn, entryOf, type Take } from "./chunks.ts";

/** What is kept of a value for one example. */
export interface CachedLayout {
  readonly name: string;
  readonly dtype: DType;
  /** Shape of one example. */
  readonly shape: readonly number[];
}

/** A cached value in shared memory. Which example an entry belongs to is told by the cache. */
export interface Cached extends CachedLayout {
  readonly entries: Chunks<TypedArray>;
}

/** @throws {PrunerError} `group-not-maskable` where a size is not known. */
export function layoutOf({ facts }: ChannelAnalysis, name: string): CachedLayout {
  const fact = facts.get(name);
  const shape = concreteShape(fact?.shape?.slice(1));
  if (fact?.dtype === undefined || shape === undefined) {
    const detail = `the size of "${name}" is not known; state the input's shape with --input-shape`;
    throw new PrunerError("group-not-maskable", { group: name, detail });
  }
  return { name, dtype: fact.dtype, shape };
}

/** Bytes of one entry of each value. */
export function entryBytes(layouts: readonly CachedLayout[]): number {
  return layouts.reduce((sum, { dtype, shape }) => sum + bytesPerElement(dtype) * sizeOf(shape), 0);
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

/** Copies row `row` of a batch into an entry. */
export function storeEntry({ entries }: Cached, entry: number, batch: TypedArray, row: number): void {
  const { size } = entries;
  entryOf(entries, entry).set(batch.subarray(row * size, (row + 1) * size) as never);
}
