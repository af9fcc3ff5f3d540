/** @file Operators that pick, put and fold by places. */
import { fromNumbers, int64 } from "../../../src/tensor/tensor.ts";
import type { GraphBuilder } from "../build.ts";
import { conv, ints } from "../networks.ts";
import { asFloat, halved, type OperatorNetwork, operator, own, scalar } from "./base.ts";

const everywhere = (opType: string) => `${opType} works at computed places`;

/** A position from 0 to 4 for every element. */
function placesLike(g: GraphBuilder, x: string): string {
  return g.node("Cast", [g.node("Mul", [halved(g, x), scalar(g, 5)])], { to: 7 });
}

export const sliced: readonly OperatorNetwork[] = [
  operator("Slice", (g, x) => {
    const every = (start: number) =>
      g.node("Slice", [x, ...[start, 6, 1, 2].map((bound, k) => ints(g, `${start}.${k}`, [bound]))]);
    return g.node("Concat", [every(0), every(1)], { axis: 1 });
  }),
  operator("Slice", (g, x) => {
    const bounds = [
      [-1, 5, 0],
      [-9, -9, 6],
      [1, 2, 3],
      [-1, -1, 1],
    ];
    return g.node("Add", [x, g.node("Slice", [x, ...bounds.map((bound, k) => ints(g, `bound${k}`, bound))])]);
  }),
];

export const placed: readonly OperatorNetwork[] = [
  operator("GatherND", (g, x) => {
    const places = g.initializer("places", int64([2, 1], [0, 2]));
    return g.node("GatherND", [x, places], { batch_dims: 0 });
  }),
  operator(
    "GatherND",
    (g, x) => {
      const places = g.initializer("places", int64([3, 2], [0, 2, 1, 3, 2, 5]));
      const picked = g.node("GatherND", [x, places]);
      return g.node("Add", [x, g.node("ReduceMean", [picked], { keepdims: 0 })]);
    },
    { locked: everywhere("GatherND") },
  ),
  operator("ScatterND", (g, x) => {
    const places = g.initializer("places", int64([2, 1], [0, 2]));
    const updates = g.node("Mul", [g.node("GatherND", [x, places]), scalar(g, 2)]);
    return g.node("ScatterND", [x, places, updates]);
  }),
  operator(
    "ScatterND",
    (g, x) => {
      const places = g.initializer("places", int64([1, 4], [0, 1, 2, 3]));
      return g.node("ScatterND", [x, places, g.weight([1], [2])]);
    },
    { locked: everywhere("ScatterND") },
  ),
  operator("ScatterND", (g, x) => {
    const places = g.initializer("places", int64([2, 1], [2, 0]));
    const written = g.node("Slice", [g.node("Sigmoid", [x]), ints(g, "from", [0]), ints(g, "to", [2])]);
    return g.node("ScatterND", [x, places, written]);
  }),
  operator("GatherElements", (g, x) => g.node("GatherElements", [x, placesLike(g, x)], { axis: 2 })),
  operator("GatherElements", (g, x) => g.node("GatherElements", [x, placesLike(g, x)], { axis: 1 }), {
    locked: "picked one by one",
  }),
  operator("ScatterElements", (g, x) =>
    g.node("ScatterElements", [x, placesLike(g, x), x], { axis: 2, reduction: "add" }),
  ),
  operator(
    "Scatter",
    (g, x) => {
      const places = g.initializer("places", int64([1, 2, 1, 1], [0, 3]));
      return g.node("Scatter", [x, places, g.weight([1, 2, 1, 1])], { axis: 1 });
    },
    { opset: 10, locked: "picked one by one" },
  ),
  operator(
    "OneHot",
    (g, x) => {
      const best = g.node("ArgMax", [x], { axis: 1, keepdims: 0 });
      return g.node("OneHot", [best, ints(g, "depth", [6]), g.weight([2], [0, 1])], { axis: 1 });
    },
    { locked: "ArgMax compares along it" },
  ),
  operator(
    "NonZero",
    (g, x) => {
      const count = g.node("Shape", [g.node("NonZero", [x])], { start: 1 });
      return g.node("Add", [x, g.node("Mul", [asFloat(g, count), scalar(g, 0.001)])]);
    },
    { locked: everywhere("NonZero") },
  ),
  operator(
    "Compress",
    (g, x) => {
      const flags = g.initializer("flags", fromNumbers("bool", [6], [1, 0, 1, 1, 0, 1]));
      return g.node("Compress", [x, flags], { axis: 2 });
    },
    { locked: everywhere("Compress") },
  ),
  operator(
    "Unique",
    (g, x) => {
      const sorted = g.node("Unique", [x]);
      return g.node("Add", [x, g.node("ReduceMax", [sorted], { keepdims: 0 })]);
    },
    { locked: everywhere("Unique") },
  ),
  operator("NonMaxSuppression", (g, x) => {
    const boxes = g.node("Slice", [
      g.node("ReduceMean", [x, ints(g, "one", [1])], { keepdims: 0 }),
      ints(g, "from", [0]),
      ints(g, "to", [4]),
      ints(g, "axis", [2]),
    ]);
    const scores = g.node("Transpose", [boxes], { perm: [0, 2, 1] });
    const kept = g.node("NonMaxSuppression", [boxes, scores, ints(g, "most", [2])]);
    return g.node("Add", [x, asFloat(g, g.node("ReduceMax", [kept], { keepdims: 0 }))]);
  }),
];

