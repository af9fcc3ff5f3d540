/** @file What the examples of a data set are stored as, without reading them. */
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { isGzip } from "./array-file.ts";
import { arrayLayout, headBytes } from "./array-header.ts";
import { filePieces, type HeldFile, openToRead } from "./held-file.ts";
import { idxLayout } from "./idx.ts";
import { openImageFolder } from "./image-folder.ts";
import { npyLayout } from "./npy.ts";
import { arrayEntries, asGzip, isZip } from "./npz.ts";
import { isFolder, type OpenOptions } from "./open.ts";
import type { ExampleSource } from "./source.ts";
import { unpackFailure } from "./unpack.ts";

export type StoredInput = Pick<ExampleSource, "dtype" | "shape">;

/**
 * Element type and shape of one example of every array, labels in an .npz included, by name. Headers alone are read; of a folder of
 * images, one of them.
 * @throws {PrunerError} As `openDataset` for what is wrong with a header.
 */
export async function storedInputs(
  path: string,
  options: OpenOptions,
): Promise<ReadonlyMap<string, StoredInput>> {
  if (await isFolder(path)) return (await openImageFolder(path, { ...options, limit: 1 })).inputs;
  const file = openToRead(path);
  try {
    return await headersOf(file);
  } finally {
    file.close();
  }
}

async function headersOf(file: HeldFile): Promise<ReadonlyMap<string, StoredInput>> {
  const head = file.head(headBytes);
  if (isGzip(head)) {
    const unpacked = await unpackedHead(filePieces(file, 0, file.size), file.name);
    return new Map([["", example(idxLayout(unpacked, file.name))]]);
  }
  if (!isZip(head)) return new Map([["", example(arrayLayout(head, file.name))]]);
  const inputs = new Map<string, StoredInput>();
  for (const { entry, name, label } of await arrayEntries(file)) {
    const { isPacked, start, size } = entry;
    const bytes = isPacked
      ? await unpackedHead(asGzip(file, entry), label)
      : file.head(Math.min(size, headBytes), start);
    inputs.set(name, example(npyLayout(bytes, label)));
  }
  return inputs;
}

function example({ dtype, shape }: StoredInput): StoredInput {
  return { dtype, shape: shape.slice(1) };
}

/** The beginning of what a gzip stream holds. */
async function unpackedHead(packed: Iterable<Uint8Array>, name: string): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let length = 0;
  const gunzip = createGunzip();
  pipeline(Readable.from(packed, { objectMode: false }), gunzip, () => {}); // the loop hears of errors
  try {
    for await (const piece of gunzip) {
      pieces.push(piece as Buffer);
      length += (piece as Buffer).length;
      if (length >= headBytes) break;
    }
  } catch (cause) {
    throw unpackFailure(name, cause);
  }
  return Buffer.concat(pieces);
}
