/** @file Moving elements without looking at them. */
import { allocate } from "../../tensor/dtype.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** A tensor of the given shape whose k-th element is the source's `positions[k]`-th. */
export function picked(source: Tensor, shape: readonly number[], positions: ArrayLike<number>): Tensor {
  const data = allocate(source.dtype, positions.length);
  for (let k = 0; k < positions.length; k++) data[k] = source.data[positions[k]!]!;
  return { dtype: source.dtype, shape, data };
}

/** The same elements under another shape. */
export function reshaped(source: Tensor, shape: readonly number[]): Tensor {
  return { dtype: source.dtype, shape, data: source.data };
}

/** Splits a shape around one axis: sizes before it, of it, and after it. */
export function around(
  shape: readonly number[],
  axis: number,
): { outer: number; size: number; inner: number } {
  let outer = 1;
  let inner = 1;
  for (let a = 0; a < axis; a++) outer *= shape[a]!;
  for (let a = axis + 1; a < shape.length; a++) inner *= shape[a]!;
  return { outer, size: shape[axis] ?? 1, inner };
}
