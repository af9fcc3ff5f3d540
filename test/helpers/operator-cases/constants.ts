/** @file Random cases of constants and sizes. */
import { fromNumbers, int64 } from "../../../src/tensor/tensor.ts";
import { dims, int, integers, maybe, one, reals, vector } from "./draws.ts";
import type { AttributeValue, OperatorCases } from "./operator-case.ts";

export const constantsCases: readonly OperatorCases[] = [
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
];
