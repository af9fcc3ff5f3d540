/** @file Random cases of operators on one tensor, element by element. */
import { codeOf } from "../../../src/onnx/element-types.ts";
import { fromNumbers } from "../../../src/tensor/tensor.ts";
import { always, bit, dims, int, integers, maybe, one, reals } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

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

export const elementwiseCases: readonly OperatorCases[] = [
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
];
