/** @file Unary operators: what goes in at a position comes out at the same position. */
import { intAttribute } from "../../graph/attributes.ts";
import type { DType } from "../../tensor/dtype.ts";
import type { Fact, InferCall, Operator } from "../operator.ts";
import { passThrough, shapeOf } from "../shapes.ts";

/** Element types by their number in the ONNX schema. */
const dtypeNumbers: Readonly<Record<number, DType>> = {
  1: "float32",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  9: "bool",
  10: "float16",
  11: "float64",
  12: "uint32",
  13: "uint64",
  16: "bfloat16",
};

/** Element type of a `dtype` or `to` attribute; undefined for types without numbers. */
export function dtypeOfCode(code: number | undefined): DType | undefined {
  return code === undefined ? undefined : dtypeNumbers[code];
}

function unary(dtype?: (call: InferCall) => DType | undefined): Operator {
  const infer = (call: InferCall): Fact[] => {
    const to = dtype === undefined ? call.inputs[0]?.dtype : dtype(call);
    const keepsSizes = call.node.opType === "Identity" || (call.node.opType === "Cast" && to !== "bool");
    const fact: Fact = {
      dtype: to,
      shape: shapeOf(call, 0),
      elements: keepsSizes ? call.inputs[0]?.elements : undefined,
    };
    return call.node.outputs.map((_, k) => (k === 0 ? fact : { dtype: "bool" as const, shape: fact.shape }));
  };
  return { infer, couple: passThrough, auxiliaryInputs: [1, 2] };
}

const sameType = [
  "Relu LeakyRelu Elu Selu Celu ThresholdedRelu Sigmoid HardSigmoid HardSwish Swish Mish Tanh Gelu Erf Exp Log Sqrt",
  "Reciprocal Abs Neg Sign Floor Ceil Round Softplus Softsign Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh",
  "Atanh Not Clip Identity Dropout BitwiseNot Shrink",
]
  .join(" ")
  .split(" ");

export const elementwise: Readonly<Record<string, Operator>> = {
  ...Object.fromEntries(sameType.map((name) => [name, unary()])),
  IsNaN: unary(() => "bool"),
  IsInf: unary(() => "bool"),
  CastLike: {
    infer: (call) => [{ dtype: call.inputs[1]?.dtype, shape: shapeOf(call, 0) }],
    couple: (c) => {
      for (const { labels } of c.blocksOf(1)) c.release(labels); // its type alone is read
      passThrough(c);
    },
  },
  Cast: unary((call) => dtypeNumbers[intAttribute(call.node, "to", 0)]),
};

/** Of onnxruntime's own operator set. */
export const contribElementwise: Readonly<Record<string, Operator>> = { Gelu: unary(), QuickGelu: unary() };
