/** @file Networks in half precision and quantized ones: between QuantizeLinear and DequantizeLinear, and in operators of integers. */
import type { DType } from "../../../src/tensor/dtype.ts";
import { fromNumbers } from "../../../src/tensor/tensor.ts";
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { add, concat, image } from "./layers.ts";

/** Every weight and every value in float16, the input included. */
function half(g: GraphBuilder): void {
  const weight = (name: string, shape: readonly number[]) =>
    g.weight(shape, undefined, { name, dtype: "float16" });
  const conv = (x: string, name: string, from: number, to: number, group = 1) => {
    const inputs = [x, weight(`${name}.weight`, [to, from / group, 3, 3]), weight(`${name}.bias`, [to])];
    return g.node("Conv", inputs, { pads: [1, 1, 1, 1], group });
  };
  const x = g.node("Relu", [conv(g.input("input", ["N", 3, 8, 8], "float16"), "stem", 3, 5)]);
  const y = g.node("Relu", [conv(g.node("Relu", [conv(x, "dw", 5, 5, 5)]), "pw", 5, 5)]);
  const gate = g.node("Sigmoid", [conv(g.node("GlobalAveragePool", [y]), "gate", 5, 5)]);
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [add(g, x, g.node("Mul", [y, gate]))])]);
  const inputs = [flat, weight("head.weight", [3, 5]), weight("head.bias", [3])];
  g.output(g.node("Gemm", inputs, { transB: 1 }), ["N", 3], "float16");
}

/** Powers of two, so that sums of products are exact in any order and no value falls to either side of a step by chance. */
const weightScale = (k: number) => 2 ** (-8 - (k % 3));
const valueScale = 2 ** -4;

/** An integer weight, its scale and zero point for each output channel (or one for all), and the node that undoes it. */
function dequantized(
  g: GraphBuilder,
  name: string,
  shape: readonly number[],
  own: { readonly axis?: number; readonly dtype?: DType; readonly symmetric?: boolean } = {},
): string {
  const { axis, dtype = "int8", symmetric = true } = own;
  const channels = axis === undefined ? [] : [shape[axis]!];
  const count = channels[0] ?? 1;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const values = Array.from({ length: size }, (_, k) => ((k * 37 + name.length * 11) % 201) - 100);
  const codes = g.initializer(`${name}_quantized`, fromNumbers(dtype, shape, values));
  const unit = dtype === "int32" ? valueScale : 1;
  const scales = Array.from({ length: count }, (_, k) => unit * weightScale(k));
  const inputs = [codes, g.weight(channels, scales, { name: `${name}_scale` })];
  const zeros = Array.from({ length: count }, (_, k) => (symmetric ? 0 : k - 1));
  if (dtype !== "int32")
    inputs.push(g.initializer(`${name}_zero_point`, fromNumbers(dtype, channels, zeros)));
  return g.node("DequantizeLinear", inputs, axis === undefined ? {} : { axis });
}

/** An activation through eight bits and back. */
function throughBits(g: GraphBuilder, x: string): string {
  const scale = g.weight([], [valueScale]);
  const zero = g.initializer(`zero_${g.graph().initializers.size}`, fromNumbers("uint8", [], [110]));
  return g.node("DequantizeLinear", [g.node("QuantizeLinear", [x, scale, zero]), scale, zero]);
}

interface QuantizedConv {
  readonly from: number;
  readonly to: number;
  readonly group?: number;
  readonly perChannel?: boolean;
}

function quantizedConv(g: GraphBuilder, x: string, name: string, own: QuantizedConv): string {
  const { from, to, group = 1, perChannel = true } = own;
  const weight = dequantized(
    g,
    `${name}.weight`,
    [to, from / group, 3, 3],
    perChannel ? { axis: 0, symmetric: false } : {},
  );
  const bias = dequantized(g, `${name}.bias`, [to], { dtype: "int32", ...(perChannel && { axis: 0 }) });
  const out = g.node("Conv", [throughBits(g, x), weight, bias], { pads: [1, 1, 1, 1], group });
  return g.node("Relu", [out]);
}

