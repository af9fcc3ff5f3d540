/** @file What one run of a tail reads, laid out in memory of the thread: the runtime takes no shared memory. */
import { arrayTypes, bytesPerElement, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { bytesOf } from "./byte-masks.ts";
import { type Cached, copyEntries } from "./cached.ts";
import type { TailSetup } from "./jobs.ts";
import { maskColumns } from "./mask-columns.ts";

/**
 * Memory for what a batch reads, kept from batch to batch: clearing new pages costs more than filling them. A thread answers
 * one job at a time, so it is free again when a run is over.
 */
export interface BatchRoom {
  readonly activations: (bytes: number) => ArrayBuffer;
  readonly masks: (bytes: number) => ArrayBuffer;
  /** Masks of several groups, before they are taken apart. */
  readonly coalitions: (bytes: number) => ArrayBuffer;
  /** Examples and entries of rows. */
  readonly rows: (bytes: number) => ArrayBuffer;
}

export function batchRoom(): BatchRoom {
  return { activations: keptBuffer(), masks: keptBuffer(), coalitions: keptBuffer(), rows: keptBuffer() };
}

function keptBuffer(): (bytes: number) => ArrayBuffer {
  let buffer = new ArrayBuffer(0);
  return (bytes) => {
    if (buffer.byteLength < bytes) buffer = new ArrayBuffer(bytes);
    return buffer;
  };
}

/** The listed entries, laid side by side for each cached value. */
export function gather(
  cached: readonly Cached[],
  entries: Uint32Array,
  room: BatchRoom,
): Record<string, Tensor> {
  const rows = entries.length;
  const roomOf = ({ dtype, shape }: Cached) => aligned(rows * sizeOf(shape) * bytesPerElement(dtype));
  const buffer = room.activations(cached.reduce((sum, value) => sum + roomOf(value), 0));
  const feeds: Record<string, Tensor> = {};
  let place = 0;
  for (const value of cached) {
    const { name, dtype, shape } = value;
    const batch = new arrayTypes[dtype](buffer, place, rows * sizeOf(shape)) as TypedArray;
    copyEntries(value, entries, batch);
    feeds[name] = { dtype, shape: [rows, ...shape], data: batch };
    place += roomOf(value);
  }
  return feeds;
}

/** Up to a multiple of the widest vector registers. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Feeds with the masks of each group. @param masks Shape [rows, players]. */
export function maskFeeds(
  { masks: groups }: TailSetup,
  masks: Uint8Array,
  rows: number,
  room: BatchRoom,
): Record<string, Tensor> {
  const players = masks.length / rows;
  const isOwn = groups.length === 1 && masks.buffer instanceof ArrayBuffer;
  const buffer = isOwn ? masks.buffer : room.masks(masks.length);
  const feeds: Record<string, Tensor> = {};
  let first = 0;
  for (const { name, players: width } of groups) {
    const own = new Uint8Array(buffer, rows * first, rows * width);
    const data = isOwn ? masks : maskColumns(masks, players, first, width, own);
    feeds[bytesOf(name)] = { dtype: "uint8", shape: [rows, width], data };
    first += width;
  }
  return feeds;
}
