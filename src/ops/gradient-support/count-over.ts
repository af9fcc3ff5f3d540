/** @file How many elements a reduction folds into one, as a number the graph can compute with. */
import { codeOf } from "../../onnx/element-types.ts";
import type { GradientCall } from "../gradient.ts";

/**
 * The product of an input's sizes along some axes, as a scalar of the gradient's element type: a constant where the
 * sizes are known, else computed from the shape the input has as the graph runs.
 */
export function countOver(call: GradientCall, input: number, axes: readonly number[]): string {
  const { emit, dtype } = call;
  const sizes = axes.map((axis) => call.inputs[input]?.shape?.[axis]);
  if (sizes.every((size) => typeof size === "number"))
    return emit.scalar(
      sizes.reduce<number>((a, b) => a * b, 1),
      dtype,
    );
  const folded = emit.node("Gather", [call.shapeOf(call.node.inputs[input]!), emit.ints(axes)]);
  return emit.node("Cast", [emit.node("ReduceProd", [folded], { keepdims: 0 })], { to: codeOf(dtype) });
}
