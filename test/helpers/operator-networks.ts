/**
 * @file One small network for each operator that larger ones of the tests do not hold: a convolution "front" of six
 * channels in front of the operator, one behind it, and whether the channels in front may go.
 */
import type { Model } from "../../src/graph/model.ts";
import { elementwise } from "../../src/ops/elementwise/index.ts";
import { fromNumbers, int64 } from "../../src/tensor/tensor.ts";
import { float, type GraphBuilder, graphBuilder } from "./build.ts";
import { conv, head, ints } from "./networks.ts";

export interface OperatorNetwork {
  readonly opType: string;
  /** Part of the reason why the channels in front stay; absent where they may go. */
  readonly locked?: string;
  readonly build: () => Model;
}

interface Options {
  readonly opset?: number;
  readonly domain?: string;
  readonly locked?: string;
}

const own = { domain: "com.microsoft" } as const;

/** @param draw From the map [N, 6, 6, 6] to another one. Its channels are counted by whoever reads them. */
function operator(
  opType: string,
  draw: (g: GraphBuilder, x: string) => string,
  { opset = 20, domain = "", locked }: Options = {},
  channels = 6,
): OperatorNetwork {
  const build = () => {
    const g = graphBuilder();
    const front = conv(g, g.input("x", ["N", 3, 6, 6]), "front", 3, 6);
    head(g, conv(g, draw(g, front), "back", channels, 4), 4);
    return g.build({ opset, ...(domain !== "" && { opsets: { [domain]: 1 } }) });
  };
  return {
    opType: `${domain}${domain === "" ? "" : "."}${opType}`,
    build,
    ...(locked !== undefined && { locked }),
  };
}

const scalar = (g: GraphBuilder, value: number) => g.weight([], [value]);
const scalar1 = (g: GraphBuilder, value: number) => g.weight([1], [value]);
const halved = (g: GraphBuilder, x: string) => g.node("Sigmoid", [x]);
const asFloat = (g: GraphBuilder, x: string) => g.node("Cast", [x], { to: 1 });
const positive = (g: GraphBuilder, x: string) => g.node("Greater", [x, scalar(g, 0)]);
const wholes = (g: GraphBuilder, x: string) =>
  g.node("Cast", [g.node("Mul", [halved(g, x), scalar(g, 9)])], { to: 7 });

/** What an elementwise operator is given so that its results are finite. */
const prepared: Readonly<Record<string, (g: GraphBuilder, x: string) => string>> = {
  Acosh: (g, x) => g.node("Add", [halved(g, x), scalar(g, 1.1)]),
  Not: positive,
  BitwiseNot: wholes,
};

const unary: readonly OperatorNetwork[] = Object.keys(elementwise)
  .filter((opType) => opType !== "Cast" && opType !== "CastLike")
  .map((opType) =>
    operator(opType, (g, x) => asFloat(g, g.node(opType, [(prepared[opType] ?? halved)(g, x)])), {
      opset: opType === "Swish" ? 24 : 20,
    }),
  );

