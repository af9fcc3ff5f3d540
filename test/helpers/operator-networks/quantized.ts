/** @file Operators on integers and on packed weights. */
import { fromNumbers } from "../../../src/tensor/tensor.ts";
import type { GraphBuilder } from "../build.ts";
import { conv, ints } from "../networks.ts";
import { asFloat, type OperatorNetwork, operator, own, scalar } from "./base.ts";

/** A value in eight bits with its scale and zero point, as operators of integers take it. */
function bits(g: GraphBuilder, x: string): readonly [string, string, string] {
  const [scale, zero] = [scalar(g, 2 ** -4), g.initializer("zero", fromNumbers("uint8", [], [120]))];
  return [g.node("QuantizeLinear", [x, scale, zero]), scale, zero];
}

export const quantized: readonly OperatorNetwork[] = [
  ...["QLinearSigmoid", "QLinearLeakyRelu"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const [codes, scale, zero] = bits(g, x);
        const out = g.node(opType, [codes, scale, zero, scale, zero], {}, own);
        return g.node("DequantizeLinear", [out, scale, zero]);
      },
      own,
    ),
  ),
  ...["QLinearAdd", "QLinearMul"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const [codes, scale, zero] = bits(g, x);
        const out = g.node(opType, [codes, scale, zero, codes, scale, zero, scale, zero], {}, own);
        return g.node("DequantizeLinear", [out, scale, zero]);
      },
      own,
    ),
  ),
  operator(
    "QLinearGlobalAveragePool",
    (g, x) => {
      const [codes, scale, zero] = bits(g, x);
      const out = g.node("QLinearGlobalAveragePool", [codes, scale, zero, scale, zero], {}, own);
      return g.node("DequantizeLinear", [out, scale, zero]);
    },
    own,
  ),
  operator(
    "QLinearSoftmax",
    (g, x) => {
      const [codes, scale, zero] = bits(g, x);
      const attributes = { axis: 1, opset: 13 };
      const out = g.node("QLinearSoftmax", [codes, scale, zero, scale, zero], attributes, own);
      return g.node("DequantizeLinear", [out, scale, zero]);
    },
    { ...own, locked: "QLinearSoftmax mixes over it" },
  ),
  operator(
    "QLinearSoftmax",
    (g, x) => {
      const [codes, scale, zero] = bits(g, x);
      const out = g.node("QLinearSoftmax", [codes, scale, zero, scale, zero], { axis: 3, opset: 13 }, own);
      return g.node("DequantizeLinear", [out, scale, zero]);
    },
    own,
  ),
  operator(
    "QLinearAveragePool",
    (g, x) => {
      const [codes, scale, zero] = bits(g, x);
      const out = g.node(
        "QLinearAveragePool",
        [codes, scale, zero, scale, zero],
        { kernel_shape: [2, 2] },
        own,
      );
      return g.node("DequantizeLinear", [out, scale, zero]);
    },
    own,
  ),
  operator(
    "DynamicQuantizeLinear",
    (g, x) => {
      const [codes, scale, zero] = g.nodes("DynamicQuantizeLinear", [x], 3) as [string, string, string];
      const weight = g.initializer(
        "inner.weight",
        fromNumbers(
          "uint8",
          [4, 6, 1, 1],
          Array.from({ length: 24 }, (_, k) => (k * 29) % 120),
        ),
      );
      const sum = g.node("ConvInteger", [codes, weight, zero]);
      return g.node("Mul", [asFloat(g, sum), g.node("Mul", [scale, scalar(g, 0.01)])]);
    },
    {},
    4,
  ),
  ...["QLinearMatMul", "MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
        const weight = g.initializer(
          "inner.weight",
          fromNumbers(
            "uint8",
            [6, 5],
            Array.from({ length: 30 }, (_, k) => (k * 29) % 120),
          ),
        );
        const [codes, scale, zero] = bits(g, flat);
        const product = {
          QLinearMatMul: () =>
            g.node("DequantizeLinear", [
              g.node("QLinearMatMul", [codes, scale, zero, weight, scale, zero, scale, zero]),
              scale,
              zero,
            ]),
          MatMulInteger: () => asFloat(g, g.node("MatMulInteger", [codes, weight, zero, zero])),
          DynamicQuantizeMatMul: () => g.node("DynamicQuantizeMatMul", [flat, weight, scale, zero], {}, own),
          MatMulIntegerToFloat: () =>
            g.node("MatMulIntegerToFloat", [codes, weight, scale, scale, zero, zero], {}, own),
        }[opType]!();
        return g.node("Unsqueeze", [product, ints(g, "space", [2, 3])]);
      },
      {
        ...(opType.includes("QLinear") || opType === "MatMulInteger" ? {} : own),
      },
      5,
    ),
  ),
];

const bounds = (g: GraphBuilder, from: number, to: number) => [
  ints(g, "from", [from]),
  ints(g, "to", [to]),
  ints(g, "axis", [1]),
];

/** Codes of 32 columns in two blocks of four bits for each of five rows, and their scales. */
function packed(g: GraphBuilder): [string, string] {
  const codes = Array.from({ length: 80 }, (_, k) => (k * 29) % 256);
  return [
    g.initializer("packed", fromNumbers("uint8", [5, 2, 8], codes)),
    g.weight(
      [10],
      Array.from({ length: 10 }, (_, k) => 0.05 + k / 100),
    ),
  ];
}

export const packedAway: readonly OperatorNetwork[] = [
  operator(
    "MatMulNBits",
    (g, x) => {
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [conv(g, x, "wide", 6, 32)])]);
      const inputs = [flat, ...packed(g)];
      const product = g.node("MatMulNBits", inputs, { K: 32, N: 5, bits: 4, block_size: 16 }, own);
      return g.node("Unsqueeze", [product, ints(g, "space", [2, 3])]);
    },
    own,
    5,
  ),
  operator(
    "MatMulNBits",
    (g, x) => {
      const front = g.node("Concat", [x, x, x, x, x, g.node("Slice", [x, ...bounds(g, 0, 2)])], { axis: 1 });
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [front])]);
      const order = Array.from({ length: 32 }, (_, k) => k % 2);
      const inputs = [flat, ...packed(g), "", g.initializer("order", fromNumbers("int32", [32], order))];
      const product = g.node("MatMulNBits", inputs, { K: 32, N: 5, bits: 4, block_size: 16 }, own);
      return g.node("Unsqueeze", [product, ints(g, "space", [2, 3])]);
    },
    { ...own, locked: "its weights have an order of their own (g_idx)" },
    5,
  ),
];
