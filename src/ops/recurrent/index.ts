/**
 * @file RNN, GRU and LSTM. Features that go in are channels like any others; hidden units feed back into every gate,
 * which no mask outside the operator can silence, so they stay.
 */
import { intAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { likeFirst, shapeOf } from "../shapes.ts";

/** Sequences lie as [T, N, features], with `layout` 1 as [N, T, features]. */
function infer(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const recurrent = shapeOf(call, 2);
  if (x === undefined) return call.node.outputs.map(() => likeFirst(call, undefined));
  const hidden: Dim = recurrent?.[2] ?? intAttribute(call.node, "hidden_size", 0);
  const directions = stringAttribute(call.node, "direction", "forward") === "bidirectional" ? 2 : 1;
  const batchFirst = intAttribute(call.node, "layout", 0) === 1;
  const [outer, inner] = x;
  const last = batchFirst ? [outer, directions, hidden] : [directions, inner, hidden];
  const all = batchFirst ? [outer, inner, directions, hidden] : [outer, directions, inner, hidden];
  return call.node.outputs.map((_, k) => likeFirst(call, k === 0 ? all : last));
}

function couple(c: Couplings): void {
  if (c.inputs[0]?.shape?.length !== 3) {
    c.lockInput(0, "its shape is not known");
    c.lockInput(1, "the shape it is used with is not known");
    return;
  }
  const features = c.labelsOf(0, 2);
  c.unify(features, c.labelsOf(1, 2), "the weights read a feature that is fixed");
  c.read(0, 2);
  const why = `the hidden size of ${c.node.opType} stays`;
  for (const axis of [0, 1]) {
    c.lock(c.labelsOf(0, axis), "the steps and examples of a sequence stay");
    c.lock(c.labelsOf(1, axis), why);
  }
  if (c.isConstant(1)) c.produce(1, 1);
  for (let input = 2; input < c.node.inputs.length; input++) c.lockInput(input, why);
}

const sequential: Operator = { infer, couple };

export const recurrent: Readonly<Record<string, Operator>> = {
  RNN: sequential,
  GRU: sequential,
  LSTM: sequential,
};
