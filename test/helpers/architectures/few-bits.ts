/** @file Quantized networks whose ranges are taken at run time, and networks whose weights alone have few bits. */
import type { DType } from "../../../src/tensor/dtype.ts";
import { fromNumbers } from "../../../src/tensor/tensor.ts";
import { float, type GraphBuilder } from "../build.ts";
import { type Architecture, architecture, headLocked } from "./architecture.ts";
import { activate, add, concat, dense, image, int, linear, reshape, transpose } from "./layers.ts";
import { block, layerNorm, rmsNormInPieces, tokenAt, weigh, width } from "./transformer-layers.ts";

const contrib = { domain: "com.microsoft" } as const;
const opsets = { "com.microsoft": 1 } as const;
const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");

/** Repeatable whole numbers between two bounds, both included. */
function codes(
  g: GraphBuilder,
  name: string,
  dtype: DType,
  shape: readonly number[],
  [low, high]: readonly [number, number],
): string {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const values = Array.from(
    { length: size },
    (_, k) => low + ((k * 37 + name.length * 11) % (high - low + 1)),
  );
  return g.initializer(name, fromNumbers(dtype, shape, values));
}

/** What the dynamic quantizer puts in front of a layer. */
interface Coded {
  readonly of: string;
  readonly scale: string;
  readonly zero: string;
}

function atRunTime(g: GraphBuilder, x: string): Coded {
  const [of, scale, zero] = g.nodes("DynamicQuantizeLinear", [x], 3) as [string, string, string];
  return { of, scale, zero };
}

interface DynamicConv {
  readonly from: number;
  readonly to: number;
  readonly group?: number;
  readonly kernel?: number;
}

/** ConvInteger with its scales, and a bias added behind it. */
function dynamicConv(g: GraphBuilder, x: Coded, name: string, own: DynamicConv): string {
  const { from, to, group = 1, kernel = 3 } = own;
  const weight = codes(g, `${name}.weight_quantized`, "uint8", [to, from / group, kernel, kernel], [20, 230]);
  const zero = codes(g, `${name}.weight_zero_point`, "uint8", [], [125, 125]);
  const pad = (kernel - 1) / 2;
  const sum = g.node("ConvInteger", [x.of, weight, x.zero, zero], { group, pads: [pad, pad, pad, pad] });
  const scale = g.node("Mul", [x.scale, g.weight([1], [0.003], { name: `${name}.weight_scale` })]);
  const scaled = g.node("Mul", [g.node("Cast", [sum], { to: 1 }), scale]);
  return add(g, scaled, reshape(g, g.weight([to], undefined, { name: `${name}.bias` }), [1, -1, 1, 1]));
}

/** MatMulInteger with a scale and a zero point for each column, and a bias. */
function dynamicLinear(g: GraphBuilder, x: Coded, name: string, from: number, to: number): string {
  const weight = codes(g, `${name}.weight_quantized`, "int8", [from, to], [-100, 100]);
  const zero = codes(g, `${name}.weight_zero_point`, "int8", [to], [-3, 3]);
  const scales = Array.from({ length: to }, (_, k) => 0.004 + 0.001 * (k % 3));
  const sum = g.node("MatMulInteger", [x.of, weight, x.zero, zero]);
  const scale = g.node("Mul", [x.scale, g.weight([to], scales, { name: `${name}.weight_scale` })]);
  const scaled = g.node("Mul", [g.node("Cast", [sum], { to: 1 }), scale]);
  return add(g, scaled, g.weight([to], undefined, { name: `${name}.bias` }));
}

/** A residual network after the dynamic quantizer: branches share what is quantized in front of them. */
function dynamicNetwork(g: GraphBuilder): void {
  const stem = relu(g, dynamicConv(g, atRunTime(g, image(g, 6)), "stem", { from: 3, to: 6 }));
  const x = atRunTime(g, stem);
  const deep = relu(g, dynamicConv(g, x, "depthwise", { from: 6, to: 6, group: 6 }));
  const grouped = relu(g, dynamicConv(g, x, "grouped", { from: 6, to: 8, group: 2 }));
  const back = dynamicConv(g, atRunTime(g, grouped), "back", { from: 8, to: 6, kernel: 1 });
  const joined = atRunTime(g, concat(g, [relu(g, add(g, back, stem)), deep]));
  const mixed = relu(g, dynamicConv(g, joined, "mix", { from: 12, to: 7 }));
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [mixed])]);
  const hidden = relu(g, dynamicLinear(g, atRunTime(g, flat), "fc", 7, 9));
  g.output(dynamicLinear(g, atRunTime(g, hidden), "head", 9, 3), ["N", 3]);
}

