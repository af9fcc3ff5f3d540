/**
 * @file The header of IDX, the format MNIST comes in: two zero bytes, element type, rank, big-endian sizes, elements.
 * @see LeCun, Cortes & Burges, "The MNIST database of handwritten digits", section "File formats".
 */
import { PrunerError } from "../base/problem.ts";
import type { DType } from "../tensor/dtype.ts";
import type { PlacedLayout, RawLayout } from "./raw-array.ts";

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

function corrupt(path: string, detail: string): PrunerError {
  return new PrunerError("data-file-corrupt", { path, detail });
}
