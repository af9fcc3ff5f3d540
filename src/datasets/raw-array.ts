/** @file Turns the bytes of an array file into a typed array: byte order, alignment and axis order made native. */
import { PrunerError } from "../base/problem.ts";
import { allocate, arrayTypes, bytesPerElement, type DType, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { turnIntoRows } from "./turn-into-rows.ts";

/** What the header of an array file says about the bytes behind it. */
export interface RawLayout {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bigEndian: boolean;
  /** First axis varies fastest. */
  readonly fortran: boolean;
}

/** And where the elements begin. */
export interface PlacedLayout extends RawLayout {
  /** In bytes from the start of the file. */
  readonly offset: number;
}

/** Bytes that the elements take; no whole number, or none that is exact, where a header promises nonsense. */
export function elementBytes({ dtype, shape }: Pick<RawLayout, "dtype" | "shape">): number {
  return sizeOf(shape) * bytesPerElement(dtype);
}

/**
 * Bytes that the elements take.
 * @param present Bytes behind the header.
 * @throws {PrunerError} `data-file-corrupt` when fewer bytes are present than the header promises.
 */
export function checkLength(layout: RawLayout, present: number, path: string): number {
  const { dtype, shape } = layout;
  const needed = elementBytes(layout);
  if (Number.isSafeInteger(needed) && needed <= present) return needed;
  const detail = `the header promises [${shape.join(", ")}] elements of ${dtype}, but only ${present} bytes follow (the file is cut short or the header is damaged)`;
  throw new PrunerError("data-file-corrupt", { path, detail });
}

/**
 * Reads the elements. Bytes behind the last element are ignored, as numpy does.
 * The result shares memory with `bytes` when nothing has to be moved.
 * @throws {PrunerError} `data-file-corrupt` when fewer bytes are present than the header promises.
 */
export function readElements(bytes: Uint8Array, layout: PlacedLayout, path: string): Tensor {
  const { dtype, shape, offset } = layout;
  const width = bytesPerElement(dtype);
  const needed = checkLength(layout, bytes.length - offset, path);
  const body = bytes.subarray(offset, offset + needed);
  const data = viewAs(dtype, layout.bigEndian ? byteSwapped(body, width) : body);
  return { dtype, shape, data: layout.fortran ? rowMajor(dtype, shape, data) : data };
}

/** A typed array over the bytes; they are copied only when they are not aligned for the element type. */
export function viewAs(dtype: DType, bytes: Uint8Array): TypedArray {
  const width = bytesPerElement(dtype);
  const aligned = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes); // a Buffer's own slice() would not copy
  return new arrayTypes[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, bytes.length / width);
}

/** The bytes with every element turned round, in memory of their own where there is something to turn. */
export function byteSwapped(bytes: Uint8Array, width: number): Uint8Array {
  if (width === 1) return bytes;
  const copy = Buffer.from(bytes); // always a copy: the caller may still need the original
  if (width === 2) return copy.swap16();
  return width === 4 ? copy.swap32() : copy.swap64();
}

function rowMajor(dtype: DType, shape: readonly number[], data: TypedArray): TypedArray {
  const out = allocate(dtype, data.length);
  turnIntoRows(bytesOf(data), bytesOf(out), shape, bytesPerElement(dtype));
  return out;
}

/** The bytes of elements, in the memory they have. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
