/** @file Random cases of operators that move, merge and split axes. */
import * as arbitrary from "fast-check";
import { sizeOf } from "../../../src/tensor/tensor.ts";
import { dims, flag, int, integers, maybe, one, reals, vector } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

export const reshapingCases: readonly OperatorCases[] = [
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
];
