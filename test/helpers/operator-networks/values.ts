/** @file Operators on values, each by itself or along an axis: elementwise, norms, orders, pools. */
import { elementwise } from "../../../src/ops/elementwise/index.ts";
import { fromNumbers, int64 } from "../../../src/tensor/tensor.ts";
import type { GraphBuilder } from "../build.ts";
import { ints } from "../networks.ts";
import {
  asFloat,
  halved,
  type OperatorNetwork,
  operator,
  own,
  positive,
  scalar,
  scalar1,
  wholes,
} from "./base.ts";

/** What an elementwise operator is given so that its results are finite. */
const prepared: Readonly<Record<string, (g: GraphBuilder, x: string) => string>> = {
  Acosh: (g, x) => g.node("Add", [halved(g, x), scalar(g, 1.1)]),
  Not: positive,
  BitwiseNot: wholes,
};

export const unary: readonly OperatorNetwork[] = Object.keys(elementwise)
  .filter((opType) => opType !== "Cast" && opType !== "CastLike")
  .map((opType) =>
    operator(opType, (g, x) => asFloat(g, g.node(opType, [(prepared[opType] ?? halved)(g, x)])), {
      opset: opType === "Swish" ? 24 : 20,
    }),
  );

export const binary: readonly OperatorNetwork[] = [
  ...["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean", "PRelu"].map((opType) =>
    operator(opType, (g, x) => g.node(opType, [halved(g, x), g.weight([6, 1, 1], [1, 2, 3, 4, 5, 6])])),
  ),
  ...["Greater", "Less", "GreaterOrEqual", "LessOrEqual"].map((opType) =>
    operator(opType, (g, x) => asFloat(g, g.node(opType, [x, g.weight([6, 1, 1])]))),
  ),
  ...["And", "Or", "Xor"].map((opType) =>
    operator(opType, (g, x) => asFloat(g, g.node(opType, [positive(g, x), g.node("Not", [positive(g, x)])]))),
  ),
  ...["BitwiseAnd", "BitwiseOr", "BitwiseXor", "Equal"].map((opType) =>
    operator(opType, (g, x) => {
      const codes = g.initializer("codes", int64([6, 1, 1], [1, 2, 3, 4, 5, 6]));
      return asFloat(g, g.node(opType, [wholes(g, x), codes]));
    }),
  ),
  operator("Mod", (g, x) => g.node("Mod", [x, g.weight([6, 1, 1], [1, 2, 3, 4, 5, 6])], { fmod: 1 })),
  operator("BitShift", (g, x) => {
    const codes = g.node("Cast", [g.node("Mul", [halved(g, x), scalar(g, 9)])], { to: 2 });
    const shift = g.initializer("shift", fromNumbers("uint8", [6, 1, 1], [0, 1, 2, 3, 1, 2]));
    return asFloat(g, g.node("BitShift", [codes, shift], { direction: "LEFT" }));
  }),
  operator("Where", (g, x) => g.node("Where", [positive(g, x), x, g.weight([6, 1, 1])])),
  operator("CastLike", (g, x) => g.node("CastLike", [wholes(g, x), x])),
];

export const normalised: readonly OperatorNetwork[] = [
  operator("MeanVarianceNormalization", (g, x) =>
    g.node("MeanVarianceNormalization", [x], { axes: [0, 2, 3] }),
  ),
  operator("MeanVarianceNormalization", (g, x) =>
    g.node("MeanVarianceNormalization", [x], { axes: [1, 2, 3] }),
  ),
  operator("LRN", (g, x) => g.node("LRN", [x], { size: 3 }), {
    locked: "LRN mixes over neighbouring channels",
  }),
  operator("InstanceNormalization", (g, x) => {
    const last = g.node("Reshape", [x, ints(g, "last", [0, 1, -1])]);
    const normal = g.node("InstanceNormalization", [last, scalar1(g, 1.5), scalar1(g, 0.5)]);
    return g.node("Reshape", [normal, g.node("Shape", [x])]);
  }),
  operator(
    "BatchNormalization",
    (g, x) => {
      const parameters = [g.weight([6]), g.weight([6]), g.weight([6]), g.weight([6], [1, 2, 3, 1, 2, 3])];
      return g.nodes("BatchNormalization", [x, ...parameters], 3, { training_mode: 1 })[0]!;
    },
    { locked: "takes its moments from the batch" },
  ),
  operator("LpNormalization", (g, x) => g.node("LpNormalization", [x], { axis: 1, p: 2 })),
  operator(
    "GroupNormalization",
    (g, x) => g.node("GroupNormalization", [x, g.weight([6]), g.weight([6])], { num_groups: 2 }),
    { opset: 21 },
  ),
];

