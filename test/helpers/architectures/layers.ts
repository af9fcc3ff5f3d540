/** @file Layers as exporters write them, for the networks of this folder. Channels are few and weights random. */
import type { Dim } from "../../../src/graph/model.ts";
import { int64 } from "../../../src/tensor/tensor.ts";
import { float, type GraphBuilder } from "../build.ts";

export interface ConvOptions {
  /** Extent along each spatial axis; 3 × 3 when left out. */
  readonly kernel?: number | readonly number[];
  readonly group?: number;
  readonly stride?: number | readonly number[];
  readonly dilation?: number;
  readonly bias?: boolean;
  /** Padding at both ends; what keeps the size when left out. */
  readonly pad?: number;
}

/** A convolution whose weights are called `${name}.weight`. */
export function conv(
  g: GraphBuilder,
  x: string,
  name: string,
  from: number,
  to: number,
  options: ConvOptions = {},
): string {
  const { kernel = 3, group = 1, stride = 1, dilation = 1, bias = true, pad } = options;
  const extents = typeof kernel === "number" ? [kernel, kernel] : kernel;
  const pads = extents.map((extent) => pad ?? Math.floor((dilation * (extent - 1)) / 2));
  const weight = g.weight([to, from / group, ...extents], undefined, { name: `${name}.weight` });
  const inputs = [x, weight, ...(bias ? [g.weight([to], undefined, { name: `${name}.bias` })] : [])];
  const attributes = {
    dilations: extents.map(() => dilation),
    group,
    kernel_shape: extents,
    pads: [...pads, ...pads],
    strides: typeof stride === "number" ? extents.map(() => stride) : stride,
  };
  return g.node("Conv", inputs, attributes, { name: `/${name.replaceAll(".", "/")}/Conv` });
}

export function batchNorm(g: GraphBuilder, x: string, name: string, channels: number): string {
  const own = (part: string, from: number, to: number) => {
    const values = Array.from({ length: channels }, (_, k) => from + ((to - from) * (k + 0.5)) / channels);
    return g.weight([channels], values, { name: `${name}.${part}` });
  };
  const inputs = [
    own("weight", 0.6, 1.4),
    own("bias", -0.4, 0.5),
    own("running_mean", -0.3, 0.2),
    own("running_var", 0.3, 1.2),
  ];
  return g.node("BatchNormalization", [x, ...inputs], { epsilon: float(1e-5) });
}

export type Activation = "none" | "relu" | "relu6" | "silu" | "hardswish" | "leaky" | "mish" | "sigmoid";

/** Activations the way torch exports them: SiLU and Mish in pieces, ReLU6 as Clip. */
export function activate(g: GraphBuilder, x: string, kind: Activation): string {
  switch (kind) {
    case "none":
      return x;
    case "relu":
      return g.node("Relu", [x]);
    case "relu6":
      return g.node("Clip", [x, scalar(g, 0), scalar(g, 6)]);
    case "silu":
      return g.node("Mul", [x, g.node("Sigmoid", [x])]);
    case "hardswish":
      return g.node("HardSwish", [x]);
    case "leaky":
      return g.node("LeakyRelu", [x], { alpha: 0.1 });
    case "mish":
      return g.node("Mul", [x, g.node("Tanh", [g.node("Softplus", [x])])]);
    case "sigmoid":
      return g.node("Sigmoid", [x]);
    default:
      return kind satisfies never;
  }
}

/** Convolution without bias, batch norm, activation. */
export function convNorm(
  g: GraphBuilder,
  x: string,
  name: string,
  from: number,
  to: number,
  { act = "relu", ...options }: ConvOptions & { readonly act?: Activation } = {},
): string {
  const out = conv(g, x, `${name}.conv`, from, to, { ...options, bias: false });
  return activate(g, batchNorm(g, out, `${name}.bn`, to), act);
}

export function dense(g: GraphBuilder, x: string, name: string, from: number, to: number): string {
  const inputs = [
    x,
    g.weight([to, from], undefined, { name: `${name}.weight` }),
    g.weight([to], undefined, { name: `${name}.bias` }),
  ];
  return g.node("Gemm", inputs, { alpha: float(1), beta: float(1), transB: 1 });
}

/** GlobalAveragePool, Flatten and the layer "head". */
export function classify(g: GraphBuilder, x: string, channels: number, classes = 3): void {
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])], { axis: 1 });
  g.output(dense(g, flat, "head", channels, classes), ["N", classes]);
}

