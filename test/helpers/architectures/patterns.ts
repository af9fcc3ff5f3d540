/**
 * @file Patterns that other pruners of ONNX files handle one by one or decline, by the name of what stands in their way.
 */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import { between } from "./between.ts";
import {
  activate,
  add,
  concat,
  conv,
  convNorm,
  dense,
  ints,
  linear,
  reshape,
  scalar,
  squeezeExcite,
} from "./layers.ts";

const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");

const gate = (g: GraphBuilder, x: string, by: string) => g.node("Mul", [x, activate(g, by, "sigmoid")]);

/** One perceptron for what the mean and what the maximum over space say of each channel. */
function channelGate(g: GraphBuilder, x: string): string {
  const weights = [
    g.weight([3, 8], undefined, { name: "mlp.1.weight" }),
    g.weight([3]),
    g.weight([8, 3], undefined, { name: "mlp.3.weight" }),
    g.weight([8]),
  ] as const;
  const judge = (pooled: string) => {
    const inner = g.node("Gemm", [g.node("Flatten", [pooled]), weights[0], weights[1]], { transB: 1 });
    return g.node("Gemm", [relu(g, inner), weights[2], weights[3]], { transB: 1 });
  };
  const sum = add(g, judge(g.node("GlobalAveragePool", [x])), judge(g.node("GlobalMaxPool", [x])));
  const scale = g.node("Unsqueeze", [
    g.node("Unsqueeze", [activate(g, sum, "sigmoid"), ints(g, [2])]),
    ints(g, [3]),
  ]);
  return g.node("Mul", [x, g.node("Expand", [scale, g.node("Shape", [x])])]);
}

/** What maximum and mean over the channels say of each place. */
function spatialGate(g: GraphBuilder, x: string): string {
  const flat = ["ReduceMax", "ReduceMean"].map((opType) =>
    g.node("Unsqueeze", [g.node(opType, [x], { axes: [1], keepdims: 0 }), ints(g, [1])]),
  );
  return gate(g, x, conv(g, concat(g, flat), "spatial", 2, 1, { kernel: 7 }));
}

/** Groups of channels laid into the batch, each judged by how like its own mean a place is. */
function spatialGroups(g: GraphBuilder, x: string): string {
  const groups = 2;
  const apart = reshape(g, x, [-1, 8 / groups, 6, 6]);
  const like = g.node("ReduceSum", [
    g.node("Mul", [apart, g.node("GlobalAveragePool", [apart])]),
    ints(g, [1]),
  ]);
  const flat = reshape(g, like, [-1, 36]);
  const centered = g.node("Sub", [flat, g.node("ReduceMean", [flat], { axes: [1] })]);
  const variance = g.node("ReduceMean", [g.node("Mul", [centered, centered])], { axes: [1] });
  const normal = g.node("Div", [centered, add(g, g.node("Sqrt", [variance]), scalar(g, 1e-5))]);
  const parts = reshape(g, normal, [-1, groups, 6, 6]);
  const scaled = add(g, g.node("Mul", [parts, g.weight([1, groups, 1, 1])]), g.weight([1, groups, 1, 1]));
  const gated = gate(g, apart, reshape(g, scaled, [-1, 1, 6, 6]));
  return reshape(g, gated, [-1, 8, 6, 6]);
}

/** Two kernels, a softmax between them for every channel. */
function selectiveKernels(g: GraphBuilder, x: string): string {
  const paths = [3, 5].map((kernel) => convNorm(g, x, `path${kernel}`, 8, 6, { kernel }));
  const stacked = concat(
    g,
    paths.map((path) => g.node("Unsqueeze", [path, ints(g, [1])])),
  ); // [N, 2, 6, h, w]
  const pooled = g.node("GlobalAveragePool", [g.node("ReduceSum", [stacked, ints(g, [1])], { keepdims: 0 })]);
  const inner = relu(g, conv(g, pooled, "reduce", 6, 4, { kernel: 1 }));
  const judged = reshape(g, conv(g, inner, "select", 4, 12, { kernel: 1 }), [-1, 2, 6, 1, 1]);
  const weighed = g.node("Mul", [stacked, g.node("Softmax", [judged], { axis: 1 })]);
  return g.node("ReduceSum", [weighed, ints(g, [1])], { keepdims: 0 });
}

/** A gate of full size from the map itself. */
function pixelGate(g: GraphBuilder, x: string): string {
  const inner = relu(g, conv(g, x, "pixel.1", 8, 4, { kernel: 1 }));
  return gate(g, x, conv(g, inner, "pixel.2", 4, 8, { kernel: 1 }));
}

