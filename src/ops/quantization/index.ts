/**
 * @file Quantization: what goes to few bits and back passes channels on, with a scale and a zero point for each channel
 * where there are several. Operators that compute in integers hold what they read.
 */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import type { DType } from "../../tensor/dtype.ts";
import { convolution } from "../convolution/index.ts";
import { linear } from "../linear/index.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { pooling } from "../pooling/index.ts";
import { broadcastShape, fromFront, likeFirst, passThrough, shapeOf } from "../shapes.ts";

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
    else for (const one of [0, input]) c.lock(c.labelsOf(one, axis), "it is scaled in blocks");
  }
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

/** Scale and zero point follow from the data: from the smallest and the largest element, whichever channel has them. */
const dynamicQuantize: Operator = {
  infer: (call) => [
    { dtype: "uint8", shape: shapeOf(call, 0) },
    { dtype: "float32", shape: [] },
    { dtype: "uint8", shape: [] },
  ],
  couple: (c) => {
    c.lockInput(0, "DynamicQuantizeLinear takes its range from all channels together");
    passThrough(c);
  },
};

/** An operator that computes in integers: what it reads stays as it is, and so do the channels it makes. */
function integerOperator(infer: (call: InferCall) => readonly Fact[], weights?: number): Operator {
  return {
    infer,
    couple: (c) => {
      for (let input = 0; input < c.node.inputs.length; input++)
        c.lockInput(input, `${c.node.opType} computes in integers`);
      if (weights !== undefined && c.isConstant(weights)) c.produce(weights, 0);
    },
    integerWeights: weights === undefined ? [] : [weights],
  };
}

/** Facts as `float` gives them for two of the operands, with another element type. */
function asFloat(
  float: Operator,
  operands: readonly [number, number],
  dtype: (call: InferCall) => DType | undefined,
) {
  return (call: InferCall): readonly Fact[] => {
    const inputs = operands.map((input) => call.inputs[input]);
    const names = operands.map((input) => call.node.inputs[input] ?? "");
    const [first] = float.infer({ ...call, inputs, node: { ...call.node, inputs: names } });
    return [{ ...first, dtype: dtype(call) }];
  };
}

const { Conv } = convolution as { readonly Conv: Operator };
const { MatMul } = linear as { readonly MatMul: Operator };

export const quantization: Readonly<Record<string, Operator>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
  QLinearConv: integerOperator(
    asFloat(Conv, [0, 3], (call) => call.inputs[7]?.dtype),
    3,
  ),
  QLinearMatMul: integerOperator(
    asFloat(MatMul, [0, 3], (call) => call.inputs[7]?.dtype),
    3,
  ),
  ConvInteger: integerOperator(
    asFloat(Conv, [0, 1], () => "int32"),
    1,
  ),
  MatMulInteger: integerOperator(
    asFloat(MatMul, [0, 1], () => "int32"),
    1,
  ),
};

const { AveragePool, GlobalAveragePool } = pooling as Readonly<Record<string, Operator>>;
/** Of the first operand, or of the operand at `data`; the type is that of the given zero point. */
const likeOperand = (data: number, zero: number) =>
  integerOperator((call) => [
    { dtype: call.inputs[zero]?.dtype ?? call.inputs[data]?.dtype, shape: shapeOf(call, data) },
  ]);
const broadcastOfTwo = integerOperator((call) => [
  { dtype: call.inputs[0]?.dtype, shape: broadcastShape([shapeOf(call, 0), shapeOf(call, 3)]) },
]);
const asPool = (float: Operator) =>
  integerOperator((call) => float.infer({ ...call, inputs: call.inputs.slice(0, 1) }));

/** Of onnxruntime's own operator set, as its static and dynamic quantizers write them. */
export const contribQuantization: Readonly<Record<string, Operator>> = {
  QuantizeLinear: quantize,
  DequantizeLinear: dequantize,
  QLinearAdd: broadcastOfTwo,
  QLinearMul: broadcastOfTwo,
  QLinearSigmoid: likeOperand(0, 4),
  QLinearLeakyRelu: likeOperand(0, 4),
  QLinearSoftmax: likeOperand(0, 4),
  QLinearAveragePool: asPool(AveragePool!),
  QLinearGlobalAveragePool: asPool(GlobalAveragePool!),
  DynamicQuantizeMatMul: integerOperator(
    asFloat(MatMul, [0, 1], (call) => call.inputs[0]?.dtype),
    1,
  ),
  MatMulIntegerToFloat: integerOperator(
    asFloat(MatMul, [0, 1], (call) => call.inputs[2]?.dtype),
    1,
  ),
};