const binary: readonly OperatorNetwork[] = [
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

const normalised: readonly OperatorNetwork[] = [
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

const ordered: readonly OperatorNetwork[] = [
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

const everywhere = (opType: string) => `${opType} works at computed places`;

/** A position from 0 to 4 for every element. */
function placesLike(g: GraphBuilder, x: string): string {
  return g.node("Cast", [g.node("Mul", [halved(g, x), scalar(g, 5)])], { to: 7 });
}

const sliced: readonly OperatorNetwork[] = [
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

const placed: readonly OperatorNetwork[] = [
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

const folded: readonly OperatorNetwork[] = [
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

const regions: readonly OperatorNetwork[] = [
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

const contrib: readonly OperatorNetwork[] = [
  ...["Gelu", "QuickGelu"].map((opType) => operator(opType, (g, x) => g.node(opType, [x], {}, own), own)),
  ...["BiasGelu", "FastGelu"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const last = g.node("Transpose", [x], { perm: [0, 2, 3, 1] });
        return g.node("Transpose", [g.node(opType, [last, g.weight([6])], {}, own)], { perm: [0, 3, 1, 2] });
      },
      own,
    ),
  ),
  operator(
    "FusedConv",
    (g, x) => {
      const weights = [g.weight([6, 6, 3, 3], undefined, { name: "fused.weight" }), g.weight([6])];
      return g.node("FusedConv", [x, ...weights, x], { activation: "Relu", pads: [1, 1, 1, 1] }, own);
    },
    own,
  ),
  operator(
    "FusedGemm",
    (g, x) => {
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
      const weights = [g.weight([5, 6], undefined, { name: "fused.weight" }), g.weight([5])];
      const fused = g.node("FusedGemm", [flat, ...weights], { activation: "Relu", transB: 1 }, own);
      return g.node("Unsqueeze", [fused, ints(g, "space", [2, 3])]);
    },
    own,
    5,
  ),
  operator(
    "TransposeMatMul",
    (g, x) => {
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
      const weight = g.weight([5, 6], undefined, { name: "fused.weight" });
      const product = g.node("TransposeMatMul", [flat, weight], { transB: 1 }, own);
      return g.node("Unsqueeze", [product, ints(g, "space", [2, 3])]);
    },
    own,
    5,
  ),
  operator(
    "FusedMatMul",
    (g, x) => {
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
      const fused = g.node(
        "FusedMatMul",
        [flat, g.weight([5, 6], undefined, { name: "fused.weight" })],
        { transB: 1, alpha: float(0.5) },
        own,
      );
      return g.node("Unsqueeze", [fused, ints(g, "space", [2, 3])]);
    },
    own,
    5,
  ),
  operator(
    "QuantizeLinear",
    (g, x) => {
      const parameters = [scalar(g, 2 ** -4), g.initializer("zero", fromNumbers("uint8", [], [120]))];
      const codes = g.node("QuantizeLinear", [halved(g, x), ...parameters], {}, own);
      return g.node("DequantizeLinear", [codes, ...parameters], {}, own);
    },
    own,
  ),
];

/** A value in eight bits with its scale and zero point, as operators of integers take it. */
function bits(g: GraphBuilder, x: string): readonly [string, string, string] {
  const [scale, zero] = [scalar(g, 2 ** -4), g.initializer("zero", fromNumbers("uint8", [], [120]))];
  return [g.node("QuantizeLinear", [x, scale, zero]), scale, zero];
}

const quantized: readonly OperatorNetwork[] = [
  ...["QLinearSigmoid", "QLinearLeakyRelu"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const [codes, scale, zero] = bits(g, x);
        const out = g.node(opType, [codes, scale, zero, scale, zero], {}, own);
        return g.node("DequantizeLinear", [out, scale, zero]);
      },
      own,
    ),
  ),
  ...["QLinearAdd", "QLinearMul"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const [codes, scale, zero] = bits(g, x);
        const out = g.node(opType, [codes, scale, zero, codes, scale, zero, scale, zero], {}, own);
        return g.node("DequantizeLinear", [out, scale, zero]);
      },
      own,
    ),
  ),
  operator(
    "QLinearGlobalAveragePool",
    (g, x) => {
      const [codes, scale, zero] = bits(g, x);
      const out = g.node("QLinearGlobalAveragePool", [codes, scale, zero, scale, zero], {}, own);
      return g.node("DequantizeLinear", [out, scale, zero]);
    },
    own,
  ),
  operator(
    "QLinearSoftmax",
    (g, x) => {
      const [codes, scale, zero] = bits(g, x);
      const attributes = { axis: 1, opset: 13 };
      const out = g.node("QLinearSoftmax", [codes, scale, zero, scale, zero], attributes, own);
      return g.node("DequantizeLinear", [out, scale, zero]);
    },
    { ...own, locked: "QLinearSoftmax mixes over it" },
  ),
  operator(
    "QLinearSoftmax",
    (g, x) => {
      const [codes, scale, zero] = bits(g, x);
      const out = g.node("QLinearSoftmax", [codes, scale, zero, scale, zero], { axis: 3, opset: 13 }, own);
      return g.node("DequantizeLinear", [out, scale, zero]);
    },
    own,
  ),
  operator(
    "QLinearAveragePool",
    (g, x) => {
      const [codes, scale, zero] = bits(g, x);
      const out = g.node(
        "QLinearAveragePool",
        [codes, scale, zero, scale, zero],
        { kernel_shape: [2, 2] },
        own,
      );
      return g.node("DequantizeLinear", [out, scale, zero]);
    },
    own,
  ),
  operator(
    "DynamicQuantizeLinear",
    (g, x) => {
      const [codes, scale, zero] = g.nodes("DynamicQuantizeLinear", [x], 3) as [string, string, string];
      const weight = g.initializer(
        "inner.weight",
        fromNumbers(
          "uint8",
          [4, 6, 1, 1],
          Array.from({ length: 24 }, (_, k) => (k * 29) % 120),
        ),
      );
      const sum = g.node("ConvInteger", [codes, weight, zero]);
      return g.node("Mul", [asFloat(g, sum), g.node("Mul", [scale, scalar(g, 0.01)])]);
    },
    {},
    4,
  ),
  ...["QLinearMatMul", "MatMulInteger", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const flat = g.node("Flatten", [g.node("GlobalAveragePool", [x])]);
        const weight = g.initializer(
          "inner.weight",
          fromNumbers(
            "uint8",
            [6, 5],
            Array.from({ length: 30 }, (_, k) => (k * 29) % 120),
          ),
        );
        const [codes, scale, zero] = bits(g, flat);
        const product = {
          QLinearMatMul: () =>
            g.node("DequantizeLinear", [
              g.node("QLinearMatMul", [codes, scale, zero, weight, scale, zero, scale, zero]),
              scale,
              zero,
            ]),
          MatMulInteger: () => asFloat(g, g.node("MatMulInteger", [codes, weight, zero, zero])),
          DynamicQuantizeMatMul: () => g.node("DynamicQuantizeMatMul", [flat, weight, scale, zero], {}, own),
          MatMulIntegerToFloat: () =>
            g.node("MatMulIntegerToFloat", [codes, weight, scale, scale, zero, zero], {}, own),
        }[opType]!();
        return g.node("Unsqueeze", [product, ints(g, "space", [2, 3])]);
      },
      {
        ...(opType.includes("QLinear") || opType === "MatMulInteger" ? {} : own),
      },
      5,
    ),
  ),
];

