/** @file Operators with one operand that work element by element: activations, mathematics, Clip, Cast, Dropout. */
import { floatAttribute, intAttribute, stringAttribute } from "../../graph/attributes.ts";
import { dtypeOf } from "../../onnx/element-types.ts";
import { allocate, isFloat } from "../../tensor/dtype.ts";
import { fromNumbers, sizeOf, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { optionalNumbers, required, unsupported } from "../kernel-support/call.ts";
import { unary, unaryWith } from "../kernel-support/elementwise.ts";
import { erf } from "./erf.ts";

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** To the nearest integer, halves to the even one. */
export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

const elu: Kernel = unaryWith(({ node }) => {
  const alpha = floatAttribute(node, "alpha", 1);
  return (x) => (x < 0 ? alpha * Math.expm1(x) : x);
});

const celu: Kernel = unaryWith(({ node }) => {
  const alpha = floatAttribute(node, "alpha", 1);
  return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
});

const selu: Kernel = unaryWith(({ node }) => {
  const alpha = floatAttribute(node, "alpha", 1.6732632423543772);
  const gamma = floatAttribute(node, "gamma", 1.0507009873554805);
  return (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x));
});

const leakyRelu: Kernel = unaryWith(({ node }) => {
  const alpha = floatAttribute(node, "alpha", 0.01);
  return (x) => (x < 0 ? alpha * x : x);
});

const thresholdedRelu: Kernel = unaryWith(({ node }) => {
  const alpha = floatAttribute(node, "alpha", 1);
  return (x) => (x > alpha ? x : 0);
});

const hardSigmoid: Kernel = unaryWith(({ node }) => {
  const [alpha, beta] = [floatAttribute(node, "alpha", 0.2), floatAttribute(node, "beta", 0.5)];
  return (x) => Math.max(0, Math.min(1, alpha * x + beta));
});

const gelu: Kernel = unaryWith(({ node }) =>
  stringAttribute(node, "approximate", "none") === "tanh"
    ? (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
);

const swish: Kernel = unaryWith(({ node }) => {
  const alpha = floatAttribute(node, "alpha", 1);
  return (x) => x * sigmoid(alpha * x);
});

const shrink: Kernel = unaryWith(({ node }) => {
  const [lambda, bias] = [floatAttribute(node, "lambd", 0.5), floatAttribute(node, "bias", 0)];
  return (x) => (x < -lambda ? x + bias : x > lambda ? x - bias : 0);
});

const isInf: Kernel = unaryWith(({ node }) => {
  const negative = intAttribute(node, "detect_negative", 1) !== 0;
  const positive = intAttribute(node, "detect_positive", 1) !== 0;
  return (x) => Number((x === Infinity && positive) || (x === -Infinity && negative));
}, "bool");

/** Bounds from attributes up to opset 10, from inputs later; either may be left out. */
const clip: Kernel = unaryWith((call) => {
  const inputs = call.opset >= 11;
  const low = inputs ? optionalNumbers(call, 1)?.[0] : floatAttribute(call.node, "min", -Infinity);
  const high = inputs ? optionalNumbers(call, 2)?.[0] : floatAttribute(call.node, "max", Infinity);
  return (x) => Math.min(high ?? Infinity, Math.max(low ?? -Infinity, x));
});

/** Floats become integers by truncation; whatever is not zero becomes true. */
const cast: Kernel = (call) => {
  const x = required(call, 0);
  const code = intAttribute(call.node, "to", 0);
  const dtype = dtypeOf(code);
  if (dtype === undefined) throw unsupported(call, `element type ${code}`);
  if (dtype === x.dtype) return [x];
  const values = toNumbers(x);
  if (dtype === "bool")
    return [
      fromNumbers(
        dtype,
        x.shape,
        values.map((value) => Number(value !== 0)),
      ),
    ];
  if (isFloat(dtype)) return [fromNumbers(dtype, x.shape, values)];
  if (values.some((value) => !Number.isFinite(value)))
    throw unsupported(call, "NaN or infinity as an integer");
  return [fromNumbers(dtype, x.shape, values)];
};

/** Nothing is dropped at inference. The optional mask is all ones from opset 12 on; before, the runtime leaves it zero. */
const dropout: Kernel = (call) => {
  const x = required(call, 0);
  if ((optionalNumbers(call, 2)?.[0] ?? 0) !== 0) throw unsupported(call, "training mode");
  if (call.node.outputs.length < 2) return [x];
  const mask = new Float64Array(sizeOf(x.shape)).fill(call.opset >= 12 ? 1 : 0);
  return [x, fromNumbers(call.opset >= 10 ? "bool" : x.dtype, x.shape, mask)];
};

const identity: Kernel = (call) => [required(call, 0)];

const not: Kernel = (call: KernelCall) => {
  const x = required(call, 0);
  const data = allocate("bool", x.data.length);
  for (let k = 0; k < data.length; k++) data[k] = x.data[k] === 0 ? 1 : 0;
  return [{ dtype: "bool", shape: x.shape, data }];
};

export const elementwiseKernels: Readonly<Record<string, Kernel>> = {
  Abs: unary(Math.abs),
  Acos: unary(Math.acos),
  Acosh: unary(Math.acosh),
  Asin: unary(Math.asin),
  Asinh: unary(Math.asinh),
  Atan: unary(Math.atan),
  Atanh: unary(Math.atanh),
  Cast: cast,
  Ceil: unary(Math.ceil),
  Celu: celu,
  Clip: clip,
  Cos: unary(Math.cos),
  Cosh: unary(Math.cosh),
  Dropout: dropout,
  Elu: elu,
  Erf: unary(erf),
  Exp: unary(Math.exp),
  Floor: unary(Math.floor),
  Gelu: gelu,
  HardSigmoid: hardSigmoid,
  HardSwish: unary((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  Identity: identity,
  IsInf: isInf,
  IsNaN: unary((x) => Number(Number.isNaN(x)), "bool"),
  LeakyRelu: leakyRelu,
  Log: unary(Math.log),
  Mish: unary((x) => x * Math.tanh(softplus(x))),
  Neg: unary((x) => -x),
  Not: not,
  Reciprocal: unary((x) => 1 / x),
  Relu: unary((x) => Math.max(x, 0)),
  Round: unary(roundHalfToEven),
  Selu: selu,
  Shrink: shrink,
  Sigmoid: unary(sigmoid),
  Sign: unary(Math.sign),
  Sin: unary(Math.sin),
  Sinh: unary(Math.sinh),
  Softplus: unary(softplus),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Sqrt: unary(Math.sqrt),
  Swish: swish,
  Tan: unary(Math.tan),
  Tanh: unary(Math.tanh),
  ThresholdedRelu: thresholdedRelu,
};
