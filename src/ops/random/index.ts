/** @file Random numbers: fewer channels would draw other numbers, so what tells their shape stays. */
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import { dtypeOfCode } from "../elementwise/index.ts";
import type { InferCall, Operator } from "../operator.ts";
import { shapeOf } from "../shapes.ts";

const typeOf = (call: InferCall) => dtypeOfCode(intAttribute(call.node, "dtype")) ?? call.inputs[0]?.dtype;

const shaped: Operator = {
  infer: (call) => [{ dtype: typeOf(call) ?? "float32", shape: intsAttribute(call.node, "shape") }],
  couple: () => undefined,
};

const like: Operator = {
  infer: (call) => [{ dtype: typeOf(call), shape: shapeOf(call, 0) }],
  couple: (c) => c.lockInput(0, `${c.node.opType} draws as many numbers as it has`),
};

export const random: Readonly<Record<string, Operator>> = {
  RandomNormal: shaped,
  RandomUniform: shaped,
  RandomNormalLike: like,
  RandomUniformLike: like,
  Bernoulli: like,
};
