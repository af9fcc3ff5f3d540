/** @file Small random choices that cases are made of. */
import * as arbitrary from "fast-check";
import type { DType } from "../../../src/tensor/dtype.ts";
import { fromNumbers, int64, sizeOf, type Tensor } from "../../../src/tensor/tensor.ts";
import type { Draw } from "./operator-case.ts";

export const always = [9, 11, 13, 17, 21] as const;

export const int = (g: Draw, min: number, max: number): number => g(() => arbitrary.integer({ min, max }));
export const flag = (g: Draw): boolean => g(arbitrary.boolean);
export const one = <T>(g: Draw, options: readonly T[]): T => options[int(g, 0, options.length - 1)]!;
export const maybe = <T>(g: Draw, value: T): T | undefined => (flag(g) ? value : undefined);
export const bit = (g: Draw): number => Number(flag(g));

export function dims(g: Draw, minRank: number, maxRank: number, maxSize = 4): number[] {
  return Array.from({ length: int(g, minRank, maxRank) }, () => int(g, 1, maxSize));
}

/** Numbers spread over [low, high], from a drawn seed. */
export function reals(
  g: Draw,
  shape: readonly number[],
  low = -3,
  high = 3,
  dtype: DType = "float32",
): Tensor {
  let state = int(g, 1, 0x7fffffff);
  const values = Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return low + ((high - low) * state) / 0x7fffffff;
  });
  return fromNumbers(dtype, shape, values);
}

export function integers(
  g: Draw,
  shape: readonly number[],
  low: number,
  high: number,
  dtype: DType = "int64",
): Tensor {
  const values = [...(reals(g, shape, low, high + 0.999, "float64").data as Float64Array)];
  return fromNumbers(dtype, shape, values.map(Math.floor));
}

export function vector(values: readonly number[]): Tensor {
  return int64([values.length], values);
}

/** A shape that broadcasts with the given one: some axes 1, some leading axes left out. */
export function smaller(g: Draw, shape: readonly number[]): number[] {
  return shape.slice(int(g, 0, shape.length)).map((size) => (flag(g) ? size : 1));
}

export function axis(g: Draw, rank: number): number {
  return int(g, -rank, rank - 1);
}

export function someAxes(g: Draw, rank: number): number[] {
  const chosen = Array.from({ length: rank }, (_, a) => a).filter(() => flag(g));
  return chosen.map((a) => (flag(g) ? a : a - rank));
}

export function repeat<T>(length: number, make: (k: number) => T): T[] {
  return Array.from({ length }, (_, k) => make(k));
}