/** An encoder after the dynamic quantizer: every product with stored weights in integers, the others in floats. */
function dynamicEncoder(g: GraphBuilder): void {
  const [heads, size] = [3, 4];
  const attend = (x: string) => {
    const own = atRunTime(g, x);
    const toHeads = (part: string, perm: readonly number[]) =>
      transpose(
        g,
        reshape(g, dynamicLinear(g, own, `attn.${part}`, width, width), [0, 0, heads, size]),
        perm,
      );
    const out = weigh(g, toHeads("q", [0, 2, 1, 3]), toHeads("k", [0, 2, 3, 1]), toHeads("v", [0, 2, 1, 3]));
    const joined = reshape(g, transpose(g, out, [0, 2, 1, 3]), [0, 0, width]);
    return dynamicLinear(g, atRunTime(g, joined), "attn.out", width, width);
  };
  const perceptron = (_: GraphBuilder, x: string) => {
    const inner = relu(g, dynamicLinear(g, atRunTime(g, x), "fc1", width, 10));
    return dynamicLinear(g, atRunTime(g, inner), "fc2", 10, width);
  };
  const start = linear(g, g.input("features", ["N", 4, 5]), "embed", 5, width);
  const out = block(g, start, "layer", attend, layerNorm, perceptron);
  g.output(dynamicLinear(g, atRunTime(g, tokenAt(g, out, 0)), "head", width, 2), ["N", 2]);
}

/** BERT that was optimized before it was quantized at run time: attention in one piece, norms behind residual adds. */
function optimizedEncoder(g: GraphBuilder): void {
  const heads = 3;
  const start = linear(g, g.input("features", ["N", 4, 5]), "embed", 5, width);
  const layer = (x: string, name: string) => {
    const own = atRunTime(g, x);
    const scales = Array.from({ length: 3 * width }, (_, k) => 0.004 + 0.001 * (k % 3));
    const inputs = [
      own.of,
      codes(g, `${name}.qkv.weight_quantized`, "int8", [width, 3 * width], [-100, 100]),
      g.weight([3 * width], undefined, { name: `${name}.qkv.bias` }),
      own.scale,
      g.weight([3 * width], scales, { name: `${name}.qkv.weight_scale` }),
      "",
      own.zero,
      codes(g, `${name}.qkv.weight_zero_point`, "int8", [3 * width], [0, 0]),
    ];
    const attended = g.node("QAttention", inputs, { num_heads: heads }, contrib);
    const norm = (value: string, skip: string, part: string) =>
      g.node(
        "SkipLayerNormalization",
        [
          value,
          skip,
          g.weight([width], new Array<number>(width).fill(1.1), { name: `${part}.weight` }),
          g.weight([width], undefined, { name: `${part}.bias` }),
        ],
        { epsilon: float(1e-5) },
        contrib,
      );
    const out = dynamicLinear(g, atRunTime(g, attended), `${name}.out`, width, width);
    const between = norm(out, x, `${name}.norm1`);
    const inner = relu(g, dynamicLinear(g, atRunTime(g, between), `${name}.fc1`, width, 10));
    const back = dynamicLinear(g, atRunTime(g, inner), `${name}.fc2`, 10, width);
    return norm(back, between, `${name}.norm2`);
  };
  g.output(dense(g, tokenAt(g, layer(start, "layer.0"), 0), "head", width, 2), ["N", 2]);
}

