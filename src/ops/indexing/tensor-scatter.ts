/** @file TensorScatter: a cache of fixed length in which new positions are written, at places of their own for each example. */
import { intAttribute } from "../../graph/attributes.ts";
import { blockOn, unifyBlocks } from "../label-blocks.ts";
import type { Couplings, LabelBlock, Operator } from "../operator.ts";
import { fromFront, likeFirst, shapeOf } from "../shapes.ts";

function couple(c: Couplings): void {
  const [cache, update] = [c.inputs[0]?.shape, c.inputs[1]?.shape];
  if (cache === undefined || update?.length !== cache.length) {
    for (const input of [0, 1]) c.lockInput(input, "the shapes it writes are not known");
    return;
  }
  const written = fromFront(intAttribute(c.node, "axis", -2), cache.length);
  for (const input of [0, 1]) c.lock(c.labelsOf(input, written), "TensorScatter works at computed places");
  const blocks: LabelBlock[] = [];
  for (let axis = 0; axis < cache.length; axis++) {
    if (axis === written) continue;
    const [own, other] = [c.axisBlock(0, axis), c.axisBlock(1, axis)];
    unifyBlocks(c, own, other, "it is written beside an axis that is fixed");
    if (own !== undefined && other !== undefined) blocks.push(...blockOn(axis, own));
  }
  c.setOutput(0, blocks);
}

export const tensorScatter: Operator = { infer: (call) => [likeFirst(call, shapeOf(call, 0))], couple };