/** Codes of 32 columns in two blocks of four bits for each of five rows, and their scales. */
function packed(g: GraphBuilder): [string, string] {
  const codes = Array.from({ length: 80 }, (_, k) => (k * 29) % 256);
  return [
    g.initializer("packed", fromNumbers("uint8", [5, 2, 8], codes)),
    g.weight(
      [10],
      Array.from({ length: 10 }, (_, k) => 0.05 + k / 100),
    ),
  ];
}

const packedAway: readonly OperatorNetwork[] = [
  operator(
    "MatMulNBits",
    (g, x) => {
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [conv(g, x, "wide", 6, 32)])]);
      const inputs = [flat, ...packed(g)];
      const product = g.node("MatMulNBits", inputs, { K: 32, N: 5, bits: 4, block_size: 16 }, own);
      return g.node("Unsqueeze", [product, ints(g, "space", [2, 3])]);
    },
    own,
    5,
  ),
  operator(
    "MatMulNBits",
    (g, x) => {
      const front = g.node("Concat", [x, x, x, x, x, g.node("Slice", [x, ...bounds(g, 0, 2)])], { axis: 1 });
      const flat = g.node("Flatten", [g.node("GlobalAveragePool", [front])]);
      const order = Array.from({ length: 32 }, (_, k) => k % 2);
      const inputs = [flat, ...packed(g), "", g.initializer("order", fromNumbers("int32", [32], order))];
      const product = g.node("MatMulNBits", inputs, { K: 32, N: 5, bits: 4, block_size: 16 }, own);
      return g.node("Unsqueeze", [product, ints(g, "space", [2, 3])]);
    },
    { ...own, locked: "its weights have an order of their own (g_idx)" },
    5,
  ),
];

const bounds = (g: GraphBuilder, from: number, to: number) => [
  ints(g, "from", [from]),
  ints(g, "to", [to]),
  ints(g, "axis", [1]),
];

