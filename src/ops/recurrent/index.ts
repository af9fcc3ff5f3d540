/**
 * @file RNN, GRU and LSTM. Features that go in are channels like any others. Hidden units of LSTM and GRU are channels too:
 * the same unit of every gate and of both directions. A unit that is absent is held at zero by one of its gates, see
 * `silence.ts`; a plain RNN has none, so its units stay.
 */
import { intAttribute, stringAttribute, withAttributes } from "../../graph/attributes.ts";
import type { Dim, Node } from "../../graph/model.ts";
import { blockOn } from "../label-blocks.ts";
import type { CostTerm, Couplings, Fact, InferCall, Labels, Operator, SliceCall } from "../operator.ts";
import { likeFirst, shapeOf } from "../shapes.ts";
import { gatesOf, maskedSequence, toldOutput } from "./silence.ts";

/** Inputs of all three. */
const initialStates = [5, 6] as const;
const peepholes = 7;

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
  for (const axis of [0, 1]) c.lock(c.labelsOf(0, axis), "the steps and examples of a sequence stay");
  c.lock(c.labelsOf(1, 0), "the directions of a sequence stay");
  if (c.isConstant(1)) c.produce(1, 1);
  const gates = gatesOf(c);
  if (gates !== undefined) coupleUnits(c, gates);
  else {
    const why = `the hidden size of ${c.node.opType} stays`;
    c.lock(c.labelsOf(1, 1), why);
    for (let input = 2; input < c.node.inputs.length; input++) c.lockInput(input, why);
  }
}

/** Weights, biases and peepholes hold the units once for each gate, states and outputs once. */
function coupleUnits(c: Couplings, gates: number): void {
  const units = c.labelsOf(2, 2);
  const inGates = (times: number) => units && repeated(units, times);
  c.unify(c.labelsOf(1, 1), inGates(gates));
  c.unify(c.labelsOf(2, 1), inGates(gates));
  if (isGiven(c, 3)) c.unify(c.labelsOf(3, 1), inGates(2 * gates));
  if (isGiven(c, peepholes)) c.unify(c.labelsOf(peepholes, 1), inGates(3));
  for (const input of initialStates) {
    if (!isGiven(c, input)) continue;
    c.unify(c.labelsOf(input, 2), units, "it begins with a state that is fixed");
    c.read(input, 2);
  }
  for (const input of [2, 3, ...initialStates, peepholes])
    if (isGiven(c, input)) c.lock(c.labelsOf(input, 0), "the directions of a sequence stay");
  c.node.outputs.forEach((name, k) => {
    if (name !== "") c.setOutput(k, blockOn(k === 0 ? 3 : 2, units && { axes: [], labels: units }));
  });
  const told = toldOutput(c.node);
  if (units !== undefined && told !== undefined) c.readInside(told, told === 0 ? 3 : 2);
}

function isGiven({ node }: Pick<Couplings, "node">, input: number): boolean {
  return (node.inputs[input] ?? "") !== "";
}

function repeated(labels: Labels, times: number): Int32Array {
  return Int32Array.from({ length: labels.length * times }, (_, k) => labels[k % labels.length]!);
}

function slice(call: SliceCall): Node {
  const kept = call.keptOfInput(2, 2);
  if (kept === undefined || !call.node.attributes.has("hidden_size")) return call.node;
  return withAttributes(call.node, { hidden_size: { kind: "int", value: kept.length } });
}

/** Every step multiplies features by W and states by R, for every example and direction. */
function macs({ node, inputs }: InferCall): readonly CostTerm[] {
  if (inputs[0]?.shape?.length !== 3) return [];
  const sequence = [0, 1].map((axis) => ({ value: node.inputs[0]!, axis }));
  return [1, 2].map((input) => {
    const weights = [0, 1, 2].map((axis) => ({ value: node.inputs[input]!, axis }));
    return { coefficient: 1, axes: [...sequence, ...weights] };
  });
}

const sequential: Operator = { infer, macs, couple, slice, masked: maskedSequence };

export const recurrent: Readonly<Record<string, Operator>> = {
  RNN: sequential,
  GRU: sequential,
  LSTM: sequential,
};
