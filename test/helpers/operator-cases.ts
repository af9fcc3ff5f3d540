/** @file One random one-node model per operator, with valid shapes and attributes, for suites that compare engines. */
import type fc from "fast-check";
import * as arbitrary from "fast-check";
import { type Attribute, type Model, type Node, stored } from "../../src/graph/model.ts";
import { codeOf } from "../../src/onnx/element-types.ts";
import type { DType } from "../../src/tensor/dtype.ts";
import { fromNumbers, int64, sizeOf, type Tensor } from "../../src/tensor/tensor.ts";

/** Draws one value from an arbitrary; what `fc.gen()` hands out. */
export type Draw = fc.GeneratorValue;

export interface OperatorCase {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeValue | undefined>>;
  /** 1 when left out. */
  readonly outputs?: number;
  /** Inputs passed as initializers because the runtime wants them constant. */
  readonly constants?: readonly number[];
}

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | Tensor;

export interface OperatorCases {
  readonly opType: string;
  /** Operator sets to draw from. */
  readonly opsets: readonly number[];
  readonly draw: (g: Draw, opset: number) => OperatorCase;
}

/** A one-node model and what to feed it. */
export interface BuiltCase {
  readonly model: Model;
  readonly feeds: Record<string, Tensor>;
}

/** Builds the model of a case; inputs that are not constant become graph inputs x0, x1, …, outputs are y0, y1, …. */
export function built(opType: string, opset: number, given: OperatorCase): BuiltCase {
  const { constants = [], outputs = 1 } = given;
  const inputs = given.inputs.slice(0, given.inputs.findLastIndex((value) => value !== undefined) + 1);
  const names = inputs.map((value, k) => (value === undefined ? "" : `x${k}`));
  const isFed = (k: number) => inputs[k] !== undefined && !constants.includes(k);
  const fed = [...inputs.keys()].filter(isFed);
  const node: Node = {
    name: `the_${opType}`,
    opType,
    domain: "",
    inputs: names,
    outputs: Array.from({ length: outputs }, (_, k) => `y${k}`),
    attributes: new Map(
      Object.entries(given.attributes ?? {}).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, attribute(value)] as const],
      ),
    ),
  };
  const model: Model = {
    graph: {
      name: opType,
      nodes: [node],
      inputs: fed.map((k) => ({ name: `x${k}`, dtype: inputs[k]!.dtype, shape: inputs[k]!.shape })),
      outputs: node.outputs.map((name) => ({ name })),
      initializers: new Map(
        constants.filter((k) => inputs[k] !== undefined).map((k) => [`x${k}`, stored(inputs[k]!)]),
      ),
      valueInfo: new Map(),
    },
    opsets: new Map([["", opset]]),
    metadata: new Map(),
  };
  return { model, feeds: Object.fromEntries(fed.map((k) => [`x${k}`, inputs[k]!])) };
}

function attribute(value: AttributeValue): Attribute {
  if (typeof value === "number") return { kind: "int", value };
  if (typeof value === "string") return { kind: "string", value };
  if ("float" in value) return { kind: "float", value: Math.fround(value.float) };
  if ("floats" in value) return { kind: "floats", value: value.floats.map(Math.fround) };
  if ("dtype" in value) return { kind: "tensor", value: stored(value) };
  return { kind: "ints", value };
}

// Small draws.

const int = (g: Draw, min: number, max: number): number => g(() => arbitrary.integer({ min, max }));
const flag = (g: Draw): boolean => g(arbitrary.boolean);
const one = <T>(g: Draw, options: readonly T[]): T => options[int(g, 0, options.length - 1)]!;
const maybe = <T>(g: Draw, value: T): T | undefined => (flag(g) ? value : undefined);
const bit = (g: Draw): number => Number(flag(g));

function dims(g: Draw, minRank: number, maxRank: number, maxSize = 4): number[] {
  return Array.from({ length: int(g, minRank, maxRank) }, () => int(g, 1, maxSize));
}

/** Numbers spread over [low, high], from a drawn seed. */
function reals(g: Draw, shape: readonly number[], low = -3, high = 3, dtype: DType = "float32"): Tensor {
  let state = int(g, 1, 0x7fffffff);
  const values = Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return low + ((high - low) * state) / 0x7fffffff;
  });
  return fromNumbers(dtype, shape, values);
}

function integers(
  g: Draw,
  shape: readonly number[],
  low: number,
  high: number,
  dtype: DType = "int64",
): Tensor {
  const values = [...(reals(g, shape, low, high + 0.999, "float64").data as Float64Array)];
  return fromNumbers(dtype, shape, values.map(Math.floor));
}

function vector(values: readonly number[]): Tensor {
  return int64([values.length], values);
}

/** A shape that broadcasts with the given one: some axes 1, some leading axes left out. */
function smaller(g: Draw, shape: readonly number[]): number[] {
  return shape.slice(int(g, 0, shape.length)).map((size) => (flag(g) ? size : 1));
}

function axis(g: Draw, rank: number): number {
  return int(g, -rank, rank - 1);
}

function someAxes(g: Draw, rank: number): number[] {
  const chosen = Array.from({ length: rank }, (_, a) => a).filter(() => flag(g));
  return chosen.map((a) => (flag(g) ? a : a - rank));
}

