/** @file What real exports hold besides plain layers: norms over groups, weights computed in the graph, ends of detectors. */
import { float, type GraphBuilder } from "../build.ts";
import { type Architecture, architecture, headLocked } from "./architecture.ts";
import { between } from "./between.ts";
import {
  activate,
  add,
  classify,
  concat,
  conv,
  convNorm,
  dense,
  image,
  int,
  ints,
  linear,
  maxPool,
  reshape,
  scalar,
  sizeAt,
  sizes,
  split,
  transpose,
} from "./layers.ts";

const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");

/** Split attention as ResNeSt has it: branches of one grouped convolution weighed by a softmax across them. */
function splitAttention(g: GraphBuilder, x: string): string {
  const [radix, width] = [2, 6];
  const wide = convNorm(g, x, "splat", 8, radix * width, { group: 2 });
  const branches = split(g, wide, [width, width]);
  const pooled = g.node("GlobalAveragePool", [g.node("Sum", branches)]);
  const inner = relu(g, conv(g, pooled, "splat.fc1", width, 4, { kernel: 1 }));
  const scores = reshape(g, conv(g, inner, "splat.fc2", 4, radix * width, { kernel: 1 }), [0, 1, radix, -1]);
  const shares = g.node("Softmax", [transpose(g, scores, [0, 2, 1, 3])], { axis: 1 });
  const parts = split(g, reshape(g, shares, [0, -1, 1, 1]), [width, width]);
  return g.node(
    "Sum",
    parts.map((part, k) => g.node("Mul", [part, branches[k]!])),
  );
}

/** GroupNorm as torch exports it before there was an operator: an instance norm over groups laid out as channels. */
function groupNormInPieces(g: GraphBuilder, x: string): string {
  const flat = reshape(g, x, [0, 2, -1]);
  const ones = g.weight([2], [1, 1]);
  const normal = g.node("InstanceNormalization", [flat, ones, g.weight([2], [0, 0])], {
    epsilon: float(1e-5),
  });
  const back = g.node("Reshape", [normal, g.node("Shape", [x])]);
  return add(g, g.node("Mul", [back, g.weight([8, 1, 1])]), g.weight([8, 1, 1]));
}

/** Weights with their norm apart, as weight norm leaves them: direction, divided by its length, times a factor. */
function weightNorm(g: GraphBuilder, x: string): string {
  const direction = g.weight([6, 8, 3, 3], undefined, { name: "inner.weight_v" });
  const factor = g.weight([6, 1, 1, 1], undefined, { name: "inner.weight_g" });
  const length = g.node("ReduceL2", [direction], { axes: [1, 2, 3], keepdims: 1 });
  const weight = g.node("Mul", [direction, g.node("Div", [factor, length])]);
  return relu(g, g.node("Conv", [x, weight, g.weight([6])], { pads: [1, 1, 1, 1] }));
}

/** Weights standardised by a batch norm over themselves, in the form of operator set 14 or of older ones. */
function standardizedWeights(form: "training mode" | "five outputs") {
  return (g: GraphBuilder, x: string): string => {
    const raw = g.weight([6, 8, 3, 3], undefined, { name: "inner.weight" });
    const gain = g.weight([6], undefined, { name: "inner.gain" });
    const still = [g.weight([6]), g.weight([6], [1, 2, 3, 4, 5, 6]), g.weight([6], [6, 5, 4, 3, 2, 1])];
    const isNew = form === "training mode";
    const [normal] = g.nodes(
      "BatchNormalization",
      [reshape(g, raw, [1, 6, -1]), gain, ...still],
      isNew ? 3 : 5,
      {
        epsilon: float(1e-5),
        ...(isNew && { training_mode: 1 }),
      },
    );
    const weight = reshape(g, normal!, [6, 8, 3, 3]);
    return relu(g, g.node("Conv", [x, weight, g.weight([6])], { pads: [1, 1, 1, 1] }));
  };
}

