/** @file GatherElements and ScatterElements: every element picks its own position along an axis. */
import type { Couplings, InferCall, Operator } from "../operator.ts";
import { likeFirst, shapeOf } from "../shapes.ts";

function lockAll(c: Couplings): void {
  for (let input = 0; input < c.node.inputs.length; input++)
    c.lockInput(input, "its elements are picked one by one");
}

export const gatherElements: Operator = {
  infer: (call: InferCall) => [likeFirst(call, shapeOf(call, 1))],
  couple: lockAll,
};

export const scatterElements: Operator = {
  infer: (call: InferCall) => [likeFirst(call, shapeOf(call, 0))],
  couple: lockAll,
};