function repeat<T>(length: number, make: (k: number) => T): T[] {
  return Array.from({ length }, (_, k) => make(k));
}

// Families.

const always = [9, 11, 13, 17, 21] as const;

function simple(opType: string, low = -3, high = 3, opsets: readonly number[] = always): OperatorCases {
  return { opType, opsets, draw: (g) => ({ inputs: [reals(g, dims(g, 0, 3), low, high)] }) };
}

function withFloats(
  opType: string,
  names: readonly string[],
  opsets: readonly number[] = always,
): OperatorCases {
  return {
    opType,
    opsets,
    draw: (g) => ({
      inputs: [reals(g, dims(g, 1, 3))],
      attributes: Object.fromEntries(names.map((name) => [name, maybe(g, { float: int(g, 1, 20) / 8 })])),
    }),
  };
}

function binary(
  opType: string,
  dtypes: readonly DType[],
  low = -3,
  opsets: readonly number[] = always,
): OperatorCases {
  return {
    opType,
    opsets,
    draw: (g) => {
      const dtype = one(g, dtypes);
      const shape = dims(g, 0, 4, 3);
      const shapes = flag(g) ? [shape, smaller(g, shape)] : [smaller(g, shape), shape];
      const make = (size: number[]) =>
        dtype.startsWith("float")
          ? reals(g, size, low, 3, dtype)
          : integers(g, size, dtype === "bool" ? 0 : 1, dtype === "bool" ? 1 : 9, dtype);
      return { inputs: shapes.map(make) };
    },
  };
}

function variadic(opType: string): OperatorCases {
  return {
    opType,
    opsets: always,
    draw: (g) => {
      const shape = dims(g, 0, 3);
      return { inputs: [reals(g, shape), ...repeat(int(g, 0, 3), () => reals(g, smaller(g, shape)))] };
    },
  };
}

