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
import { turnIntoRows } from "./turn-into-rows.ts";

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
 * @param most Bytes of a block; twice that is held.
 */
export async function rowMajor(
  file: HeldFile,
  layout: PlacedLayout,
  work: OpenWork,
  most = blockBytes,
): Promise<StoredArray> {
  const [count = 0, ...rest] = layout.shape;
  const spool = openSpool({ source: file.name, bytes: elementBytes(layout), folder: work.spoolFolder });
  const each = Math.min(count, Math.max(1, Math.floor(most / Math.max(1, rowBytes(layout)))));
  const block = {
    columns: new Uint8Array(each * rowBytes(layout)),
    rows: new Uint8Array(each * rowBytes(layout)),
  };
  try {
    for (let first = 0; first < count; first += each) {
      work.onProgress?.({ label: "turning into rows", done: first, total: count, unit: "examples" });
      await turn(); // an interruption is heard in between
      work.signal?.throwIfAborted();
      const some = Math.min(each, count - first);
      const bytes = some * rowBytes(layout);
      const columns = block.columns.subarray(0, bytes);
      const rows = block.rows.subarray(0, bytes);
      gather(columns, file, layout, first, some);
      turnIntoRows(columns, rows, [some, ...rest], bytesPerElement(layout.dtype));
      spool.write(rows);
    }
  } catch (error) {
    spool.discard();
    throw error;
  }
  return rowsIn(spool.done(), { ...layout, offset: 0, fortran: false });
}

/** Rows [first, first + some) as they lie in the file: for every position of an example, those of the rows side by side. */
function gather(into: Uint8Array, file: HeldFile, layout: PlacedLayout, first: number, some: number): void {
  const [count = 0, ...rest] = layout.shape;
  const width = bytesPerElement(layout.dtype);
  const run = some * width;
  for (let at = 0; at < sizeOf(rest); at++)
    file.read(into.subarray(at * run, (at + 1) * run), layout.offset + (at * count + first) * width);
}
