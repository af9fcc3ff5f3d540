/** @file Means over the channels that are there. */
import type { DType } from "../tensor/dtype.ts";
import type { MaskCall } from "./operator.ts";

/**
 * Adds nodes for the mean of a value over axes, with channels silent and not counted. Exact where a single channel is left.
 * @param name Has the shape of the node's first input.
 * @param dtype Of the value; that of the input when left out.
 * @returns Name of the mean, with axes of size 1 in place of those it is taken over.
 */
export function presentMean(call: MaskCall, name: string, axes: readonly number[], dtype?: DType): string {
  const own = call.masks.filter(({ input, axis }) => input === 0 && axes.includes(axis));
  const silent = own.reduce((value, mask) => mask.times(value, dtype), name);
  const masked = own.map(({ axis }) => axis);
  const others = axes.filter((axis) => !masked.includes(axis));
  const partial = others.length === 0 ? silent : reduced(call, "ReduceMean", silent, others);
  const sum = masked.length === 0 ? partial : reduced(call, "ReduceSum", partial, masked);
  return own.reduce((value, mask) => mask.over(value, axes, dtype), sum);
}

/** Adds a sum or mean over axes, which keep size 1. Axes became an input of sums in operator set 13, of means in 18. */
export function reduced(
  { emit, standardOpset }: MaskCall,
  opType: "ReduceMean" | "ReduceSum",
  name: string,
  axes: readonly number[],
): string {
  if (standardOpset < (opType === "ReduceSum" ? 13 : 18))
    return emit.node(opType, [name], { axes, keepdims: 1 });
  return emit.node(opType, [name, emit.ints(axes)], { keepdims: 1 });
}