/** Kernel, strides, dilations and pads that leave at least one output position. */
function windowAttributes(
  g: Draw,
  rank: number,
  options: { dilations: boolean; padLimit: (taps: number) => number; strideLimit: (taps: number) => number },
) {
  const taps = repeat(rank, () => int(g, 1, 3));
  const dilations = repeat(rank, () => (options.dilations ? int(g, 1, 2) : 1));
  const extents = taps.map((k, a) => (k - 1) * dilations[a]! + 1);
  const sizes = extents.map((extent) => extent + int(g, 0, 4));
  const strides = taps.map((k) => int(g, 1, options.strideLimit(k)));
  const padding = one(g, ["none", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"]);
  const auto = padding === "none" || padding === "pads" ? undefined : padding;
  return {
    taps,
    sizes,
    attributes: {
      kernel_shape: taps,
      strides: maybe(g, strides),
      // The runtime has no SAME padding for dilated windows.
      dilations: options.dilations && !auto?.startsWith("SAME") ? dilations : undefined,
      auto_pad: auto,
      pads:
        padding === "pads"
          ? repeat(2 * rank, (k) => int(g, 0, options.padLimit(taps[k % rank]!)))
          : undefined,
    },
  };
}

const convolution: OperatorCases = {
  opType: "Conv",
  opsets: [9, 11, 22],
  draw: (g) => {
    const rank = int(g, 1, 3);
    const { taps, sizes, attributes } = windowAttributes(g, rank, {
      dilations: true,
      padLimit: () => 2,
      strideLimit: () => 3,
    });
    const group = int(g, 1, 3);
    const perGroup = int(g, 1, 2);
    const out = group * int(g, 1, 2);
    const x = reals(g, [int(g, 1, 2), group * perGroup, ...sizes]);
    return {
      inputs: [x, reals(g, [out, perGroup, ...taps]), maybe(g, reals(g, [out]))],
      attributes: { ...attributes, group },
    };
  },
};

const transposedConvolution: OperatorCases = {
  opType: "ConvTranspose",
  opsets: [9, 11, 22],
  draw: (g) => {
    const rank = int(g, 1, 2);
    const taps = repeat(rank, () => int(g, 1, 3));
    const strides = repeat(rank, () => int(g, 1, 3));
    const sizes = repeat(rank, () => int(g, 2, 4));
    const group = int(g, 1, 2);
    const x = reals(g, [int(g, 1, 2), group * int(g, 1, 2), ...sizes]);
    const w = reals(g, [x.shape[1]!, int(g, 1, 2), ...taps]);
    const full = sizes.map((size, a) => (size - 1) * strides[a]! + taps[a]!);
    const style = one(g, [
      "plain",
      "pads",
      "output_padding",
      "output_shape",
      "SAME_UPPER",
      "SAME_LOWER",
      "VALID",
    ]);
    return {
      inputs: [x, w, maybe(g, reals(g, [w.shape[1]! * group]))],
      attributes: {
        group,
        strides,
        kernel_shape: maybe(g, taps),
        dilations: style === "plain" ? repeat(rank, () => int(g, 1, 2)) : undefined,
        pads:
          style === "pads"
            ? repeat(2 * rank, (k) => int(g, 0, Math.floor((taps[k % rank]! - 1) / 2)))
            : undefined,
        output_padding:
          style === "output_padding" ? strides.map((stride) => int(g, 0, stride - 1)) : undefined,
        output_shape:
          style === "output_shape" ? full.map((size) => Math.max(1, size - int(g, 0, 2))) : undefined,
        auto_pad: /SAME|VALID/.test(style) ? style : undefined,
      },
    };
  },
};

function pool(opType: string, opsets: readonly number[]): OperatorCases {
  return {
    opType,
    opsets,
    draw: (g, opset) => {
      const rank = int(g, 1, opType === "LpPool" ? 2 : 3);
      const dilated =
        (opType === "MaxPool" && opset >= 10) ||
        (opType === "AveragePool" && opset >= 19) ||
        (opType === "LpPool" && opset >= 18);
      const { sizes, attributes } = windowAttributes(g, rank, {
        dilations: dilated,
        padLimit: (taps) => taps - 1,
        strideLimit: (taps) => taps,
      });
      const ceils = opType === "LpPool" ? opset >= 18 : opset >= 10;
      return {
        inputs: [reals(g, [int(g, 1, 2), int(g, 1, 2), ...sizes])],
        outputs: opType === "MaxPool" ? int(g, 1, 2) : 1,
        attributes: {
          ...attributes,
          ceil_mode: ceils && attributes.auto_pad === undefined ? bit(g) : undefined,
          count_include_pad: opType === "AveragePool" ? bit(g) : undefined,
          p: opType === "LpPool" ? int(g, 1, 3) : undefined,
        },
      };
    },
  };
}

function reduction(opType: string, axesAsInputSince: number, low = -3): OperatorCases {
  return {
    opType,
    opsets: [9, 11, 13, 18, 20],
    draw: (g, opset) => {
      const x = reals(g, dims(g, 1, 4), low);
      const rank = x.shape.length;
      const axes = someAxes(g, rank).map((a) => (opset < 11 && a < 0 ? a + rank : a));
      const asInput = opset >= axesAsInputSince;
      const empty = axes.length === 0;
      return {
        inputs: asInput ? [x, empty && flag(g) ? undefined : vector(axes)] : [x],
        attributes: {
          axes: asInput || empty ? undefined : axes,
          keepdims: maybe(g, bit(g)),
          noop_with_empty_axes: asInput ? maybe(g, bit(g)) : undefined,
        },
        constants: [1],
      };
    },
  };
}

function position(opType: string): OperatorCases {
  return {
    opType,
    opsets: [11, 13],
    draw: (g, opset) => {
      const x = integers(g, dims(g, 1, 3), 0, 3, "float32");
      const select_last_index = opset >= 12 ? maybe(g, bit(g)) : undefined;
      return {
        inputs: [x],
        attributes: { axis: axis(g, x.shape.length), keepdims: maybe(g, bit(g)), select_last_index },
      };
    },
  };
}

function soft(opType: string): OperatorCases {
  return {
    opType,
    opsets: [9, 11, 13, 21],
    draw: (g, opset) => {
      const x = reals(g, dims(g, 2, 4), -8, 8);
      const rank = x.shape.length;
      return {
        inputs: [x],
        attributes: { axis: maybe(g, opset < 11 ? int(g, 0, rank - 1) : axis(g, rank)) },
      };
    },
  };
}

/** All cases, in the order of the kernel families. */
export const operatorCases: readonly OperatorCases[] = [
  convolution,
  transposedConvolution,
  {
    opType: "Gemm",
    opsets: [9, 11, 13],
    draw: (g) => {
      const [m, k, n] = [int(g, 1, 4), int(g, 1, 5), int(g, 1, 4)];
      const [transA, transB] = [bit(g), bit(g)];
      const c = maybe(g, reals(g, one(g, [[n], [1, n], [m, 1], [m, n], [1]])));
      return {
        inputs: [reals(g, transA ? [k, m] : [m, k]), reals(g, transB ? [n, k] : [k, n]), c ?? reals(g, [n])],
        attributes: { transA, transB, alpha: maybe(g, { float: 0.5 }), beta: maybe(g, { float: 1.5 }) },
      };
    },
  },
  {
    opType: "MatMul",
    opsets: [9, 13],
    draw: (g) => {
      const batch = dims(g, 0, 2, 3);
      const [m, k, n] = [int(g, 1, 4), int(g, 1, 5), int(g, 1, 4)];
      const a = one(g, [[k], [...batch, m, k], [...smaller(g, batch), m, k]]);
      const b = one(g, [[k], [...batch, k, n], [...smaller(g, batch), k, n]]);
      return { inputs: [reals(g, a), reals(g, b)] };
    },
  },
  {
    opType: "Einsum",
    opsets: [12],
    draw: (g) => {
      const size: Record<string, number> = {
        i: int(g, 1, 3),
        j: int(g, 1, 3),
        k: int(g, 1, 3),
        b: int(g, 1, 3),
      };
      const equation = one(g, [
        "ij,jk->ik",
        "bij,bjk->bik",
        "ij->ji",
        "ij->i",
        "ij,ij->",
        "bij,kj->bik",
        "i,j->ij",
        "ij,jk",
      ]);
      const terms = equation.split("->")[0]!.split(",");
      return {
        inputs: terms.map((term) =>
          reals(
            g,
            [...term].map((letter) => size[letter]!),
          ),
        ),
        attributes: { equation },
      };
    },
  },
  {
    opType: "BatchNormalization",
    opsets: [9, 14, 15],
    draw: (g) => {
      const x = reals(g, dims(g, 2, 5));
      const c = [x.shape[1]!];
      return {
        inputs: [x, reals(g, c), reals(g, c), reals(g, c), reals(g, c, 0.1, 2)],
        attributes: { epsilon: maybe(g, { float: 0.01 }) },
      };
    },
  },
  {
    opType: "InstanceNormalization",
    opsets: [9, 22],
    draw: (g) => {
      const x = reals(g, [int(g, 1, 3), int(g, 1, 3), ...repeat(int(g, 1, 2), () => int(g, 2, 4))]);
      return {
        inputs: [x, reals(g, [x.shape[1]!]), reals(g, [x.shape[1]!])],
        attributes: { epsilon: { float: 0.01 } },
      };
    },
  },
  {
    opType: "LayerNormalization",
    opsets: [17],
    draw: (g) => {
      const x = reals(g, dims(g, 1, 4));
      const given = axis(g, x.shape.length);
      const normalised = x.shape.slice(given);
      return {
        inputs: [x, reals(g, normalised), maybe(g, reals(g, normalised))],
        attributes: { axis: given, epsilon: { float: 0.01 } },
        outputs: one(g, [1, 3]),
      };
    },
  },
  {
    opType: "GroupNormalization",
    opsets: [18, 21],
    draw: (g, opset) => {
      const num_groups = int(g, 1, 3);
      const channels = num_groups * int(g, 1, 3);
      const x = reals(g, [int(g, 1, 2), channels, ...repeat(int(g, 1, 2), () => int(g, 2, 4))]);
      const parameters = [opset < 21 ? num_groups : channels];
      return {
        inputs: [x, reals(g, parameters), reals(g, parameters)],
        attributes: { num_groups, epsilon: { float: 0.01 } },
      };
    },
  },
  {
    opType: "LRN",
    opsets: [9, 13],
    draw: (g) => ({
      inputs: [reals(g, [int(g, 1, 2), int(g, 1, 6), int(g, 1, 3), int(g, 1, 3)])],
      attributes: { size: one(g, [1, 3, 5]), alpha: maybe(g, { float: 0.5 }), bias: maybe(g, { float: 2 }) },
    }),
  },
  ...[
    "Abs",
    "Atan",
    "Ceil",
    "Cos",
    "Erf",
    "Exp",
    "Floor",
    "Identity",
    "Neg",
    "Reciprocal",
    "Relu",
    "Sigmoid",
    "Sign",
    "Sin",
    "Softplus",
    "Softsign",
    "Tanh",
    "Sinh",
    "Cosh",
    "Asinh",
  ].map((opType) => simple(opType)),
  ...["Acos", "Asin", "Atanh"].map((opType) => simple(opType, -0.99, 0.99)),
  simple("Acosh", 1.01, 5),
  simple("Log", 0.01, 5),
  simple("Sqrt", 0, 9),
  simple("Tan", -1.3, 1.3),
  simple("HardSwish", -6, 6, [14, 22]),
  simple("Mish", -6, 6, [18, 22]),
  {
    opType: "Round",
    opsets: [11, 22],
    draw: (g) => ({
      inputs: [fromNumbers("float32", [7], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, int(g, -9, 9) / 4])],
    }),
  },
  {
    opType: "IsNaN",
    opsets: [9, 13],
    draw: (g) => ({ inputs: [fromNumbers("float32", [4], [Number.NaN, 1, Infinity, int(g, -1, 1)])] }),
  },
  {
    opType: "IsInf",
    opsets: [10, 20],
    draw: (g) => ({
      inputs: [fromNumbers("float32", [4], [Number.NaN, -Infinity, Infinity, int(g, -1, 1)])],
      attributes: { detect_negative: maybe(g, bit(g)), detect_positive: maybe(g, bit(g)) },
    }),
  },
  withFloats("Elu", ["alpha"]),
  withFloats("Celu", ["alpha"], [12]),
  withFloats("Selu", ["alpha", "gamma"]),
  withFloats("LeakyRelu", ["alpha"]),
  withFloats("ThresholdedRelu", ["alpha"], [10, 22]),
  withFloats("HardSigmoid", ["alpha", "beta"]),
  withFloats("Shrink", ["lambd", "bias"], [9]),
  withFloats("Swish", ["alpha"], [24]),
  {
    opType: "Gelu",
    opsets: [20],
    draw: (g) => ({
      inputs: [reals(g, dims(g, 1, 3))],
      attributes: { approximate: maybe(g, one(g, ["none", "tanh"])) },
    }),
  },
  {
    opType: "Clip",
    opsets: [9, 11, 13],
    draw: (g, opset) => {
      const [low, high] = [maybe(g, -1), maybe(g, 1.5)];
      const x = reals(g, dims(g, 0, 3));
      if (opset < 11) {
        const bound = (value: number | undefined) => (value === undefined ? undefined : { float: value });
        return { inputs: [x], attributes: { min: bound(low), max: bound(high) } };
      }
      const bound = (value: number | undefined) =>
        value === undefined ? undefined : fromNumbers("float32", [], [value]);
      return { inputs: [x, bound(low), bound(high)] };
    },
  },
  {
    opType: "Cast",
    opsets: [9, 13, 19],
    draw: (g) => {
      const from = one(g, ["float32", "float64", "float16", "int32", "int64", "uint8", "bool"] as const);
      const to = one(g, ["float32", "float64", "float16", "int8", "int32", "int64", "bool"] as const);
      const shape = dims(g, 0, 3);
      const x = from.startsWith("float")
        ? reals(g, shape, -9, 9, from)
        : integers(g, shape, 0, from === "bool" ? 1 : 9, from);
      return { inputs: [x], attributes: { to: codeOf(to) } };
    },
  },
  {
    opType: "Dropout",
    opsets: [10, 12, 13],
    draw: (g, opset) => {
      const x = reals(g, dims(g, 1, 3));
      return {
        inputs: opset < 12 ? [x] : [x, maybe(g, fromNumbers("float32", [], [0.3]))],
        outputs: int(g, 1, 2),
      };
    },
  },
  { opType: "Not", opsets: [9], draw: (g) => ({ inputs: [integers(g, dims(g, 0, 3), 0, 1, "bool")] }) },
  binary("Add", ["float32", "float64", "int32", "int64"]),
  binary("Sub", ["float32", "float64", "int32", "int64"]),
  binary("Mul", ["float32", "float64", "int32", "int64"]),
  binary("Div", ["float32", "float64", "int32", "int64"], 0.5),
  binary("Pow", ["float32", "float64"], 0.1),
  binary("Equal", ["int32", "int64", "bool"], -3, [11, 13]),
  binary("Greater", ["float32", "int32", "int64"]),
  binary("Less", ["float32", "int32", "int64"]),
  binary("GreaterOrEqual", ["float32", "int32", "int64"], -3, [12, 16]),
  binary("LessOrEqual", ["float32", "int32", "int64"], -3, [12, 16]),
  binary("And", ["bool"]),
  binary("Or", ["bool"]),
  binary("Xor", ["bool"]),
  {
    opType: "Mod",
    opsets: [10, 13],
    draw: (g) => {
      const fmod = bit(g);
      const shape = dims(g, 0, 3);
      const signed = (size: number[]) =>
        fromNumbers(
          "int64",
          size,
          [...integers(g, size, 0, 17).data].map((v) => Number(v) - 9 || 5),
        );
      const inputs =
        fmod === 1
          ? [reals(g, shape), reals(g, smaller(g, shape), 0.3, 2)]
          : [signed(shape), signed(smaller(g, shape))];
      return { inputs, attributes: { fmod } };
    },
  },
  ...["Max", "Mean", "Min", "Sum"].map(variadic),
  {
    opType: "PRelu",
    opsets: [9, 16],
    draw: (g) => {
      const x = reals(g, dims(g, 1, 4));
      return { inputs: [x, reals(g, smaller(g, x.shape))] };
    },
  },
  {
    opType: "Where",
    opsets: [9, 16],
    draw: (g) => {
      const shape = dims(g, 0, 3);
      const dtype = one(g, ["float32", "int64"] as const);
      const [yes, no] = [integers(g, smaller(g, shape), -9, 9, dtype), integers(g, shape, -9, 9, dtype)];
      return { inputs: [integers(g, smaller(g, shape), 0, 1, "bool"), yes, no] };
    },
  },
  pool("MaxPool", [9, 11, 12, 22]),
  pool("AveragePool", [9, 11, 19, 22]),
  pool("LpPool", [11, 18, 22]),
  ...["GlobalMaxPool", "GlobalAveragePool"].map(
    (opType): OperatorCases => ({
      opType,
      opsets: [9, 22],
      draw: (g) => ({ inputs: [reals(g, dims(g, 3, 5))] }),
    }),
  ),
  {
    opType: "GlobalLpPool",
    opsets: [9, 18],
    draw: (g) => ({ inputs: [reals(g, dims(g, 3, 5))], attributes: { p: maybe(g, int(g, 1, 3)) } }),
  },
  {
    opType: "MaxUnpool",
    opsets: [9, 11, 22],
    draw: (g) => {
      const rank = int(g, 1, 3);
      const taps = repeat(rank, () => int(g, 1, 3));
      const windows = repeat(rank, () => int(g, 1, 3));
      const shape = [int(g, 1, 2), int(g, 1, 2), ...windows.map((count, a) => count * taps[a]!)];
      const pooled = [...shape.slice(0, 2), ...windows];
      const spread = Math.floor(sizeOf(shape) / sizeOf(pooled));
      const places = Array.from({ length: sizeOf(pooled) }, (_, k) => k * spread + int(g, 0, spread - 1));
      return {
        inputs: [reals(g, pooled), int64(pooled, places), vector(shape)],
        attributes: { kernel_shape: taps, strides: taps },
      };
    },
  },
  {
    opType: "Flatten",
    opsets: [9, 11, 21],
    draw: (g, opset) => {
      const x = reals(g, dims(g, 1, 4));
      const rank = x.shape.length;
      return {
        inputs: [x],
        attributes: { axis: maybe(g, opset < 11 ? int(g, 0, rank) : int(g, -rank, rank)) },
      };
    },
  },
  {
    opType: "Reshape",
    opsets: [9, 14, 21],
    draw: (g, opset) => {
      const shape = [int(g, 1, 3), int(g, 1, 3), 6];
      const x = reals(g, shape);
      const total = sizeOf(shape);
      const target = one(g, [
        [-1],
        [0, -1],
        [0, 0, 2, 3],
        [total],
        [-1, 6],
        [0, -1, 3],
        [shape[1]!, shape[0]!, 6],
      ]);
      const allowzero = opset >= 14 && !target.includes(0) ? maybe(g, 1) : undefined;
      return { inputs: [x, vector(target)], attributes: { allowzero } };
    },
  },
  {
    opType: "Squeeze",
    opsets: [9, 11, 13],
    draw: (g, opset) => {
      const shape = dims(g, 1, 4, 2);
      const rank = shape.length;
      const ones = shape.flatMap((size, a) =>
        size === 1 && flag(g) ? [opset >= 11 && flag(g) ? a - rank : a] : [],
      );
      const axes = ones.length === 0 ? undefined : ones;
      const x = reals(g, shape);
      return opset < 13 ? { inputs: [x], attributes: { axes } } : { inputs: [x, axes && vector(axes)] };
    },
  },
  {
    opType: "Unsqueeze",
    opsets: [9, 11, 13],
    draw: (g, opset) => {
      const x = reals(g, dims(g, 0, 3));
      const rank = x.shape.length + 2;
      const first = int(g, 0, rank - 2);
      const second = int(g, first + 1, rank - 1);
      const axes = opset >= 11 && flag(g) ? [second - rank, first] : [first, second];
      return opset < 13 ? { inputs: [x], attributes: { axes } } : { inputs: [x, vector(axes)] };
    },
  },
  {
    opType: "Transpose",
    opsets: [9, 13],
    draw: (g) => {
      const dtype = one(g, ["float32", "int64", "uint8"] as const);
      const x = integers(g, dims(g, 1, 4), 0, 99, dtype);
      const perm = g(() => arbitrary.shuffledSubarray([...x.shape.keys()], { minLength: x.shape.length }));
      return { inputs: [x], attributes: { perm: maybe(g, perm) } };
    },
  },
  {
    opType: "Expand",
    opsets: [9, 13],
    draw: (g) => {
      const shape = dims(g, 1, 4);
      return { inputs: [reals(g, smaller(g, shape)), vector(shape.map((size) => (flag(g) ? size : size)))] };
    },
  },
  {
    opType: "Tile",
    opsets: [9, 13],
    draw: (g) => {
      const x = reals(g, dims(g, 1, 3));
      return { inputs: [x, vector(x.shape.map(() => int(g, 1, 3)))] };
    },
  },
  {
    opType: "DepthToSpace",
    opsets: [11, 13],
    draw: (g) => {
      const blocksize = int(g, 1, 3);
      const x = reals(g, [int(g, 1, 2), int(g, 1, 2) * blocksize ** 2, int(g, 1, 3), int(g, 1, 3)]);
      return { inputs: [x], attributes: { blocksize, mode: maybe(g, one(g, ["DCR", "CRD"])) } };
    },
  },
  {
    opType: "SpaceToDepth",
    opsets: [9, 13],
    draw: (g) => {
      const blocksize = int(g, 1, 3);
      const x = reals(g, [int(g, 1, 2), int(g, 1, 2), blocksize * int(g, 1, 2), blocksize * int(g, 1, 2)]);
      return { inputs: [x], attributes: { blocksize } };
    },
  },
  {
    opType: "Concat",
    opsets: [9, 11, 13],
    draw: (g, opset) => {
      const shape = dims(g, 1, 4);
      const along = opset < 11 ? int(g, 0, shape.length - 1) : axis(g, shape.length);
      const at = along < 0 ? along + shape.length : along;
      const part = () =>
        reals(
          g,
          shape.map((size, a) => (a === at ? int(g, 1, 3) : size)),
        );
      return { inputs: repeat(int(g, 1, 3), part), attributes: { axis: along } };
    },
  },
  {
    opType: "Split",
    opsets: [9, 11, 13, 18],
    draw: (g, opset) => {
      const sizes = repeat(int(g, 1, 3), () => int(g, 1, 3));
      const equal = flag(g);
      const parts = equal ? sizes.map(() => sizes[0]!) : sizes;
      const shape = dims(g, 1, 3);
      const along = opset < 11 ? int(g, 0, shape.length - 1) : axis(g, shape.length);
      const total = parts.reduce((a, b) => a + b, 0);
      const uneven = opset >= 18 && flag(g) && total > 4 && parts.length === 2 ? total + 1 : total;
      shape[along < 0 ? along + shape.length : along] = equal ? uneven : total;
      const x = reals(g, shape);
      const outputs = parts.length;
      if (opset < 13)
        return { inputs: [x], attributes: { axis: along, split: equal ? undefined : parts }, outputs };
      const num_outputs = opset >= 18 && equal ? outputs : undefined;
      return {
        inputs: [x, equal ? undefined : vector(parts)],
        attributes: { axis: along, num_outputs },
        outputs,
      };
    },
  },
  {
    opType: "Slice",
    opsets: [9, 11, 13],
    draw: (g, opset) => {
      const x = integers(g, dims(g, 1, 4, 5), -99, 99, one(g, ["float32", "int64"] as const));
      const rank = x.shape.length;
      const axes = someAxes(g, rank).map((a) => (opset < 10 && a < 0 ? a + rank : a));
      if (axes.length === 0) axes.push(0);
      const bound = () => one(g, [int(g, -6, 6), int(g, -6, 6), 2 ** 31 - 1, -(2 ** 31)]);
      const starts = axes.map(bound);
      let ends = axes.map(bound);
      if (opset < 10) return { inputs: [x], attributes: { starts, ends, axes } };
      const steps = axes.map(() => one(g, [-3, -2, -1, 1, 2, 3]));
      // Engines differ on a backward walk that ends at INT_MAX; the kernel refuses it.
      ends = ends.map((end, k) => (steps[k]! < 0 ? Math.min(end, 6) : end));
      return { inputs: [x, vector(starts), vector(ends), vector(axes), maybe(g, vector(steps))] };
    },
  },
  {
    opType: "Gather",
    opsets: [9, 11, 13],
    draw: (g, opset) => {
      const x = reals(g, dims(g, 1, 3));
      const along = axis(g, x.shape.length);
      const size = x.shape.at(along)!;
      const low = opset < 11 ? 0 : -size;
      return {
        inputs: [x, integers(g, dims(g, 0, 2), low, size - 1, one(g, ["int64", "int32"] as const))],
        attributes: { axis: along },
      };
    },
  },
  {
    opType: "GatherElements",
    opsets: [11, 13],
    draw: (g) => {
      const x = reals(g, dims(g, 1, 3));
      const along = axis(g, x.shape.length);
      const size = x.shape.at(along)!;
      const at = along < 0 ? along + x.shape.length : along;
      const shape = x.shape.map((other, a) => (a === at ? int(g, 1, 4) : int(g, 1, other)));
      return { inputs: [x, integers(g, shape, -size, size - 1)], attributes: { axis: along } };
    },
  },
  {
    opType: "ScatterElements",
    opsets: [11, 13, 16, 18],
    draw: (g, opset) => {
      const x = reals(g, dims(g, 1, 3));
      const at = int(g, 0, x.shape.length - 1);
      const size = x.shape[at]!;
      const reduction = opset < 16 ? undefined : one(g, [undefined, "none", "add"]);
      // Positions along the axis differ, since the order of writing is open; only sums may meet.
      const count = reduction === "add" ? int(g, 1, 4) : size;
      const shape = x.shape.map((other, a) => (a === at ? count : int(g, 1, other)));
      const inner = sizeOf(shape.slice(at + 1));
      const turn = int(g, 0, size - 1);
      const different = int64(
        shape,
        Array.from(
          { length: sizeOf(shape) },
          (_, k) => ((Math.floor(k / inner) + turn) % size) - bit(g) * size,
        ),
      );
      const indices = reduction === "add" ? integers(g, shape, -size, size - 1) : different;
      return { inputs: [x, indices, reals(g, shape)], attributes: { axis: at, reduction } };
    },
  },
  {
    opType: "Pad",
    opsets: [9, 11, 13, 18, 19],
    draw: (g, opset) => {
      const mode = one(g, ["constant", "reflect", "edge", ...(opset >= 19 ? ["wrap"] : [])]);
      const x = reals(
        g,
        repeat(int(g, 1, 4), () => int(g, 3, 5)),
      );
      const rank = x.shape.length;
      const limit = mode === "reflect" ? 2 : 3;
      const low = mode === "constant" ? -1 : 0;
      if (opset < 11) {
        const pads = repeat(2 * rank, () => int(g, low, limit));
        return { inputs: [x], attributes: { mode, pads, value: maybe(g, { float: 1.5 }) } };
      }
      const axes = opset >= 18 ? someAxes(g, rank) : [];
      const padded = axes.length === 0 ? rank : axes.length;
      const pads = vector(repeat(2 * padded, () => int(g, low, limit)));
      const value = mode === "constant" ? maybe(g, fromNumbers("float32", [], [2.5])) : undefined;
      return { inputs: [x, pads, value, ...(axes.length === 0 ? [] : [vector(axes)])], attributes: { mode } };
    },
  },
  {
    opType: "Shape",
    opsets: [9, 13, 15, 21],
    draw: (g, opset) => {
      const x = reals(g, dims(g, 0, 4));
      const rank = x.shape.length;
      const start = opset >= 15 ? maybe(g, int(g, -rank - 1, rank)) : undefined;
      const end = opset >= 15 ? maybe(g, int(g, -rank - 1, rank + 1)) : undefined;
      return { inputs: [x], attributes: { start, end } };
    },
  },
  { opType: "Size", opsets: [9, 13], draw: (g) => ({ inputs: [reals(g, dims(g, 0, 4))] }) },
  {
    opType: "Range",
    opsets: [11],
    draw: (g) => {
      const dtype = one(g, ["float32", "int64", "int32"] as const);
      const [start, limit, delta] = [int(g, -5, 5), int(g, -9, 9), one(g, [-2, -1, 1, 3])];
      // Between two elements, so that the number of elements is the same around it.
      const end = dtype === "float32" ? limit + 0.5 : limit;
      return { inputs: [start, end, delta].map((value) => fromNumbers(dtype, [], [value])) };
    },
  },
  {
    opType: "Constant",
    opsets: [12, 13],
    draw: (g) => {
      const attributes: Record<string, AttributeValue>[] = [
        { value: reals(g, dims(g, 0, 2)) },
        { value: integers(g, dims(g, 0, 2), -9, 9) },
        { value_float: { float: 1.5 } },
        { value_floats: { floats: [1, 2.5] } },
        { value_int: 7 },
        { value_ints: [1, 2, 3] },
      ];
      return { inputs: [], attributes: one(g, attributes) };
    },
  },
  {
    opType: "ConstantOfShape",
    opsets: [9, 20],
    draw: (g) => {
      const value = one(g, [
        undefined,
        fromNumbers("float32", [1], [2.5]),
        int64([1], [3]),
        fromNumbers("bool", [1], [1]),
      ]);
      return { inputs: [vector(dims(g, 0, 3))], attributes: { value } };
    },
  },
  reduction("ReduceSum", 13),
  ...[
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceL1",
    "ReduceL2",
    "ReduceSumSquare",
    "ReduceLogSumExp",
  ].map((opType) => reduction(opType, 18)),
  reduction("ReduceLogSum", 18, 0.2),
  position("ArgMax"),
  position("ArgMin"),
  soft("Softmax"),
  soft("LogSoftmax"),
  {
    opType: "Resize",
    opsets: [10, 11, 13, 18, 19],
    draw: (g, opset) => {
      const x = reals(g, [1, int(g, 1, 2), int(g, 2, 4), int(g, 2, 4)]);
      const scale = () => one(g, [0.5, 1, 1.5, 2, 3]);
      const scales = fromNumbers("float32", [4], [1, 1, scale(), scale()]);
      const mode = one(g, ["nearest", "linear"]);
      if (opset < 11) return { inputs: [x, scales], attributes: { mode }, constants: [1] };
      const coordinate_transformation_mode = one(g, [
        "half_pixel",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
        ...(opset >= 19 ? ["half_pixel_symmetric"] : []),
      ]);
      const nearest_mode =
        mode === "nearest" ? one(g, ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]) : undefined;
      const attributes = { mode, coordinate_transformation_mode, nearest_mode };
      const roi = fromNumbers("float32", [0], []);
      if (flag(g)) return { inputs: [x, roi, scales], attributes, constants: [1, 2] };
      // Nearest neighbours of a scale that is no exact float, such as 1/3, may tie either way; sizes double instead.
      const resized = (size: number) => (mode === "nearest" ? size * int(g, 1, 2) : int(g, 1, 7));
      const sizes = vector([1, x.shape[1]!, resized(x.shape[2]!), resized(x.shape[3]!)]);
      return {
        inputs: [x, roi, opset < 13 ? fromNumbers("float32", [0], []) : undefined, sizes],
        attributes,
        constants: [1, 2, 3],
      };
    },
  },
  {
    opType: "Upsample",
    opsets: [9],
    draw: (g) => ({
      inputs: [
        reals(g, [1, 2, int(g, 2, 4), int(g, 2, 4)]),
        fromNumbers("float32", [4], [1, 1, int(g, 1, 3), int(g, 1, 3)]),
      ],
      attributes: { mode: one(g, ["nearest", "linear"]) },
      constants: [1],
    }),
  },
  {
    opType: "QuantizeLinear",
    opsets: [10, 13, 19],
    draw: (g, opset) => {
      const x = reals(g, [int(g, 1, 3), int(g, 2, 3), int(g, 1, 3)], -50, 50);
      const perAxis = opset >= 13 && flag(g);
      const shape = perAxis ? [x.shape[1]!] : [];
      const zero = maybe(g, integers(g, shape, 0, 100, one(g, ["uint8", "int8"] as const)));
      return {
        inputs: [x, reals(g, shape, 0.1, 1), zero],
        attributes: { axis: perAxis ? one(g, [1, -2]) : undefined },
      };
    },
  },
  {
    opType: "DequantizeLinear",
    opsets: [10, 13, 19],
    draw: (g, opset) => {
      const dtype = one(g, ["uint8", "int8"] as const);
      const x = integers(g, [int(g, 1, 3), int(g, 2, 3), int(g, 1, 3)], 0, 100, dtype);
      const perAxis = opset >= 13 && flag(g);
      const shape = perAxis ? [x.shape[1]!] : [];
      const zero = maybe(g, integers(g, shape, 0, 100, dtype));
      return {
        inputs: [x, reals(g, shape, 0.1, 1), zero],
        attributes: { axis: perAxis ? one(g, [1, -2]) : undefined },
      };
    },
  },
];
