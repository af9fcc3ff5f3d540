/** @file Gradients of what makes values from sizes: nothing flows back, but to the bounds of a Range. */
import { codeOf } from "../../onnx/element-types.ts";
import type { GradientRule } from "../gradient.ts";
import { reshapeLike } from "../gradient-support/reshape-like.ts";

const nothing: GradientRule = () => [];

/** Element k is start + k · delta; the limit decides only how many there are. */
const range: GradientRule = (call) => {
  const { emit, node, gradients, dtype } = call;
  const like = (value: string, input: number) =>
    reshapeLike(call, value, node.inputs[input]!, call.inputs[input]?.shape);
  const start = call.wants(0) ? like(emit.node("ReduceSum", [gradients[0]!], { keepdims: 0 }), 0) : undefined;
  if (!call.wants(2)) return [start];
  const count = emit.node("Size", [node.outputs[0]!]);
  const steps = emit.node("Range", [emit.scalar(0, "int64"), count, emit.scalar(1, "int64")]);
  const weights = emit.node("Cast", [steps], { to: codeOf(dtype) });
  const weighed = emit.node("Mul", [gradients[0]!, weights]);
  return [start, undefined, like(emit.node("ReduceSum", [weighed], { keepdims: 0 }), 2)];
};

export const constantGradients: Readonly<Record<string, GradientRule>> = {
  ConstantOfShape: nothing,
  NonZero: nothing,
  Range: range,
  Shape: nothing,
  Size: nothing,
};