/** Squeeze and excitation by 1 × 1 convolutions: a gate for each channel. */
export function squeezeExcite(
  g: GraphBuilder,
  x: string,
  name: string,
  channels: number,
  squeezed: number,
  gate: Activation | "hardsigmoid" = "sigmoid",
): string {
  const pooled = g.node("ReduceMean", [x], { axes: [2, 3], keepdims: 1 });
  const inner = activate(g, conv(g, pooled, `${name}.fc1`, channels, squeezed, { kernel: 1 }), "relu");
  const outer = conv(g, inner, `${name}.fc2`, squeezed, channels, { kernel: 1 });
  const factor = gate === "hardsigmoid" ? g.node("HardSigmoid", [outer]) : activate(g, outer, gate);
  return g.node("Mul", [factor, x]);
}

/** An image batch of any length. */
export function image(g: GraphBuilder, size = 8, channels = 3): string {
  return g.input("input", ["N", channels, size, size]);
}

export function maxPool(g: GraphBuilder, x: string, kernel = 2, stride = kernel, pad = 0): string {
  return g.node("MaxPool", [x], {
    kernel_shape: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
  });
}

/** Twice as large by nearest neighbours. */
export function upsample(g: GraphBuilder, x: string, factor = 2): string {
  return g.node("Resize", [x, "", g.weight([4], [1, 1, factor, factor])], {
    coordinate_transformation_mode: "asymmetric",
    mode: "nearest",
    nearest_mode: "floor",
  });
}

export function concat(g: GraphBuilder, parts: readonly string[], axis = 1): string {
  return g.node("Concat", parts, { axis });
}

export function add(g: GraphBuilder, a: string, b: string): string {
  return g.node("Add", [a, b]);
}

/** A list of whole numbers as an initializer with a name of its own. */
export function ints(g: GraphBuilder, values: readonly number[]): string {
  return g.initializer(`ints_${g.graph().initializers.size}`, int64([values.length], values));
}

/** A whole number without axes. */
export function int(g: GraphBuilder, value: number): string {
  return g.initializer(`int_${g.graph().initializers.size}`, int64([], [value]));
}

export function scalar(g: GraphBuilder, value: number): string {
  return g.weight([], [value]);
}

export function reshape(g: GraphBuilder, x: string, shape: readonly number[]): string {
  return g.node("Reshape", [x, ints(g, shape)]);
}

export function transpose(g: GraphBuilder, x: string, perm: readonly number[]): string {
  return g.node("Transpose", [x], { perm });
}

/** Parts [from, to) of an axis, as `x[:, from:to]` is exported. */
export function slice(g: GraphBuilder, x: string, from: number, to: number, axis = 1): string {
  return g.node("Slice", [x, ints(g, [from]), ints(g, [to]), ints(g, [axis]), ints(g, [1])]);
}

/** Halves of the channel axis, as `chunk(2, dim=1)` is exported. */
export function split(g: GraphBuilder, x: string, sizes: readonly number[], axis = 1): string[] {
  return [...g.nodes("Split", [x, ints(g, sizes)], sizes.length, { axis })];
}

/** A matrix product with weights [from, to] and a bias added, as Linear is exported for inputs of three axes and more. */
export function linear(g: GraphBuilder, x: string, name: string, from: number, to: number): string {
  const product = g.node("MatMul", [x, g.weight([from, to], undefined, { name: `${name}.weight` })]);
  return g.node("Add", [g.weight([to], undefined, { name: `${name}.bias` }), product]);
}

/** `Shape`, then one of its sizes. */
export function sizeAt(g: GraphBuilder, x: string, axis: number): string {
  return g.node("Gather", [g.node("Shape", [x]), int(g, axis)], { axis: 0 });
}

/** Sizes of several kinds laid side by side, as `view(n, c, h, w)` of measured sizes is exported. */
export function sizes(g: GraphBuilder, parts: readonly (string | number)[]): string {
  const lifted = parts.map((part) =>
    typeof part === "number" ? ints(g, [part]) : g.node("Unsqueeze", [part, ints(g, [0])]),
  );
  return concat(g, lifted, 0);
}

/** Declares an output whose leading axis is the batch. */
export function batchOutput(g: GraphBuilder, x: string, ...shape: readonly Dim[]): void {
  g.output(x, ["N", ...shape]);
}
