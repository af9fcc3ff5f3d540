/** @file Random cases of operators that choose, add or repeat positions. */
import { fromNumbers, int64, sizeOf } from "../../../src/tensor/tensor.ts";
import {
  axis,
  bit,
  dims,
  flag,
  int,
  integers,
  maybe,
  one,
  reals,
  repeat,
  smaller,
  someAxes,
  vector,
} from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

export const indexingCases: readonly OperatorCases[] = [
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
];
