/** @file Dense row-major tensors over typed arrays, and the few ways of cutting them the product needs. */
import { Float16Array } from "@petamoriken/float16";
import { allocate, type DType, type TypedArray } from "./dtype.ts";

/** A dense row-major tensor. `data.length` equals the product of `shape`. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Product of the sizes; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/**
 * A tensor over the given data.
 * @throws {RangeError} when the data do not fill the shape.
 */
export function tensor(dtype: DType, shape: readonly number[], data: TypedArray): Tensor {
  if (sizeOf(shape) !== data.length) {
    throw new RangeError(`${data.length} elements do not fill shape [${shape.join(", ")}]`);
  }
  return { dtype, shape, data };
}

export function float32(shape: readonly number[], data: Float32Array | readonly number[]): Tensor {
  return tensor("float32", shape, data instanceof Float32Array ? data : Float32Array.from(data));
}

export function int64(shape: readonly number[], data: readonly number[]): Tensor {
  return tensor(
    "int64",
    shape,
    BigInt64Array.from(data, (value) => BigInt(value)),
  );
}

/** Strides of a row-major tensor, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** Copies the listed positions along one axis, in the given order. */
export function takeAlong(source: Tensor, axis: number, positions: ArrayLike<number>): Tensor {
  const { shape, dtype } = source;
  const size = shape[axis]!;
  const inner = sizeOf(shape.slice(axis + 1));
  const outer = sizeOf(shape.slice(0, axis));
  const out = allocate(dtype, outer * positions.length * inner);
  let target = 0;
  for (let block = 0; block < outer; block++) {
    for (let k = 0; k < positions.length; k++) {
      const start = (block * size + positions[k]!) * inner;
      out.set(source.data.subarray(start, start + inner) as never, target);
      target += inner;
    }
  }
  return { dtype, shape: [...shape.slice(0, axis), positions.length, ...shape.slice(axis + 1)], data: out };
}

/** The elements as double-precision numbers, whatever the element type. */
export function toNumbers(source: Tensor): Float64Array {
  const { data, dtype } = source;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (dtype === "float16") return Float64Array.from(float16View(data as Uint16Array));
  if (dtype === "bfloat16") return Float64Array.from(data as Uint16Array, bfloat16ToNumber);
  return Float64Array.from(data);
}

/** A tensor of the wished element type from numbers; 16-bit floats are rounded to nearest. */
export function fromNumbers(dtype: DType, shape: readonly number[], values: ArrayLike<number>): Tensor {
  if (dtype === "int64")
    return tensor(
      dtype,
      shape,
      BigInt64Array.from(values, (value) => BigInt(Math.trunc(value))),
    );
  if (dtype === "uint64")
    return tensor(
      dtype,
      shape,
      BigUint64Array.from(values, (value) => BigInt(Math.trunc(value))),
    );
  const data = allocate(dtype, values.length);
  if (dtype === "float16") float16View(data as Uint16Array).set(values);
  else if (dtype === "bfloat16") (data as Uint16Array).set(Array.from(values, numberToBfloat16));
  else (data as Float64Array).set(values);
  return tensor(dtype, shape, data);
}

function float16View(words: Uint16Array): Float16Array {
  return new Float16Array(words.buffer as ArrayBuffer, words.byteOffset, words.length);
}

const scratch = new DataView(new ArrayBuffer(4));

function bfloat16ToNumber(word: number): number {
  scratch.setUint32(0, word << 16);
  return scratch.getFloat32(0);
}

function numberToBfloat16(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff; // round to nearest, ties to even
}
