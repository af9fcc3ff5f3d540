/** @file Gradients of operators that give the same elements another shape or order: the way back. */
import { intAttribute, intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { GradientRule } from "../gradient.ts";
import { reshapeLike } from "../gradient-support/reshape-like.ts";

const reshaped: GradientRule = (call) => [
  call.wants(0)
    ? reshapeLike(call, call.gradients[0]!, call.node.inputs[0]!, call.inputs[0]?.shape)
    : undefined,
];

/** Without a permutation the axes are reversed, which is its own inverse. */
const transpose: GradientRule = ({ emit, node, gradients }) => {
  const order = intsAttribute(node, "perm");
  if (order === undefined) return [emit.node("Transpose", [gradients[0]!])];
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return [emit.node("Transpose", [gradients[0]!], { perm: inverse })];
};

/** SpaceToDepth puts the patch before the channel ("DCR"); for "CRD" the channels then change places. */
const depthToSpace: GradientRule = (call) => {
  const { emit, node, gradients } = call;
  const blocksize = intAttribute(node, "blocksize", 1);
  const patchFirst = emit.node("SpaceToDepth", [gradients[0]!], { blocksize });
  if (stringAttribute(node, "mode", "DCR") === "DCR") return [patchFirst];
  const depth = call.inputs[0]?.shape?.[1];
  if (typeof depth !== "number") return call.refuse("the number of channels is not known");
  const patches = blocksize * blocksize;
  const channels = depth / patches;
  const order = Array.from({ length: depth }, (_, k) => (k % patches) * channels + Math.floor(k / patches));
  return [emit.node("Gather", [patchFirst, emit.ints(order)], { axis: 1 })];
};

const spaceToDepth: GradientRule = ({ emit, node, gradients }) => [
  emit.node("DepthToSpace", [gradients[0]!], { blocksize: intAttribute(node, "blocksize", 1), mode: "DCR" }),
];

export const reshapingGradients: Readonly<Record<string, GradientRule>> = {
  DepthToSpace: depthToSpace,
  Flatten: reshaped,
  Reshape: reshaped,
  SpaceToDepth: spaceToDepth,
  Squeeze: reshaped,
  Transpose: transpose,
  Unsqueeze: reshaped,
};
