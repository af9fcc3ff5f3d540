/**
 * @file Reads IDX, the format MNIST comes in: two zero bytes, element type, rank, big-endian sizes, elements. Files
 * may be gzipped.
 * @see LeCun, Cortes & Burges, "The MNIST database of handwritten digits", section "File formats".
 */
import { constants, gunzipSync } from "node:zlib";
import { PrunerError } from "../base/problem.ts";
import { bytesPerElement, type DType } from "../tensor/dtype.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { type PlacedLayout, type RawLayout, readElements } from "./raw-array.ts";

const dtypes: Readonly<Record<number, DType>> = {
  8: "uint8",
  9: "int8",
  11: "int16",
  12: "int32",
  13: "float32",
  14: "float64",
};

const maxRank = 8;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

export function isIdx(bytes: Uint8Array): boolean {
  const rank = bytes[3] ?? 0;
  return bytes[0] === 0 && bytes[1] === 0 && (bytes[2] ?? 0) in dtypes && rank >= 1 && rank <= maxRank;
}

/**
 * Decodes an IDX file, gzipped or not.
 * @param path Named in messages.
 * @throws {PrunerError} `data-file-corrupt`.
 */
export function readIdx(bytes: Uint8Array, path: string): Tensor {
  const plain = isGzip(bytes) ? inflate(bytes, path) : bytes;
  return readElements(plain, idxLayout(plain, path), path);
}

/**
 * What the header says, and where it ends.
 * @param bytes The file from its start, not gzipped, as far as the header goes at least.
 * @throws {PrunerError} `data-file-corrupt`.
 */
export function idxLayout(bytes: Uint8Array, path: string): PlacedLayout {
  const layout = parseHeader(bytes, path);
  return { ...layout, offset: headerLength(layout.shape.length) };
}

function headerLength(rank: number): number {
  return 4 + 4 * rank;
}

function parseHeader(bytes: Uint8Array, path: string): RawLayout {
  if (!isIdx(bytes)) throw corrupt(path, "does not start like an IDX file");
  const rank = bytes[3]!;
  if (bytes.length < headerLength(rank)) throw corrupt(path, "ends inside the header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { dtype: dtypes[bytes[2]!]!, shape, bigEndian: true, fortran: false };
}

/**
 * Inflates the header first and the rest only up to the size it promises, so that a hostile file of a few
 * kilobytes cannot fill the memory.
 */
function inflate(bytes: Uint8Array, path: string): Uint8Array {
  try {
    const head = gunzipSync(bytes.subarray(0, 4096), { finishFlush: constants.Z_SYNC_FLUSH });
    const { shape, dtype } = parseHeader(head, path);
    const size = headerLength(shape.length) + sizeOf(shape) * bytesPerElement(dtype);
    const mostPossible = 1040 * bytes.length + 4096; // deflate packs at most 1032 to 1
    if (size > mostPossible)
      throw corrupt(path, `promises [${shape.join(", ")}] elements, more than it can hold`);
    return gunzipSync(bytes, { maxOutputLength: size });
  } catch (cause) {
    if (cause instanceof PrunerError) throw cause;
    const detail = `cannot be unpacked (${cause instanceof Error ? cause.message : String(cause)})`;
    throw new PrunerError("data-file-corrupt", { path, detail }, { cause });
  }
}

function corrupt(path: string, detail: string): PrunerError {
  return new PrunerError("data-file-corrupt", { path, detail });
}
