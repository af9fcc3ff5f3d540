/** @file Random cases of pooling. */
import { int64, sizeOf } from "../../../src/tensor/tensor.ts";
import { bit, dims, int, maybe, reals, repeat, vector } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";
import { windowAttributes } from "./windows.ts";

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

export const poolingCases: readonly OperatorCases[] = [
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
];
