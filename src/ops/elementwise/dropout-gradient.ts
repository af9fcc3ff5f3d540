/** @file Gradient of Dropout: the identity at inference; in training, what passed is scaled as its value was. */
import { codeOf } from "../../onnx/element-types.ts";
import type { GradientCall } from "../gradient.ts";
import { firstInput } from "../gradient-support/first-input.ts";
import { numbersOf } from "../shapes.ts";

export const dropout = firstInput((call, gradient) => {
  const mode = call.node.inputs[2] ?? "";
  const known = mode === "" ? 0 : numbersOf(call.inputs[2])?.[0];
  if (known === 0) return gradient;
  const { emit, dtype } = call;
  const scale =
    known === undefined ? emit.node("Where", [mode, kept(call), emit.scalar(1, dtype)]) : kept(call);
  const scaled = emit.node("Mul", [gradient, scale]);
  return emit.node("Where", [call.output(1), scaled, emit.scalar(0, dtype)]);
});

/** 1 / (1 − ratio), a scalar. */
function kept({ emit, node, inputs, dtype }: GradientCall): string {
  const name = node.inputs[1] ?? "";
  const ratio = name === "" ? 0.5 : numbersOf(inputs[1])?.[0];
  if (ratio !== undefined) return emit.scalar(1 / (1 - ratio), dtype);
  const cast = emit.node("Cast", [name], { to: codeOf(dtype) });
  return emit.node("Reciprocal", [emit.node("Sub", [emit.scalar(1, dtype), cast])]);
}
