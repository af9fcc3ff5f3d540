/**
 * @file GatherElements and ScatterElements: every element picks its own position along an axis, and keeps its positions on
 * the others. So channels on these go on where the positions that are picked have them too, as they do when indices
 * are stretched over channels.
 */
import { intAttribute } from "../../graph/attributes.ts";
import { blockOn, firmOf, unifyBlocks } from "../label-blocks.ts";
import type { Couplings, InferCall, LabelBlock, Operator } from "../operator.ts";
import { fromFront, likeFirst, shapeOf } from "../shapes.ts";

const why = "its elements are picked one by one";

function coupleElements(c: Couplings): void {
  const inputs = c.node.inputs.map((_, input) => input);
  const shapes = inputs.map((input) => c.inputs[input]?.shape);
  const rank = shapes[0]?.length;
  if (rank === undefined || shapes.some((shape) => shape?.length !== rank)) {
    for (const input of inputs) c.lockInput(input, why);
    return;
  }
  const picked = fromFront(intAttribute(c.node, "axis", 0), rank);
  const blocks: LabelBlock[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const isWhole = axis !== picked && shapes.every((shape) => shape![axis] === shapes[0]![axis]);
    if (isWhole) blocks.push(...blockOn(axis, joinedAlong(c, inputs, axis)));
    else for (const input of inputs) c.lock(c.labelsOf(input, axis), why);
  }
  c.setOutput(0, blocks);
}

function joinedAlong(c: Couplings, inputs: readonly number[], axis: number): LabelBlock | undefined {
  const parts = inputs.map((input) => c.axisBlock(input, axis));
  for (const part of parts.slice(1)) unifyBlocks(c, parts[0], part, why);
  return parts.reduce((block, part) => firmOf(c, block, part));
}

export const gatherElements: Operator = {
  infer: (call: InferCall) => [likeFirst(call, shapeOf(call, 1))],
  couple: coupleElements,
};

export const scatterElements: Operator = {
  infer: (call: InferCall) => [likeFirst(call, shapeOf(call, 0))],
  couple: coupleElements,
};
