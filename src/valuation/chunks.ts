/** @file Entries of one size in pieces of shared memory that can be sent to threads. */
import type { TypedArray } from "../tensor/dtype.ts";
import type { Region } from "./arena.ts";

/**
 * Bytes of the largest piece. A view on shared memory arrives in another thread with its offset and length cut to 32 bits,
 * so nothing may lie beyond 4 GiB of a buffer.
 */
const pieceBytes = 2 ** 29;

/** Entries side by side, so many in each piece. */
export interface Chunks<T extends TypedArray> {
  readonly pieces: readonly T[];
  /** Entries in a piece; the last may have fewer. */
  readonly each: number;
  /** Elements of an entry. */
  readonly size: number;
}

/** Takes memory for so many bytes. */
export type Take = (bytes: number) => Region;

type ArrayType<T> = {
  new (buffer: SharedArrayBuffer, offset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

/** Room for `entries` entries of `size` elements. */
export function chunksIn<T extends TypedArray>(
  type: ArrayType<T>,
  entries: number,
  size: number,
  take: Take,
): Chunks<T> {
  const entryBytes = Math.max(1, size * type.BYTES_PER_ELEMENT);
  const each = Math.max(1, Math.floor(pieceBytes / entryBytes));
  const pieces = Array.from({ length: Math.ceil(entries / each) }, (_, k) => {
    const length = Math.min(each, entries - k * each) * size;
    const { buffer, offset } = take(length * type.BYTES_PER_ELEMENT);
    return new type(buffer, offset, length);
  });
  return { pieces, each, size };
}

/** The elements of one entry, where they are. */
export function entryOf<T extends TypedArray>({ pieces, each, size }: Chunks<T>, entry: number): T {
  const start = (entry % each) * size;
  return pieces[Math.floor(entry / each)]!.subarray(start, start + size) as T;
}
