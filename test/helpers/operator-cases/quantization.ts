/** @file Random cases of QuantizeLinear and DequantizeLinear. */
import { flag, int, integers, maybe, one, reals } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

export const quantizationCases: readonly OperatorCases[] = [
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