/** What onnxruntime's static quantizer makes of a residual network with depthwise and grouped layers. */
function quantizeDequantize(g: GraphBuilder): void {
  const stem = quantizedConv(g, image(g), "stem", { from: 3, to: 6 });
  const deep = quantizedConv(g, stem, "dw", { from: 6, to: 6, group: 6 });
  const grouped = quantizedConv(g, deep, "grouped", { from: 6, to: 8, group: 2 });
  const back = quantizedConv(g, grouped, "back", { from: 8, to: 6, perChannel: false });
  const sum = add(g, throughBits(g, stem), throughBits(g, back));
  const both = throughBits(g, concat(g, [sum, stem]));
  const flat = g.node("Flatten", [
    g.node("GlobalAveragePool", [quantizedConv(g, both, "mix", { from: 12, to: 7 })]),
  ]);
  const weight = dequantized(g, "fc.weight", [7, 5], { axis: 1 });
  const hidden = g.node("Relu", [add(g, g.node("MatMul", [throughBits(g, flat), weight]), g.weight([5]))]);
  const last = [
    throughBits(g, hidden),
    dequantized(g, "head.weight", [3, 5], { axis: 0 }),
    dequantized(g, "head.bias", [3], { dtype: "int32", axis: 0 }),
  ];
  g.output(throughBits(g, g.node("Gemm", last, { transB: 1 })), ["N", 3]);
}

/** A layer of integers between layers of floats. */
function integerOperators(g: GraphBuilder): void {
  const convolved = (x: string, name: string, from: number, to: number) => {
    const inputs = [x, g.weight([to, from, 3, 3], undefined, { name: `${name}.weight` })];
    return g.node("Relu", [g.node("Conv", inputs, { pads: [1, 1, 1, 1] })]);
  };
  const scale = g.weight([], [0.05]);
  const zero = g.initializer("zero", fromNumbers("uint8", [], [110]));
  const front = convolved(convolved(image(g), "front.0", 3, 5), "front.1", 5, 4);
  const codes = g.node("QuantizeLinear", [front, scale, zero]);
  const weight = g.initializer(
    "inner.weight",
    fromNumbers(
      "int8",
      [6, 4, 1, 1],
      Array.from({ length: 24 }, (_, k) => ((k * 29) % 120) - 60),
    ),
  );
  const weightZero = g.initializer("inner.zero", fromNumbers("int8", [], [0]));
  const inner = g.node("QLinearConv", [
    codes,
    scale,
    zero,
    weight,
    g.weight(
      [6],
      [1, 2, 3, 4, 5, 6].map((k) => k / 200),
    ),
    weightZero,
    scale,
    zero,
  ]);
  const back = convolved(
    convolved(g.node("DequantizeLinear", [inner, scale, zero]), "back.0", 6, 5),
    "back.1",
    5,
    4,
  );
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [back])]);
  g.output(g.node("MatMul", [flat, g.weight([4, 3], undefined, { name: "head.weight" })]), ["N", 3]);
}

const contrib = { domain: "com.microsoft" } as const;

/** Codes of the type uint8 with their scale and zero point, as operators of integers want them. */
interface Codes {
  readonly of: string;
  readonly scale: string;
  readonly zero: string;
}

function codesOf(g: GraphBuilder, of: string, scale: number, zero: number): Codes {
  const name = g.initializer(`zero_${g.graph().initializers.size}`, fromNumbers("uint8", [], [zero]));
  return { of, scale: g.weight([], [scale]), zero: name };
}

function listOf({ of, scale, zero }: Codes): [string, string, string] {
  return [of, scale, zero];
}

function codesOfWeights(g: GraphBuilder, name: string, shape: readonly number[]): string {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const codes = Array.from({ length: size }, (_, k) => ((k * 37 + name.length * 11) % 160) - 80);
  return g.initializer(name, fromNumbers("int8", shape, codes));
}

