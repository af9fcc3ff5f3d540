/** @file Gradients of Concat and Split: each is the other's way back. */
import { intAttribute } from "../../graph/attributes.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { zerosLike } from "../gradient-support/zeros-like.ts";
import { fromFront } from "../shapes.ts";

/** Only the parts that are wanted are cut out when there is but one of them. */
const concat: GradientRule = (call) => {
  const { emit, node, gradients, inputs } = call;
  const rank = call.outputs[0]?.shape?.length ?? inputs[0]?.shape?.length;
  const given = intAttribute(node, "axis", 1);
  const axis = rank === undefined ? given : fromFront(given, rank);
  const sizes = inputs.map((fact) => fact?.shape?.at(axis));
  const wanted = node.inputs.flatMap((_, input) => (call.wants(input) ? [input] : []));
  if (node.inputs.length === 1) return gradients;
  if (wanted.length === 1 && sizes.every((size) => typeof size === "number")) {
    const only = wanted[0]!;
    const start = sizes.slice(0, only).reduce((sum, size) => sum + size, 0);
    const bounds = [emit.ints([start]), emit.ints([start + sizes[only]!]), emit.ints([axis])];
    const part = emit.node("Slice", [gradients[0]!, ...bounds]);
    return node.inputs.map((_, input) => (input === only ? part : undefined));
  }
  const lengths = sizes.every((size) => typeof size === "number")
    ? emit.ints(sizes)
    : emit.node(
        "Concat",
        node.inputs.map((input) => sizeAlong(call, input, axis)),
        { axis: 0 },
      );
  return emit.nodeWith(node.inputs.length, "Split", [gradients[0]!, lengths], { axis });
};

/** Size of one axis as the graph runs: an int64 list of one. */
function sizeAlong(call: GradientCall, value: string, axis: number): string {
  return call.emit.node("Gather", [call.shapeOf(value), call.emit.ints([axis])], { axis: 0 });
}

/** An output that nothing reads has a gradient of zeros. */
const split: GradientRule = (call) => {
  const { emit, node, gradients } = call;
  const parts = node.outputs.map((_, k) => gradients[k] ?? zerosLike(call, call.output(k)));
  if (parts.length === 1) return parts;
  return [emit.node("Concat", parts, { axis: intAttribute(node, "axis", 0) })];
};

export const joiningGradients: Readonly<Record<string, GradientRule>> = { Concat: concat, Split: split };
