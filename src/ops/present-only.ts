/** @file Values in which absent channels have no say, for operators to which zero is not nothing. */
import { stored } from "../graph/model.ts";
import { fromNumbers } from "../tensor/tensor.ts";
import type { MaskCall } from "./operator.ts";

/** So low or high that no other number matters beside it, and still a number. */
export function far(call: MaskCall): number {
  return call.inputs[0]?.dtype === "float16" ? 3e4 : 1e30;
}

/**
 * Adds nodes that put a number in the place of absent channels; what is there stays as it is, to the last bit.
 * @param axes Axes of the node's first input.
 * @returns Name of the value, and of a condition of the same shape: what is there.
 */
export function presentOnly(
  call: MaskCall,
  axes: readonly number[],
  inPlace: number,
): { readonly value: string; readonly isThere: string } {
  const { emit, node } = call;
  const x = node.inputs[0]!;
  const dtype = call.inputs[0]?.dtype ?? "float32";
  const own = call.masks.filter(({ input, axis }) => input === 0 && axes.includes(axis));
  const silent = own.reduce((value, mask) => mask.times(value), x);
  const one = { kind: "tensor", value: stored(fromNumbers(dtype, [1], [1])) } as const;
  const ones = emit.node("ConstantOfShape", [emit.node("Shape", [x])], { value: one });
  const share = own.reduce((value, mask) => mask.times(value), ones);
  const isThere = emit.node("Greater", [share, emit.scalar(0, dtype)]);
  return { value: emit.node("Where", [isThere, silent, emit.scalar(inPlace, dtype)]), isThere };
}