/** Weights divided by their largest singular value, by the vectors that training left. */
function spectralNorm(g: GraphBuilder, x: string): string {
  const raw = g.weight([6, 8, 3, 3], undefined, { name: "inner.weight_orig" });
  const flat = reshape(g, raw, [6, -1]);
  const [u, v] = [
    g.weight([6], undefined, { name: "inner.u" }),
    g.weight([72], undefined, { name: "inner.v" }),
  ];
  const product = g.node("MatMul", [flat, v]);
  const sigma = g.node("MatMul", [u, product]);
  const weight = g.node("Div", [raw, sigma]);
  return relu(g, g.node("Conv", [x, weight, g.weight([6])], { pads: [1, 1, 1, 1] }));
}

/** Space to depth by Reshape and Transpose, with measured sizes. */
function pixelUnshuffle(g: GraphBuilder, x: string): string {
  const apart = g.node("Reshape", [x, sizes(g, [sizeAt(g, x, 0), 8, 3, 2, 3, 2])]);
  return reshape(g, transpose(g, apart, [0, 1, 3, 5, 2, 4]), [-1, 32, 3, 3]);
}

/** Depth to space by Reshape and Transpose. */
function pixelShuffle(g: GraphBuilder, x: string): string {
  const apart = reshape(g, x, [-1, 2, 2, 2, 6, 6]);
  return reshape(g, transpose(g, apart, [0, 1, 4, 2, 5, 3]), [-1, 2, 12, 12]);
}

/** A transposed convolution in groups whose output is padded at one end. */
function groupedUpsampling(g: GraphBuilder, x: string): string {
  const weight = g.weight([8, 3, 3, 3], undefined, { name: "up.weight" });
  return relu(
    g,
    g.node("ConvTranspose", [x, weight, g.weight([6], undefined, { name: "up.bias" })], {
      group: 2,
      output_padding: [1, 1],
      pads: [1, 1, 1, 1],
      strides: [2, 2],
    }),
  );
}

/** Boxes and scores of every place, thinned out by NonMaxSuppression: what is left is gathered by its index. */
function detector(g: GraphBuilder): void {
  const x = maxPool(g, convNorm(g, convNorm(g, image(g), "backbone.0", 3, 6), "backbone.1", 6, 8));
  const tower = convNorm(g, x, "tower", 8, 6);
  const laid = (name: string, to: number) =>
    reshape(g, transpose(g, conv(g, tower, name, 6, to, { kernel: 1 }), [0, 2, 3, 1]), [0, -1, to]);
  const boxes = g.node("Sigmoid", [laid("boxes", 4)]);
  const scores = transpose(g, g.node("Sigmoid", [laid("head", 3)]), [0, 2, 1]);
  const limit = (value: number) => g.weight([1], [value]);
  const kept = g.node("NonMaxSuppression", [boxes, scores, ints(g, [5]), limit(0.9), limit(0.1)]);
  const places = g.node("Gather", [kept, ints(g, [0, 2])], { axis: 1 });
  g.output(g.node("GatherND", [boxes, places]), ["kept", 4]);
  g.output(kept, ["kept", 3], "int64");
}

/** The best places by TopK, their boxes gathered by what it found. */
function topDetector(g: GraphBuilder): void {
  const x = convNorm(g, maxPool(g, convNorm(g, image(g), "backbone.0", 3, 6)), "backbone.1", 6, 8);
  const laid = (name: string, to: number) =>
    reshape(g, transpose(g, conv(g, x, name, 8, to, { kernel: 1 }), [0, 2, 3, 1]), [0, -1, to]);
  const scores = g.node("ReduceMax", [laid("head", 3)], { axes: [2], keepdims: 0 });
  const [best, places] = g.nodes("TopK", [scores, ints(g, [4])], 2, { axis: 1 }) as [string, string];
  const index = g.node("Expand", [
    g.node("Unsqueeze", [places, ints(g, [2])]),
    sizes(g, [sizeAt(g, scores, 0), 4, 4]),
  ]);
  g.output(g.node("GatherElements", [laid("boxes", 4), index], { axis: 1 }), ["N", 4, 4]);
  g.output(best, ["N", 4]);
}

