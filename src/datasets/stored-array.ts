/** @file An array of examples as it is stored: in memory, or in a file that is read row by row. */
import { bytesPerElement, type DType, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";

export interface StoredArray {
  readonly dtype: DType;
  /** Shape [rows, ...], row-major. */
  readonly shape: readonly number[];
  /**
   * Elements of the rows [from, to). They may lie in memory that the next call uses again.
   * @throws {PrunerError} `data-file-corrupt`, `file-unreadable` when the file behind it cannot be read any more.
   */
  rows(from: number, to: number): TypedArray;
}

/** A tensor as it lies in memory. */
export function inMemory({ dtype, shape, data }: Tensor): StoredArray {
  const size = sizeOf(shape.slice(1));
  return { dtype, shape, rows: (from, to) => data.subarray(from * size, to * size) as TypedArray };
}

/** The whole array at once. Where it is read from a file, the next look at rows may use its memory again. */
export function loaded({ dtype, shape, rows }: StoredArray): Tensor {
  return { dtype, shape, data: rows(0, shape[0] ?? 1) };
}

export function isStored(value: object): value is StoredArray {
  return "rows" in value && typeof value.rows === "function";
}

/** Bytes that are looked at together. */
const pieceBytes = 2 ** 22;

/** Runs of rows that make up the array, each a few megabytes: to look at all elements without having them all at once. */
export function* piecesOf(
  array: StoredArray,
): Generator<{ readonly first: number; readonly data: TypedArray }> {
  const count = array.shape[0] ?? 0;
  const each = Math.max(1, Math.floor(pieceBytes / Math.max(1, rowBytes(array))));
  for (let first = 0; first < count; first += each)
    yield { first, data: array.rows(first, Math.min(count, first + each)) };
}

export function rowBytes({ dtype, shape }: Pick<StoredArray, "dtype" | "shape">): number {
  return bytesPerElement(dtype) * sizeOf(shape.slice(1));
}
