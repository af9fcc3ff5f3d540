/** @file Float32 arrays by name: parameters, gradients, running statistics and what optimizers remember. */
import { sizeOf } from "../tensor/tensor.ts";

export type NamedArrays = Map<string, Float32Array>;
export type ReadonlyNamedArrays = ReadonlyMap<string, Float32Array>;
export type NamedShapes = ReadonlyMap<string, readonly number[]>;

/** Zero-filled arrays of the given shapes. */
export function zerosOf(shapes: NamedShapes): NamedArrays {
  const arrays: NamedArrays = new Map();
  for (const [name, shape] of shapes) arrays.set(name, new Float32Array(sizeOf(shape)));
  return arrays;
}

/** A copy that shares no memory with the original, nor with threads that read the original. */
export function copyOf(arrays: ReadonlyNamedArrays): NamedArrays {
  const copies: NamedArrays = new Map();
  for (const [name, data] of arrays) copies.set(name, new Float32Array(data));
  return copies;
}

/**
 * Overwrites the arrays of `to` with those of the same name in `from`.
 * @throws {Error} when one is missing or has another length: a defect of ours, since both come from one model.
 */
export function copyInto(from: ReadonlyNamedArrays, to: ReadonlyNamedArrays): void {
  for (const [name, data] of to) data.set(arrayOf(from, name, data.length));
}

/**
 * The array of that name.
 * @throws {Error} when it is missing or has another length: a defect of ours.
 */
export function arrayOf(arrays: ReadonlyNamedArrays, name: string, length: number): Float32Array {
  const data = arrays.get(name);
  if (data === undefined) throw new Error(`no array "${name}"`);
  if (data.length !== length) throw new Error(`"${name}" has ${data.length} elements instead of ${length}`);
  return data;
}
