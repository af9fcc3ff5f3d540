/** @file Random cases of reductions and softmaxes. */
import { axis, bit, dims, flag, int, integers, maybe, reals, someAxes, vector } from "./draws.ts";
import type { OperatorCases } from "./operator-case.ts";

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

export const reductionCases: readonly OperatorCases[] = [
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
];