/** QLinearConv with a scale for each channel it makes, or with one for all of them. */
function integerConv(
  g: GraphBuilder,
  x: Codes,
  name: string,
  [to, from]: readonly [number, number],
  { kernel = 3, group = 1, perChannel = true } = {},
): Codes {
  const out = codesOf(g, "", 0.04, 100);
  const count = perChannel ? to : 1;
  const scales = Array.from({ length: count }, (_, k) => 0.004 + 0.001 * (k % 4));
  const zeros = g.initializer(
    `${name}.zeros`,
    fromNumbers("int8", [count], new Array<number>(count).fill(0)),
  );
  const bias = Array.from({ length: to }, (_, k) => 40 * k - 90);
  const inputs = [
    ...listOf(x),
    codesOfWeights(g, `${name}.weight`, [to, from / group, kernel, kernel]),
    g.weight([count], scales, { name: `${name}.scales` }),
    zeros,
    out.scale,
    out.zero,
    g.initializer(`${name}.bias`, fromNumbers("int32", [to], bias)),
  ];
  const pad = (kernel - 1) / 2;
  const of = g.node("QLinearConv", inputs, { group, pads: [pad, pad, pad, pad] });
  return { ...out, of };
}

/** What onnxruntime's static quantizer writes in its operator format: residuals, joins, pools and products of integers. */
function integersThroughout(g: GraphBuilder): void {
  const first = codesOf(g, "", 0.03, 128);
  const x = { ...first, of: g.node("QuantizeLinear", [image(g, 6), first.scale, first.zero]) };
  const stem = integerConv(g, x, "stem", [8, 3]);
  const deep = integerConv(g, stem, "depthwise", [8, 8], { group: 8 });
  const blocks = integerConv(g, deep, "blocks", [8, 8], { group: 2 });
  const back = integerConv(g, blocks, "back", [8, 8], { kernel: 1, perChannel: false });
  const sum = codesOf(g, "", 0.06, 110);
  const added = {
    ...sum,
    of: g.node("QLinearAdd", [...listOf(stem), ...listOf(back), sum.scale, sum.zero], {}, contrib),
  };
  const gate = codesOf(g, "", 1 / 256, 0);
  const judged = {
    ...gate,
    of: g.node("QLinearSigmoid", [...listOf(added), gate.scale, gate.zero], {}, contrib),
  };
  const gated = {
    ...sum,
    of: g.node("QLinearMul", [...listOf(added), ...listOf(judged), sum.scale, sum.zero], {}, contrib),
  };
  const side = integerConv(g, added, "side", [5, 8], { kernel: 1 });
  const parts = [gated, side].flatMap(listOf);
  const joined = {
    ...sum,
    of: g.node("QLinearConcat", [sum.scale, sum.zero, ...parts], { axis: 1 }, contrib),
  };
  const pooled = g.node(
    "QLinearGlobalAveragePool",
    [...listOf(integerConv(g, joined, "mix", [7, 13])), sum.scale, sum.zero],
    {},
    contrib,
  );
  const flat: Codes = { ...sum, of: g.node("Flatten", [pooled]) };
  const zero = g.initializer("zero.weights", fromNumbers("int8", [], [0]));
  const hidden = { ...sum };
  const product = g.node("QLinearMatMul", [
    ...listOf(flat),
    codesOfWeights(g, "hidden", [7, 6]),
    g.weight([], [0.005]),
    zero,
    hidden.scale,
    hidden.zero,
  ]);
  const scales = g.weight([3], [0.004, 0.005, 0.006]);
  const zeros = g.initializer("head.zeros", fromNumbers("int8", [3], [0, 0, 0]));
  const bias = g.initializer("head.bias", fromNumbers("int32", [3], [5, -7, 9]));
  const last = [product, hidden.scale, hidden.zero, codesOfWeights(g, "head", [3, 6]), scales, zeros, bias];
  g.output(g.node("QGemm", last, { transB: 1 }, contrib), ["N", 3]);
}

export const precision: readonly Architecture[] = [
  architecture("half precision", half, { tolerance: 5e-3 }),
  architecture("quantized, QuantizeLinear and DequantizeLinear", quantizeDequantize, { share: 0.85 }),
  architecture("quantized, operators of integers", integerOperators, {
    locked: { head: "graph output" },
  }),
  architecture("quantized, operators of integers throughout", integersThroughout, {
    opsets: { "com.microsoft": 1 },
    locked: { qgemm_14: "graph output" },
    share: 0.85,
  }),
];