/** Where a channel is far from its mean over space it counts for more; no weights at all. */
function withoutWeights(g: GraphBuilder, x: string): string {
  const centered = g.node("Sub", [x, g.node("ReduceMean", [x], { axes: [2, 3] })]);
  const square = g.node("Pow", [centered, scalar(g, 2)]);
  const total = g.node("ReduceSum", [square, ints(g, [2, 3])]);
  const scale = g.node("Mul", [g.node("Div", [total, scalar(g, 35)]), scalar(g, 4)]);
  const energy = add(g, g.node("Div", [square, add(g, scale, scalar(g, 1e-4))]), scalar(g, 0.5));
  return gate(g, x, energy);
}

/** Context of all places by a softmax over them, added to every place. */
function globalContext(g: GraphBuilder, x: string): string {
  const flat = reshape(g, x, [0, 1, 8, 36]);
  const scores = reshape(g, conv(g, x, "context.mask", 8, 1, { kernel: 1 }), [0, 1, 36]);
  const weights = g.node("Unsqueeze", [g.node("Softmax", [scores], { axis: 2 }), ints(g, [3])]);
  const context = reshape(g, g.node("MatMul", [flat, weights]), [0, 8, 1, 1]);
  const inner = relu(g, conv(g, context, "context.1", 8, 3, { kernel: 1 }));
  return add(g, x, conv(g, inner, "context.2", 3, 8, { kernel: 1 }));
}

/** Height and width pooled apart, joined, mixed, and split into two gates. */
function coordinateGate(g: GraphBuilder, x: string): string {
  const rows = g.node("ReduceMean", [x], { axes: [3], keepdims: 1 }); // [N, 8, 6, 1]
  const columns = g.node("Transpose", [g.node("ReduceMean", [x], { axes: [2], keepdims: 1 })], {
    perm: [0, 1, 3, 2],
  });
  const mixed = convNorm(g, concat(g, [rows, columns], 2), "coordinate", 8, 5, {
    kernel: 1,
    act: "hardswish",
  });
  const [high, wide] = g.nodes("Split", [mixed, ints(g, [6, 6])], 2, { axis: 2 });
  const turned = g.node("Transpose", [wide!], { perm: [0, 1, 3, 2] });
  const byRow = gate(g, x, conv(g, high!, "coordinate.h", 5, 8, { kernel: 1 }));
  return gate(g, byRow, conv(g, turned, "coordinate.w", 5, 8, { kernel: 1 }));
}

/** A residual stream that many blocks read and write, some of them grouped. */
function fanningResidual(counts: readonly number[]) {
  return (g: GraphBuilder, x: string): string =>
    counts.reduce((stream, group, k) => {
      const inner = relu(g, conv(g, stream, `block${k}.1`, 8, 8, { group }));
      return relu(g, add(g, stream, conv(g, inner, `block${k}.2`, 8, 8, { group })));
    }, x);
}

/** Dense layers with residuals, one of them gated. */
function residualPerceptron(g: GraphBuilder): void {
  let x = linear(g, g.input("input", ["N", "T", 6]), "embed", 6, 8);
  for (const k of [0, 1]) {
    const up = linear(g, x, `layers.${k}.up`, 8, 10);
    const hidden =
      k === 0
        ? relu(g, up)
        : g.node("Mul", [activate(g, linear(g, x, `layers.${k}.gate`, 8, 10), "silu"), up]);
    x = add(g, x, linear(g, hidden, `layers.${k}.down`, 10, 8));
  }
  g.output(dense(g, g.node("ReduceMean", [x], { axes: [1], keepdims: 0 }), "head", 8, 3), ["N", 3]);
}

export const patterns: readonly Architecture[] = [
  between("depthwise convolutions in a row", (g, x) =>
    [0, 1, 2].reduce((y, k) => relu(g, conv(g, y, `dw${k}`, 8, 8, { group: 8 })), x),
  ),
  between("a grouped convolution behind another with other groups", (g, x) =>
    relu(g, conv(g, relu(g, conv(g, x, "four", 8, 8, { group: 4 })), "two", 8, 8, { group: 2 })),
  ),
  between("a residual stream that fans out", fanningResidual([1, 1, 1])),
  between("grouped convolutions inside a residual", fanningResidual([2, 2])),
  between("grouped convolutions of different counts inside a residual", fanningResidual([2, 4, 1])),
  architecture("a residual of dense layers, one of them gated", residualPerceptron),
  between("a branch joined with what it comes from", (g, x) => concat(g, [x, conv(g, x, "joined", 8, 4)]), {
    channels: 12,
  }),
  between("squeeze and excitation", (g, x) => squeezeExcite(g, x, "se", 8, 3)),
  between("a gate from mean and maximum of each channel", channelGate),
  between("a gate from mean and maximum over the channels", spatialGate),
  between("a gate by groups of channels over space", spatialGroups),
  between("a gate from height and width apart", coordinateGate),
  between("a gate of full size", pixelGate),
  between("a gate without weights", withoutWeights),
  between("kernels selected by a softmax", selectiveKernels, { channels: 6 }),
  between("context of all places", globalContext),
  between("an activation gated by itself", (g, x) => activate(g, activate(g, x, "silu"), "mish")),
];