const drawn: readonly OperatorNetwork[] = [
  operator(
    "DeformConv",
    (g, x) => {
      const offsets = conv(
        g,
        g.node("Slice", ["x", ints(g, "from", [0]), ints(g, "to", [3]), ints(g, "axis", [1])]),
        "offsets",
        3,
        18,
      );
      const weights = [
        g.weight([5, 6, 3, 3], undefined, { name: "deformable.weight" }),
        offsets,
        g.weight([5]),
      ];
      return g.node("DeformConv", [x, ...weights], { pads: [1, 1, 1, 1] });
    },
    { opset: 19 },
    5,
  ),
];

/** A wave, its spectrum in the graph, and logarithms of its bands as a map in front of the layers. */
const spectra: readonly OperatorNetwork[] = ["HannWindow", "HammingWindow", "BlackmanWindow"].map(
  (windowed) => ({
    opType: `${windowed}, STFT and MelWeightMatrix`,
    build: () => {
      const g = graphBuilder();
      const number = (value: number) => g.initializer(`number_${value}`, int64([], [value]));
      const wave = g.node("Unsqueeze", [g.input("x", ["N", 64]), ints(g, "last", [2])]);
      const waves = g.node("STFT", [wave, number(8), g.node(windowed, [number(16)]), number(16)]); // [N, 7, 9, 2]
      const power = g.node("ReduceSumSquare", [waves, ints(g, "parts", [3])], { keepdims: 0 });
      const limits = [20, 4000].map((value) => scalar(g, value));
      const bands = g.node("MelWeightMatrix", [number(6), number(16), number(8000), ...limits]); // [9, 6]
      const energy = g.node("Add", [g.node("MatMul", [power, bands]), scalar1(g, 1)]);
      const map = g.node("Unsqueeze", [g.node("Log", [energy]), ints(g, "first", [1])]); // [N, 1, 7, 6]
      head(g, conv(g, conv(g, map, "front", 1, 6), "back", 6, 4), 4);
      return g.build({ opset: 20 });
    },
  }),
);

const constants: readonly OperatorNetwork[] = [
  operator(
    "ConstantOfShape",
    (g, x) => {
      const size = g.node("Shape", [
        g.node("Slice", ["x", ints(g, "from", [0]), ints(g, "to", [1]), ints(g, "axis", [1])]),
      ]);
      return g.node("Concat", [x, g.node("ConstantOfShape", [size])], { axis: 1 });
    },
    {},
    7,
  ),
  operator("Range", (g, x) => {
    const bounds = [0, 6, 2].map((value, k) => g.initializer(`bound${k}`, int64([], [value])));
    return g.node("Gather", [x, g.node("Range", bounds)], { axis: 2 });
  }),
];

const pooled: readonly OperatorNetwork[] = [
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

/** Random numbers times zero: what they do to channels is tested, not what they are. */
const randomly: readonly OperatorNetwork[] = [
  ...["RandomNormal", "RandomUniform"].map((opType) =>
    operator(
      opType,
      (g, x) => {
        const noise = g.node(opType, [], { shape: [1, 6, 1, 1] });
        return g.node("Add", [x, g.node("Mul", [noise, scalar(g, 0)])]);
      },
      { locked: "it meets an axis that is fixed" },
    ),
  ),
  ...["RandomNormalLike", "RandomUniformLike"].map((opType) =>
    operator(opType, (g, x) => g.node("Add", [x, g.node("Mul", [g.node(opType, [x]), scalar(g, 0)])]), {
      locked: `${opType} draws as many numbers as it has`,
    }),
  ),
  operator(
    "Bernoulli",
    (g, x) => {
      const flips = g.node("Bernoulli", [halved(g, x)]);
      return g.node("Add", [x, g.node("Mul", [flips, scalar(g, 0)])]);
    },
    { locked: "Bernoulli draws as many numbers as it has" },
  ),
];

export const operatorNetworks: readonly OperatorNetwork[] = [
  ...unary,
  ...binary,
  ...normalised,
  ...ordered,
  ...sliced,
  ...placed,
  ...folded,
  ...pooled,
  ...constants,
  ...randomly,
  ...regions,
  ...contrib,
  ...quantized,
  ...packedAway,
  ...spectra,
  ...drawn,
];
