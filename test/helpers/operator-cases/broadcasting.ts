/** @file Random cases of operators on several tensors that broadcast. */
import type { DType } from "../../../src/tensor/dtype.ts";
import { fromNumbers } from "../../../src/tensor/tensor.ts";
import { always, bit, dims, flag, int, integers, one, reals, repeat, smaller } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

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

export const broadcastingCases: readonly OperatorCases[] = [
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
];
