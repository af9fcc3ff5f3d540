/** @file Rows of an uncompressed array file, read when they are asked for. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { PrunerError } from "../base/problem.ts";
import { bytesPerElement } from "../tensor/dtype.ts";
import { idxLayout, isIdx } from "./idx.ts";
import { isNpy, npyLayout } from "./npy.ts";
import { byteSwapped, checkLength, type PlacedLayout, viewAs } from "./raw-array.ts";
import { rowBytes, type StoredArray } from "./stored-array.ts";

/** Enough for the header of any array. */
const headBytes = 2 ** 16 + 16;

/** Closes files of arrays that nobody holds any more. */
const open = new FinalizationRegistry<number>((file) => closeSync(file));

/**
 * The array in an .npy or IDX file, left in the file; undefined for what has to be read whole: other formats, and arrays
 * whose first axis varies fastest. A file that is replaced afterwards goes on being read as it was.
 * @throws {PrunerError} `file-unreadable`, and what the readers of the formats throw for a damaged header.
 */
export function fileRows(path: string): StoredArray | undefined {
  const file = guarded(path, () => openSync(path, "r"));
  try {
    const array = arrayIn(file, path);
    if (array === undefined) closeSync(file);
    else open.register(array, file);
    return array;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function arrayIn(file: number, path: string): StoredArray | undefined {
  const { size } = guarded(path, () => fstatSync(file));
  const head = new Uint8Array(Math.min(size, headBytes));
  readFully(file, path, head, 0);
  const layout = isNpy(head) ? npyLayout(head, path) : isIdx(head) ? idxLayout(head, path) : undefined;
  if (layout === undefined || (layout.fortran && layout.shape.length > 1) || layout.shape.length === 0)
    return undefined;
  checkLength(layout, size - layout.offset, path);
  return rowsIn(file, path, layout);
}

function rowsIn(file: number, path: string, { dtype, shape, offset, bigEndian }: PlacedLayout): StoredArray {
  const each = rowBytes({ dtype, shape });
  const width = bytesPerElement(dtype);
  let room = new Uint8Array(each);
  const array: StoredArray = {
    dtype,
    shape,
    rows(from, to) {
      const length = (to - from) * each;
      if (room.length < length) room = new Uint8Array(length);
      const bytes = room.subarray(0, length);
      readFully(file, path, bytes, offset + from * each);
      return viewAs(dtype, bigEndian ? byteSwapped(bytes, width) : bytes);
    },
  };
  return array;
}

/** @throws {PrunerError} `data-file-corrupt` when the file ends before. */
function readFully(file: number, path: string, into: Uint8Array, position: number): void {
  for (let done = 0; done < into.length; ) {
    const some = Math.min(into.length - done, 2 ** 30);
    const count = guarded(path, () => readSync(file, into, done, some, position + done));
    if (count === 0)
      throw new PrunerError("data-file-corrupt", { path, detail: `ends at byte ${position + done}` });
    done += count;
  }
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new PrunerError("file-not-found", { path }, { cause });
    throw new PrunerError("file-unreadable", { path, detail: code ?? String(cause) }, { cause });
  }
}
