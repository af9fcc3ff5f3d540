/** @file The array at a place in a file: taken into memory, left where it is, or turned into row-major order on the disk. */
import { setImmediate as turn } from "node:timers/promises";
import { bytesPerElement } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/tensor.ts";
import type { HeldFile } from "./held-file.ts";
import type { OpenWork } from "./opening.ts";
import {
  byteSwapped,
  elementBytes,
  type PlacedLayout,
  type RawLayout,
  readElements,
  viewAs,
} from "./raw-array.ts";
import { openSpool } from "./spool.ts";
import { inMemory, rowBytes, type StoredArray } from "./stored-array.ts";

/**
 * The array that a layout describes; its elements must be there (`checkLength`).
 * @param stays Whether it stays on the disk. Where it does not, the file may be closed afterwards.
 * @throws {PrunerError} `data-file-corrupt`, `file-unreadable`, `spool-full`, `spool-unwritable`.
 */
export async function placedArray(
  file: HeldFile,
  layout: PlacedLayout,
  stays: boolean,
  work: OpenWork,
): Promise<StoredArray> {
  if (!stays) {
    const bytes = new Uint8Array(elementBytes(layout));
    file.read(bytes, layout.offset);
    return inMemory(readElements(bytes, { ...layout, offset: 0 }, file.name));
  }
  return liesInRows(layout) ? rowsIn(file, layout) : rowMajor(file, layout, work);
}

/** Whether the elements of a row lie side by side, so that rows can be read where they are. */
export function liesInRows({ fortran, shape }: RawLayout): boolean {
  return !fortran || shape.length <= 1;
}

function rowsIn(file: HeldFile, { dtype, shape, offset, bigEndian }: PlacedLayout): StoredArray {
  const each = rowBytes({ dtype, shape });
  const width = bytesPerElement(dtype);
  let room = new Uint8Array(0);
  return {
    dtype,
    shape,
    rows(from, to) {
      const length = (to - from) * each;
      if (room.length < length) room = new Uint8Array(length);
      const bytes = room.subarray(0, length);
      file.read(bytes, offset + from * each);
      return viewAs(dtype, bigEndian ? byteSwapped(bytes, width) : bytes);
    },
  };
}

/** Bytes of rows that are gathered together. The more, the longer are the runs that are read. */
const blockBytes = 2 ** 27;

/**
 * An array whose first axis varies fastest, in a spool: blocks of rows are gathered all over the file and written one after
 * the other.
 * @param block Bytes of a block; twice that is held.
 */
export async function rowMajor(
  file: HeldFile,
  layout: PlacedLayout,
  work: OpenWork,
  block = blockBytes,
): Promise<StoredArray> {
  const { dtype, shape } = layout;
  const [count = 0, ...rest] = shape;
  const bytes = elementBytes(layout);
  const spool = openSpool({ source: file.name, bytes, folder: work.spoolFolder });
  const each = Math.max(1, Math.floor(block / Math.max(1, rowBytes(layout))));
  try {
    for (let first = 0; first < count; first += each) {
      work.onProgress?.({ label: "turning into rows", done: first, total: count, unit: "examples" });
      await turn(); // an interruption is heard in between
      work.signal?.throwIfAborted();
      const some = Math.min(each, count - first);
      const part = { ...layout, shape: [some, ...rest], offset: 0 };
      const { data } = readElements(gathered(file, layout, first, some), part, file.name);
      spool.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  } catch (error) {
    spool.discard();
    throw error;
  }
  return rowsIn(spool.done(), { dtype, shape, offset: 0, bigEndian: false, fortran: false });
}

/** Rows [first, first + some) as they lie in the file: for every position of an example, those of the rows side by side. */
function gathered(file: HeldFile, layout: PlacedLayout, first: number, some: number): Uint8Array {
  const [count = 0, ...rest] = layout.shape;
  const width = bytesPerElement(layout.dtype);
  const positions = sizeOf(rest);
  const bytes = new Uint8Array(some * positions * width);
  for (let at = 0; at < positions; at++) {
    const run = bytes.subarray(at * some * width, (at + 1) * some * width);
    file.read(run, layout.offset + (at * count + first) * width);
  }
  return bytes;
}