export const ordered: readonly OperatorNetwork[] = [
  operator("CumSum", (g, x) => g.node("CumSum", [x, ints(g, "axis", [2])])),
  operator("CumSum", (g, x) => g.node("CumSum", [x, ints(g, "axis", [1])]), {
    locked: "CumSum goes by the order along it",
  }),
  ...[2, -1].map((step) =>
    operator(
      "Slice",
      (g, x) => {
        const [start, end] = step > 0 ? [0, 6] : [-1, -9];
        const list = (name: string, value: number) => ints(g, name, [value]);
        const bounds = [list("start", start!), list("end", end!), list("axis", 1), list("step", step)];
        return g.node("Slice", [x, ...bounds]);
      },
      {},
      step > 0 ? 3 : 6,
    ),
  ),
  operator("Trilu", (g, x) => g.node("Trilu", [x])),
  operator("Trilu", (g, x) => g.node("Trilu", [x], {}, own), own),
  operator("CenterCropPad", (g, x) =>
    g.node("CenterCropPad", [x, ints(g, "sizes", [4, 8])], { axes: [2, 3] }),
  ),
  ...[17, 20].map((opset) =>
    operator(
      "DFT",
      (g, x) => {
        const lifted = g.node("Unsqueeze", [x, ints(g, "last", [4])]);
        const along = opset < 20 ? [] : ["", g.initializer("along", int64([], [2]))];
        const waves = g.node(
          "DFT",
          [lifted, ...along],
          opset < 20 ? { axis: 2, onesided: 1 } : { onesided: 1 },
        );
        return g.node("ReduceSum", [waves, ints(g, "last_again", [4])], { keepdims: 0 });
      },
      { opset },
    ),
  ),
  operator(
    "DFT",
    (g, x) => {
      const waves = g.node("DFT", [g.node("Unsqueeze", [x, ints(g, "last", [4])])], { axis: 1 });
      return g.node("ReduceSum", [waves, ints(g, "last_again", [4])], { keepdims: 0 });
    },
    { opset: 17, locked: "DFT goes by the order along it" },
  ),
  operator(
    "TensorScatter",
    (g, x) => {
      const places = ["from", "to", "along"].map((name, k) => ints(g, name, [[0, 2, 2][k]!]));
      return g.node("TensorScatter", [x, g.node("Slice", [g.node("Neg", [x]), ...places])], { axis: -2 });
    },
    { opset: 24 },
  ),
  operator("ReverseSequence", (g, x) => {
    const turned = g.node("Transpose", [x], { perm: [2, 0, 1, 3] }); // [6, N, 6, 6]
    const lengths = g.node("Expand", [ints(g, "four", [4]), g.node("Shape", [turned], { start: 1, end: 2 })]);
    const reversed = g.node("ReverseSequence", [turned, lengths], { time_axis: 0, batch_axis: 1 });
    return g.node("Transpose", [reversed], { perm: [1, 2, 0, 3] });
  }),
  operator("TopK", (g, x) => g.nodes("TopK", [x, ints(g, "k", [3])], 2, { axis: 3 })[0]!),
  operator(
    "TopK",
    (g, x) => g.nodes("TopK", [x, ints(g, "k", [3])], 2, { axis: 1 })[0]!,
    { locked: "TopK compares along it" },
    3,
  ),
];

export const pooled: readonly OperatorNetwork[] = [
  operator("LpPool", (g, x) => g.node("LpPool", [x], { kernel_shape: [2, 2], p: 2 })),
  operator("GlobalLpPool", (g, x) => g.node("GlobalLpPool", [x], { p: 2 })),
  operator("ArgMin", (g, x) => asFloat(g, g.node("ArgMin", [x], { axis: 2 }))),
  operator(
    "MaxUnpool",
    (g, x) => {
      const [best, at] = g.nodes("MaxPool", [x], 2, { kernel_shape: [2, 2], strides: [2, 2] });
      return g.node("MaxUnpool", [best!, at!, g.node("Shape", [x])], {
        kernel_shape: [2, 2],
        strides: [2, 2],
      });
    },
    { locked: "count over channels" },
  ),
];
