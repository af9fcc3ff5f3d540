/** @file Operators for which the order of positions along some axes matters: sums so far, the best few, triangles. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { fromFront, likeFirst, numbersOf, passThrough, shapeOf, untangledBlocks } from "../shapes.ts";

type Call = Pick<InferCall, "node" | "inputs">;

/** Channels on these axes stay, since all of them have a say in every position; other axes pass. */
function keepsOrder(axesOf: (call: Call, rank: number) => readonly number[] | undefined) {
  return (c: Couplings): void => {
    const rank = c.inputs[0]?.shape?.length;
    const axes = rank === undefined ? undefined : axesOf(c, rank);
    if (axes === undefined) {
      c.lockInput(0, "the axes it is ordered along are not known");
      return;
    }
    for (const axis of axes) c.lock(c.labelsOf(0, axis), `${c.node.opType} goes by the order along it`);
    passThrough(c);
  };
}

const sameShape = (call: InferCall): readonly Fact[] => [likeFirst(call, shapeOf(call, 0))];

export const cumSum: Operator = {
  infer: sameShape,
  couple: keepsOrder((call, rank) => numbersOf(call.inputs[1])?.map((axis) => fromFront(axis, rank))),
};

export const trilu: Operator = {
  infer: sameShape,
  couple: keepsOrder((_, rank) => [rank - 2, rank - 1]),
};

export const reverseSequence: Operator = {
  infer: sameShape,
  couple: keepsOrder(({ node }) => [intAttribute(node, "batch_axis", 1), intAttribute(node, "time_axis", 0)]),
};

/** Before operator set 10 the number is an attribute. */
function inferTopK(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const count = intAttribute(call.node, "k") ?? numbersOf(call.inputs[1])?.[0];
  const axis = topKAxis(call, x?.length ?? 0);
  const shape = x?.map((size, other): Dim => (other === axis ? count : size));
  return [likeFirst(call, shape), { dtype: "int64", shape }];
}

function topKAxis({ node }: Call, rank: number): number {
  return fromFront(intAttribute(node, "axis", -1), rank);
}

function coupleTopK(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  if (rank === undefined) {
    c.lockInput(0, "its rank is not known");
    return;
  }
  const axis = topKAxis(c, rank);
  const blocks = untangledBlocks(c, 0, new Set([axis]));
  c.lock(c.labelsOf(0, axis), "TopK compares along it");
  const others = blocks.filter(({ axes }) => !axes.includes(axis));
  for (const output of c.node.outputs.keys()) c.setOutput(output, others);
}

export const topK: Operator = { infer: inferTopK, couple: coupleTopK };