/** A map padded and cropped by measured sizes so that halves fit, enlarged to the size of another. */
function measuredDecoder(g: GraphBuilder): void {
  const x = g.input("input", ["N", 3, "height", "width"]);
  const fine = convNorm(g, x, "fine", 3, 5);
  const coarse = convNorm(g, maxPool(g, fine), "coarse", 5, 6);
  const space = g.node("Slice", [g.node("Shape", [fine]), ints(g, [2]), ints(g, [4]), ints(g, [0])]);
  const front = g.node("Slice", [g.node("Shape", [coarse]), ints(g, [0]), ints(g, [2]), ints(g, [0])]);
  const up = g.node("Resize", [coarse, "", "", concat(g, [front, space], 0)], {
    mode: "linear",
    coordinate_transformation_mode: "align_corners",
  });
  const mixed = convNorm(g, concat(g, [up, fine]), "mix", 11, 5);
  g.output(conv(g, mixed, "head", 5, 2, { kernel: 1 }), ["N", 2, "height", "width"]);
}

/** A convolution by Einsum over patches. */
function einsumProduct(g: GraphBuilder): void {
  const x = relu(g, conv(g, image(g, 6), "front", 3, 8));
  const weight = g.weight([6, 8], undefined, { name: "mix.weight" });
  const mixed = relu(g, g.node("Einsum", [x, weight], { equation: "bchw,oc->bohw" }));
  classify(g, relu(g, conv(g, mixed, "back", 6, 5)), 5);
}

/** Tokens mixed by a convolution over them and channels by another, as in networks for sequences. */
function mixer(g: GraphBuilder): void {
  const x = linear(g, g.input("input", ["N", 6, 5]), "embed", 5, 8);
  const tokens = g.weight([6, 6, 1], undefined, { name: "tokens.weight" });
  const mixed = add(g, x, g.node("Conv", [x, tokens], { kernel_shape: [1] }));
  const turned = transpose(g, mixed, [0, 2, 1]);
  const inner = relu(g, conv(g, turned, "channels.1", 8, 10, { kernel: [1] }));
  const out = add(g, turned, conv(g, inner, "channels.2", 10, 8, { kernel: [1] }));
  g.output(dense(g, g.node("ReduceMean", [out], { axes: [2], keepdims: 0 }), "head", 8, 3), ["N", 3]);
}

/** Only the last token is looked at, picked by a length that is an input. */
function lastToken(g: GraphBuilder): void {
  const ids = g.input("input_ids", ["N", "T"], "int64");
  const table = g.weight([9, 8], undefined, { name: "embed.weight" });
  const x = g.node("Gather", [table, ids], { axis: 0 });
  const inner = relu(g, linear(g, x, "fc1", 8, 10));
  const out = add(g, x, linear(g, inner, "fc2", 10, 8));
  const last = g.node("Gather", [out, int(g, -1)], { axis: 1 });
  const wide = g.node("Mul", [last, scalar(g, 0.5)]);
  g.output(dense(g, wide, "head", 8, 3), ["N", 3]);
}

export const foundInExports: readonly Architecture[] = [
  between("branches of a grouped convolution weighed by a softmax", splitAttention, { channels: 6 }),
  between("group norm in pieces", groupNormInPieces),
  between("weight norm in the graph", weightNorm, { channels: 6 }),
  between("weights standardised by a batch norm", standardizedWeights("training mode"), { channels: 6 }),
  between("weights standardised by an older batch norm", standardizedWeights("five outputs"), {
    channels: 6,
    opset: 13,
  }),
  between("spectral norm in the graph", spectralNorm, {
    channels: 6,
    // The largest singular value is that of all weights, so a cut would change what is left of them.
    locked: {
      ...headLocked,
      front: "MatMul needs operands of known rank",
      conv_6: "MatMul needs operands of known rank",
    },
    share: 0.2,
  }),
  between("space to depth in pieces", pixelUnshuffle, { channels: 32 }),
  between("depth to space in pieces", pixelShuffle, { channels: 2 }),
  between("a transposed convolution in groups", groupedUpsampling, { channels: 6 }),
  architecture("detector with NonMaxSuppression", detector, {
    locked: { boxes: "works at computed places", head: "works at computed places" },
  }),
  architecture("detector with the best places", topDetector, { locked: { boxes: "it is the graph output" } }),
  architecture("decoder of measured sizes", measuredDecoder),
  architecture("Einsum between convolutions", einsumProduct),
  architecture("mixer of tokens and channels", mixer, {
    locked: { ...headLocked, tokens: "it meets an axis that is fixed" },
    share: 0.85,
  }),
  architecture("last token of a sequence", lastToken),
];