export const folded: readonly OperatorNetwork[] = [
  ...["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"].flatMap((kind) =>
    [
      [17, 0],
      [20, 1],
    ].map(([opset, keepdims]) =>
      operator(
        `Reduce${kind}`,
        (g, x) => {
          const asInput = opset! >= (kind === "Sum" ? 13 : 18);
          const input = [halved(g, x), ...(asInput ? [ints(g, "axes", [1])] : [])];
          const attributes = { ...(!asInput && { axes: [1] }), keepdims: keepdims! };
          const out = g.node(`Reduce${kind}`, input, attributes);
          return keepdims === 1 ? out : g.node("Unsqueeze", [out, ints(g, "back", [1])]);
        },
        { opset: opset! },
        1,
      ),
    ),
  ),
  ...["Softmax", "LogSoftmax"].map((opType) => operator(opType, (g, x) => g.node(opType, [x], { axis: 1 }))),
  operator("Hardmax", (g, x) => g.node("Hardmax", [x], { axis: 1 }), { locked: "Hardmax mixes over it" }),
  operator("Softmax", (g, x) => g.node("Softmax", [x], { axis: 1 }), {
    opset: 11,
    locked: "Softmax mixes over it",
  }),
];

export const regions: readonly OperatorNetwork[] = [
  operator("RoiAlign", (g, x) => {
    const boxes = g.weight([2, 4], [0, 0, 4, 4, 1, 1, 5, 3]);
    return g.node("RoiAlign", [x, boxes, ints(g, "rows", [0, 1])], {
      output_height: 3,
      output_width: 3,
      sampling_ratio: 2,
    });
  }),
  operator("MaxRoiPool", (g, x) =>
    g.node("MaxRoiPool", [x, g.weight([2, 5], [0, 0, 0, 4, 4, 1, 1, 1, 5, 3])], { pooled_shape: [2, 2] }),
  ),
  operator("GridSample", (g, x) => {
    const rows = g.node("Concat", [g.node("Shape", [x], { start: 0, end: 1 }), ints(g, "rest", [4, 4, 2])], {
      axis: 0,
    });
    return g.node("GridSample", [x, g.node("Expand", [g.weight([1, 4, 4, 2]), rows])]);
  }),
  operator(
    "GridSample",
    (g, x) => {
      const rows = g.node(
        "Concat",
        [g.node("Shape", [x], { start: 0, end: 1 }), ints(g, "rest", [4, 4, 2])],
        {
          axis: 0,
        },
      );
      return g.node("GridSample", [x, g.node("Expand", [g.weight([1, 4, 4, 2]), rows])], {}, own);
    },
    own,
  ),
  operator("Resize", (g, x) =>
    g.node("Resize", [x, "", g.weight([4], [1, 1, 1.5, 1.5])], { mode: "cubic", cubic_coeff_a: -0.5 }),
  ),
  operator("Col2Im", (g, x) => {
    const patches = g.node("Reshape", [conv(g, x, "wide", 6, 24), ints(g, "patches", [0, 24, -1])]);
    return g.node("Col2Im", [patches, ints(g, "image", [12, 12]), ints(g, "patch", [2, 2])], {
      strides: [2, 2],
    });
  }),
  operator("AffineGrid", (g, x) => {
    const size = g.node("Concat", [g.node("Shape", [x], { start: 0, end: 1 }), ints(g, "rest", [6, 4, 4])], {
      axis: 0,
    });
    const rows = g.node(
      "Concat",
      [g.node("Shape", [x], { start: 0, end: 1 }), ints(g, "theta_rest", [2, 3])],
      { axis: 0 },
    );
    const theta = g.node("Expand", [g.weight([1, 2, 3]), rows]);
    return g.node("GridSample", [x, g.node("AffineGrid", [theta, size])]);
  }),
];
