/**
 * @file Quantization: what goes to few bits and back passes channels on, with a scale and a zero point for each channel
 * where there are several. Operators that compute in integers stand in `integer-operators.ts`.
 */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import type { Couplings, Operator } from "../operator.ts";
import { fromFront, likeFirst, passThrough, shapeOf } from "../shapes.ts";
import { codedAttention } from "./attention.ts";
import { contribIntegers, integers } from "./integer-operators.ts";
import { inRuns, packedWeights } from "./packed-weights.ts";
import { contribRunTimeRanges, runTimeRanges } from "./run-time-ranges.ts";

/** Scales and zero points of one entry for each position along `axis` are cut with it; a single one serves all. */
function coupleScaled(c: Couplings): void {
  const x = c.inputs[0]?.shape;
  const parameters = [1, 2].filter((input) => (c.node.inputs[input] ?? "") !== "");
  if (x === undefined || parameters.some((input) => c.inputs[input]?.shape === undefined)) {
    c.lockInput(0, "the scales it is quantized with are not known");
    for (const input of parameters) c.lockInput(input, "the shape it scales is not known");
    return;
  }
  for (const input of parameters) coupleParameter(c, input, x);
  passThrough(c);
}

function coupleParameter(c: Couplings, input: number, x: readonly Dim[]): void {
  const shape = c.inputs[input]!.shape!;
  if (shape.length === 0) return;
  if (shape.length === 1) {
    const axis = fromFront(intAttribute(c.node, "axis", 1), x.length);
    if (x[axis] === shape[0]) c.unify(c.labelsOf(0, axis), c.labelsOf(input, 0));
    return;
  }
  const blocked = fromFront(intAttribute(c.node, "axis", 1), x.length);
  for (let axis = 0; axis < x.length; axis++) {
    if (axis !== blocked) c.unify(c.labelsOf(0, axis), c.labelsOf(input, axis));
    else coupleBlocks(c, input, axis, x[axis]);
  }
}

/** Positions that share a scale go together. */
function coupleBlocks(c: Couplings, input: number, axis: number, size: Dim): void {
  const scales = c.labelsOf(input, axis);
  const each = intAttribute(c.node, "block_size", 0);
  if (typeof size === "number" && each > 0)
    c.unify(c.labelsOf(0, axis), scales && inRuns(scales, each, size));
  else for (const labels of [c.labelsOf(0, axis), scales]) c.lock(labels, "it is scaled in blocks");
}

const quantize: Operator = {
  infer: (call) => [{ ...likeFirst(call, shapeOf(call, 0)), dtype: call.inputs[2]?.dtype ?? "uint8" }],
  couple: coupleScaled,
  auxiliaryInputs: [1, 2],
};

const dequantize: Operator = {
  infer: (call) => [{ dtype: call.inputs[1]?.dtype, shape: shapeOf(call, 0) }],
  couple: coupleScaled,
  auxiliaryInputs: [1, 2],
  integerWeights: [0],
};

export const quantization: Readonly<Record<string, Operator>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  ...integers,
  ...runTimeRanges,
};

/** Of onnxruntime's own operator set, as its static and dynamic quantizers write them. */
export const contribQuantization: Readonly<Record<string, Operator>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  ...contribIntegers,
  ...contribRunTimeRanges,
  ...packedWeights,
  QAttention: codedAttention,
};
