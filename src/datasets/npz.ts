/** @file The arrays in an .npz, numpy's zip of .npy files: read where they lie, or unpacked. */
import { setImmediate as turn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { PrunerError } from "../base/problem.ts";
import { headBytes } from "./array-header.ts";
import { filePieces, type HeldFile } from "./held-file.ts";
import { npyLayout } from "./npy.ts";
import { isLarge, type OpenWork } from "./opening.ts";
import { placedArray } from "./placed-array.ts";
import { checkLength } from "./raw-array.ts";
import type { StoredArray } from "./stored-array.ts";
import { unpackArray } from "./unpack.ts";
import { type ZipEntry, zipEntries } from "./zip-entries.ts";

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/**
 * Every array of an .npz file, stored or deflated, in the order of the file. Together they are in memory, or together on the disk.
 * @returns Arrays by name, without the ".npy" ending.
 * @throws {PrunerError} `data-file-corrupt`, `data-dtype-unsupported`, `spool-full`, `spool-unwritable`.
 */
export async function npzArrays(file: HeldFile, work: OpenWork): Promise<Map<string, StoredArray>> {
  const entries = await arrayEntries(file);
  const stays = isLarge(
    entries.reduce((sum, { entry }) => sum + entry.size, 0),
    work,
  );
  const arrays = new Map<string, StoredArray>();
  for (const { entry, name, label } of entries) {
    const open = entry.isPacked ? unpacked : inPlace;
    arrays.set(name, await open(file, entry, label, stays, work));
  }
  if (!stays) file.close();
  return arrays;
}

const ending = ".npy";

interface ArrayEntry {
  readonly entry: ZipEntry;
  /** Name of the array. */
  readonly name: string;
  /** For messages. */
  readonly label: string;
}

/** @throws {PrunerError} `data-file-corrupt`. */
export async function arrayEntries(file: HeldFile): Promise<ArrayEntry[]> {
  const entries = (await zipEntries(file)).filter(({ name }) => name.endsWith(ending));
  return entries.map((entry) => {
    const name = entry.name.slice(0, -ending.length);
    return { entry, name, label: `${file.name} (array "${name}")` };
  });
}

async function inPlace(file: HeldFile, entry: ZipEntry, name: string, stays: boolean, work: OpenWork) {
  const { start, size } = entry;
  const layout = npyLayout(file.head(Math.min(size, headBytes), start), name);
  checkLength(layout, size - layout.offset, name);
  await checkSum(file, entry, name, work);
  return placedArray(file, { ...layout, offset: start + layout.offset }, stays, work);
}

/** Bytes between two looks at whether work is to stop. */
const stretchBytes = 2 ** 26;

async function checkSum(
  file: HeldFile,
  { start, end, crc32: expected }: ZipEntry,
  name: string,
  work: OpenWork,
) {
  let sum = 0;
  for (let at = start; at < end; at += stretchBytes) {
    for (const piece of filePieces(file, at, Math.min(end, at + stretchBytes))) sum = crc32(piece, sum);
    await turn();
    work.signal?.throwIfAborted();
  }
  if (sum === expected) return;
  const detail = "its bytes are not those that were written (the checksum differs)";
  throw new PrunerError("data-file-corrupt", { path: name, detail });
}

function unpacked(file: HeldFile, entry: ZipEntry, name: string, stays: boolean, work: OpenWork) {
  const { start, end, size } = entry;
  return unpackArray(
    {
      name,
      bytes: asGzip(file, entry),
      size: end - start,
      layoutOf: npyLayout,
      most: () => size,
      onDisk: () => stays,
    },
    work,
  );
}

/** The bytes of an entry between the head and the tail of a gzip, so that zlib compares checksum and length. */
export function* asGzip(file: HeldFile, { start, end, size, crc32 }: ZipEntry): Generator<Buffer> {
  yield Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
  yield* filePieces(file, start, end);
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(crc32, 0);
  tail.writeUInt32LE(size % 2 ** 32, 4);
  yield tail;
}
