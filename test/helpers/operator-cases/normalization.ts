/** @file Random cases of normalisations. */
import { axis, dims, int, maybe, one, reals, repeat } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

export const normalizationCases: readonly OperatorCases[] = [
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
];