/** What onnxruntime's optimizer makes of such products: the range, the product and its scales in one operator, or two. */
function fusedDynamic(g: GraphBuilder): void {
  const weights = (name: string, from: number, to: number) =>
    [
      codes(g, `${name}.weight_quantized`, "int8", [from, to], [-100, 100]),
      g.weight([to], new Array<number>(to).fill(0.005), { name: `${name}.weight_scale` }),
      codes(g, `${name}.weight_zero_point`, "int8", [to], [-3, 3]),
      g.weight([to], undefined, { name: `${name}.bias` }),
    ] as const;
  const whole = (x: string, name: string, from: number, to: number) =>
    g.node("DynamicQuantizeMatMul", [x, ...weights(name, from, to)], {}, contrib);
  const behind = (x: Coded, name: string, from: number, to: number) => {
    const [weight, scale, zero, bias] = weights(name, from, to);
    const inputs = [x.of, weight, x.scale, scale, x.zero, zero, bias];
    return g.node("MatMulIntegerToFloat", inputs, {}, contrib);
  };
  const x = linear(g, g.input("features", ["N", 5]), "embed", 5, 8);
  const inner = relu(g, whole(x, "fc1", 8, 10));
  const own = atRunTime(g, inner);
  const sum = add(g, behind(own, "fc2", 10, 8), x);
  const gate = g.node("Sigmoid", [behind(own, "gate", 10, 8)]);
  g.output(whole(g.node("Mul", [sum, gate]), "head", 8, 3), ["N", 3]);
}

/** An LSTM after the dynamic quantizer, behind a dense layer. */
function dynamicLstm(g: GraphBuilder): void {
  const [features, hidden] = [8, 5];
  const x = relu(g, linear(g, g.input("features", [6, "N", 4]), "front", 4, features));
  const scale = () => g.weight([1], [0.01]);
  const zero = (name: string) => codes(g, name, "uint8", [1], [128, 128]);
  const inputs = [
    x,
    codes(g, "rnn.W", "uint8", [1, features, 4 * hidden], [20, 230]),
    codes(g, "rnn.R", "uint8", [1, hidden, 4 * hidden], [20, 230]),
    g.weight([1, 8 * hidden], undefined, { name: "rnn.B" }),
    ...["", "", "", ""],
    scale(),
    zero("rnn.W_zero_point"),
    scale(),
    zero("rnn.R_zero_point"),
  ];
  const y = g.node("DynamicQuantizeLSTM", inputs, { hidden_size: hidden }, contrib);
  const last = g.node("Squeeze", [g.node("Gather", [y, int(g, -1)], { axis: 0 })]);
  g.output(dense(g, reshape(g, last, [-1, hidden]), "head", hidden, 3), ["N", 3]);
}

interface Packing {
  readonly bits?: number;
  readonly zeros?: boolean;
  readonly bias?: boolean;
}

const blockSize = 16;

/** MatMulNBits with weights [to, blocks, bytes], scales and zero points row by row. */
function packedLinear(
  g: GraphBuilder,
  x: string,
  name: string,
  [from, to]: readonly [number, number],
  { bits = 4, zeros = false, bias = false }: Packing = {},
): string {
  const blocks = Math.ceil(from / blockSize);
  const bytes = Math.ceil((blocks * bits) / 8);
  const scales = Array.from({ length: to * blocks }, (_, k) => 0.03 + 0.01 * (k % 5));
  const inputs = [
    x,
    codes(g, `${name}.weight_quantized`, "uint8", [to, blocks, (blockSize * bits) / 8], [0, 255]),
    g.weight([to * blocks], scales, { name: `${name}.weight_scale` }),
    zeros ? codes(g, `${name}.weight_zero_point`, "uint8", [to * bytes], [0x55, 0xaa]) : "",
    "",
    bias ? g.weight([to], undefined, { name: `${name}.bias` }) : "",
  ];
  while (inputs.at(-1) === "") inputs.pop();
  const attributes = { K: from, N: to, bits, block_size: blockSize };
  return g.node("MatMulNBits", inputs, attributes, { ...contrib, name: `/${name.replaceAll(".", "/")}` });
}

