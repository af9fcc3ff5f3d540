/** @file Opens the arrays in a file, whatever its format: the content decides, not the ending. */
import { stat } from "node:fs/promises";
import { readBytes } from "../base/atomic-file.ts";
import { arrayLayout, headBytes } from "./array-header.ts";
import { filePieces, type HeldFile, openToRead } from "./held-file.ts";
import { idxLayout } from "./idx.ts";
import { isZip, npzArrays } from "./npz.ts";
import { isLarge, type OpenWork } from "./opening.ts";
import { placedArray } from "./placed-array.ts";
import { checkLength, elementBytes } from "./raw-array.ts";
import { openSpool } from "./spool.ts";
import type { StoredArray } from "./stored-array.ts";
import { unpackArray } from "./unpack.ts";

/**
 * Every array of an .npy, .npz or IDX file (plain or gzipped). Large ones stay on the disk.
 * @returns Arrays by name; a file of a single array gives it without a name.
 * @throws {PrunerError} `file-not-found`, `file-unreadable`, `data-format-unknown`, `data-file-corrupt`, `data-dtype-unsupported`,
 *   `spool-full`, `spool-unwritable`.
 */
export async function openArrayFile(path: string, work: OpenWork): Promise<ReadonlyMap<string, StoredArray>> {
  const file = await opened(path, work);
  try {
    const head = file.head(headBytes);
    if (isZip(head)) return await npzArrays(file, work);
    return new Map([["", isGzip(head) ? await gzippedIdx(file, work) : await single(file, head, work)]]);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** What comes through a pipe is read to its end first. */
async function opened(path: string, work: OpenWork): Promise<HeldFile> {
  const isPipe = await stat(path).then(
    (entry) => entry.isFIFO(),
    () => false, // the opening says what is wrong
  );
  if (!isPipe) return openToRead(path);
  const bytes = await readBytes(path);
  const spool = openSpool({ source: path, bytes: bytes.length, folder: work.spoolFolder });
  spool.write(bytes);
  return spool.done();
}

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function single(file: HeldFile, head: Uint8Array, work: OpenWork): Promise<StoredArray> {
  const layout = arrayLayout(head, file.name);
  const stays = isLarge(checkLength(layout, file.size - layout.offset, file.name), work);
  const array = await placedArray(file, layout, stays, work);
  if (!stays) file.close();
  return array;
}

async function gzippedIdx(file: HeldFile, work: OpenWork): Promise<StoredArray> {
  const array = await unpackArray(
    {
      name: file.name,
      bytes: filePieces(file, 0, file.size),
      size: file.size,
      layoutOf: idxLayout,
      most: (layout) => layout.offset + elementBytes(layout),
      onDisk: (bytes) => isLarge(bytes, work),
    },
    work,
  );
  file.close();
  return array;
}