/** A decoder whose weights have four bits, its table of words among them. */
function packedDecoder(own: Packing) {
  return (g: GraphBuilder): void => {
    const [wide, heads, size, inner] = [64, 3, 16, 80];
    const ids = g.input("input_ids", ["N", 4], "int64");
    const table = [
      codes(g, "embed.weight_quantized", "uint8", [9, wide / 2], [0, 255]),
      ids,
      g.weight([9, wide / blockSize], undefined, { name: "embed.weight_scale" }),
      ...(own.zeros === true
        ? [codes(g, "embed.weight_zero_point", "uint8", [9, wide / blockSize / 2], [0x55, 0xaa])]
        : []),
    ];
    const layout = { bits: 4, block_size: blockSize, gather_axis: 0, quantize_axis: 1 };
    const start = g.node("GatherBlockQuantized", table, layout, contrib);
    const norm = (_: GraphBuilder, x: string, name: string) => rmsNormInPieces(g, x, name, wide);
    const attend = (x: string) => {
      const toHeads = (part: string, perm: readonly number[]) => {
        const flat = packedLinear(g, x, `attn.${part}`, [wide, heads * size], own);
        return transpose(g, reshape(g, flat, [0, 0, heads, size]), perm);
      };
      const out = weigh(
        g,
        toHeads("q", [0, 2, 1, 3]),
        toHeads("k", [0, 2, 3, 1]),
        toHeads("v", [0, 2, 1, 3]),
      );
      const joined = reshape(g, transpose(g, out, [0, 2, 1, 3]), [0, 0, heads * size]);
      return packedLinear(g, joined, "attn.out", [heads * size, wide], own);
    };
    const perceptron = (_: GraphBuilder, x: string) => {
      const gate = activate(g, packedLinear(g, x, "gate", [wide, inner], own), "silu");
      const both = g.node("Mul", [gate, packedLinear(g, x, "up", [wide, inner], own)]);
      return packedLinear(g, both, "down", [inner, wide], own);
    };
    const out = block(g, start, "layer", attend, norm, perceptron);
    g.output(packedLinear(g, norm(g, out, "norm"), "head", [wide, 9], own), ["N", 4, 9]);
  };
}

/** Products with weights out of DequantizeLinear whose scales stand for blocks of rows. */
function blockedScales(g: GraphBuilder): void {
  const product = (x: string, name: string, from: number, to: number) => {
    const scales = Array.from({ length: (from / 4) * to }, (_, k) => 0.004 + 0.001 * (k % 3));
    const inputs = [
      codes(g, `${name}.weight_quantized`, "int8", [from, to], [-100, 100]),
      g.weight([from / 4, to], scales, { name: `${name}.weight_scale` }),
      codes(g, `${name}.weight_zero_point`, "int8", [from / 4, to], [-3, 3]),
    ];
    const weight = g.node("DequantizeLinear", inputs, { axis: 0, block_size: 4 });
    return add(g, g.node("MatMul", [x, weight]), g.weight([to], undefined, { name: `${name}.bias` }));
  };
  const x = relu(g, linear(g, g.input("features", ["N", 5]), "embed", 5, 12));
  const inner = relu(g, product(x, "fc1", 12, 16));
  g.output(product(add(g, product(inner, "fc2", 16, 12), x), "head", 12, 3), ["N", 3]);
}

export const fewBits: readonly Architecture[] = [
  architecture("ranges at run time", dynamicNetwork, { share: 0.85 }),
  architecture("an encoder with ranges at run time", dynamicEncoder),
  architecture("an optimized encoder with ranges at run time", optimizedEncoder, { opsets }),
  architecture("ranges at run time in fused products", fusedDynamic, { opsets }),
  architecture("an LSTM with ranges at run time", dynamicLstm, {
    opsets,
    locked: { ...headLocked, rnn: "the hidden size of DynamicQuantizeLSTM stays" },
    share: 0.2,
  }),
  architecture("weights of four bits", packedDecoder({}), { opsets }),
  architecture("weights of four bits with zero points", packedDecoder({ zeros: true, bias: true }), {
    opsets,
  }),
  architecture("weights of eight bits in blocks", packedDecoder({ bits: 8, zeros: true }), { opsets }),
  architecture("scales in blocks", blockedScales, { opset: 21 }),
];
