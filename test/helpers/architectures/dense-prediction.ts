/** @file Segmentation and detection of the classic kind: encoders with skips, pyramids, heads on several scales. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import {
  activate,
  add,
  concat,
  conv,
  convNorm,
  image,
  ints,
  maxPool,
  reshape,
  sizeAt,
  sizes,
  transpose,
  upsample,
} from "./layers.ts";

/** As large as `like`, the way interpolation to a measured size is exported. */
function resizeLike(g: GraphBuilder, x: string, like: string, channels: number): string {
  const front = sizes(g, [sizeAt(g, x, 0), channels]);
  const space = sizes(g, [sizeAt(g, like, 2), sizeAt(g, like, 3)]);
  return g.node("Resize", [x, "", "", concat(g, [front, space], 0)], {
    coordinate_transformation_mode: "half_pixel",
    mode: "linear",
  });
}

/** As {@link resizeLike}, with the channels taken from the value itself: Shape, Slice, Concat. */
function resizeTo(g: GraphBuilder, x: string, height: number, width: number): string {
  const front = g.node("Slice", [g.node("Shape", [x]), ints(g, [0]), ints(g, [2]), ints(g, [0])]);
  return g.node("Resize", [x, "", "", concat(g, [front, ints(g, [height, width])], 0)], {
    coordinate_transformation_mode: "half_pixel",
    mode: "linear",
  });
}

function backbone(g: GraphBuilder, size = 16): readonly [string, string, string, string] {
  const x = image(g, size);
  const one = convNorm(g, x, "backbone.1", 3, 4, { stride: 2 });
  const two = convNorm(g, one, "backbone.2", 4, 6, { stride: 2 });
  return [x, one, two, convNorm(g, two, "backbone.3", 6, 8, { stride: 2 })];
}

/** Scores of several depths added on the way up by transposed convolutions. */
function fcn(g: GraphBuilder): void {
  const [, , low, deep] = backbone(g);
  const score = convNorm(g, deep, "classifier.0", 8, 5);
  const up = g.node("ConvTranspose", [score, g.weight([5, 4, 4, 4], undefined, { name: "up.weight" })], {
    kernel_shape: [4, 4],
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  });
  const skip = conv(g, low, "score_pool", 6, 4, { kernel: 1 });
  const mixed = activate(g, add(g, up, skip), "relu");
  const out = g.node(
    "ConvTranspose",
    [mixed, g.weight([4, 3, 8, 8], undefined, { name: "head.weight" }), g.weight([3])],
    { kernel_shape: [8, 8], pads: [2, 2, 2, 2], strides: [4, 4] },
  );
  g.output(out, ["N", 3, 16, 16]);
}

/** Pyramid of dilated convolutions with a pooled branch, and a decoder on low-level features. */
function deepLab(g: GraphBuilder): void {
  const [x, one, , deep] = backbone(g);
  const pyramid = [
    convNorm(g, deep, "aspp.0", 8, 4, { kernel: 1 }),
    convNorm(g, deep, "aspp.1", 8, 3, { dilation: 2 }),
    convNorm(g, deep, "aspp.2", 8, 5, { dilation: 3 }),
  ];
  const pooled = convNorm(g, g.node("GlobalAveragePool", [deep]), "aspp.pool", 8, 4, { kernel: 1 });
  pyramid.push(resizeLike(g, pooled, deep, 4));
  const projected = convNorm(g, concat(g, pyramid), "project", 16, 6, { kernel: 1 });
  const high = resizeLike(g, g.node("Dropout", [projected]), one, 6);
  const low = convNorm(g, one, "low_level", 4, 3, { kernel: 1 });
  const mixed = convNorm(g, concat(g, [high, low]), "decoder", 9, 5);
  const scores = conv(g, mixed, "head", 5, 3, { kernel: 1 });
  g.output(resizeLike(g, scores, x, 3), ["N", 3, 16, 16]);
}

/** A gate of pooled context on high-level features; scores of two depths added. */
function lrAspp(g: GraphBuilder): void {
  const [x, one, , deep] = backbone(g);
  const values = convNorm(g, deep, "cbr", 8, 5, { kernel: 1 });
  const context = conv(g, g.node("GlobalAveragePool", [deep]), "scale", 8, 5, { kernel: 1, bias: false });
  const gated = g.node("Mul", [values, g.node("Sigmoid", [context])]);
  const high = conv(g, resizeTo(g, gated, 8, 8), "head", 5, 3, { kernel: 1 });
  const low = conv(g, one, "low_classifier", 4, 3, { kernel: 1 });
  g.output(resizeLike(g, add(g, low, high), x, 3), ["N", 3, 16, 16]);
}

type Way = "transposed" | "resized";

/** Each depth on the way down is joined on the way up, cropped and padded by what the sizes differ. */
function uNet(way: Way) {
  return (g: GraphBuilder): void => {
    const double = (x: string, name: string, from: number, to: number) =>
      convNorm(g, convNorm(g, x, `${name}.1`, from, to), `${name}.2`, to, to);
    const widths = [4, 6, 8];
    const skips: string[] = [];
    let x = image(g, 8);
    let from = 3;
    widths.forEach((to, k) => {
      x = double(k === 0 ? x : maxPool(g, x), `down.${k}`, from, to);
      skips.push(x);
      from = to;
    });
    for (const k of [1, 0]) {
      const to = widths[k]!;
      if (way === "resized") x = upsample(g, x);
      else {
        const weight = g.weight([from, to, 2, 2], undefined, { name: `up.${k}.weight` });
        const bias = g.weight([to], undefined, { name: `up.${k}.bias` });
        x = g.node("ConvTranspose", [x, weight, bias], { kernel_shape: [2, 2], strides: [2, 2] });
        from = to;
      }
      const padded = g.node("Pad", [x, ints(g, [0, 0, 0, 0, 0, 0, 0, 0])], { mode: "constant" });
      x = double(concat(g, [skips[k]!, padded]), `up.${k}.conv`, from + to, to);
      from = to;
    }
    g.output(conv(g, x, "head", from, 2, { kernel: 1 }), ["N", 2, 8, 8]);
  };
}

/** Lateral layers and a way down; the same heads (the same weights) on every level. */
function featurePyramid(g: GraphBuilder): void {
  const [, one, two, three] = backbone(g);
  const widths = [4, 6, 8];
  const inner = [one, two, three].map((x, k) => conv(g, x, `fpn.inner.${k}`, widths[k]!, 5, { kernel: 1 }));
  for (const k of [1, 0]) inner[k] = add(g, inner[k]!, resizeLike(g, inner[k + 1]!, inner[k]!, 5));
  const levels = inner.map((x, k) => conv(g, x, `fpn.layer.${k}`, 5, 5));
  levels.push(g.node("MaxPool", [levels[2]!], { kernel_shape: [1, 1], strides: [2, 2] }));
  const shared = (name: string, from: number, to: number, kernel: number) => {
    const inputs = [
      g.weight([to, from, kernel, kernel], undefined, { name: `${name}.weight` }),
      g.weight([to], undefined, { name: `${name}.bias` }),
    ];
    const half = (kernel - 1) / 2;
    return (x: string) => g.node("Conv", [x, ...inputs], { pads: [half, half, half, half] });
  };
  const [tower, logits, boxes] = [
    shared("tower", 5, 4, 3),
    shared("head", 4, 3, 1),
    shared("boxes", 4, 4, 1),
  ] as const;
  const towers = levels.map((x) => activate(g, tower(x), "relu"));
  towers.forEach((x, k) => {
    g.output(logits(x), ["N", 3, 8 >> k, 8 >> k]);
    g.output(boxes(x), ["N", 4, 8 >> k, 8 >> k]);
  });
}

/** Heads on two scales, flattened to anchors, joined, decoded against constant boxes. */
function ssd(g: GraphBuilder): void {
  const [, , two, three] = backbone(g);
  const scales = [
    { x: two, from: 6, size: 4 },
    { x: three, from: 8, size: 2 },
  ];
  const anchors = 2;
  const flat = (name: string, values: number) =>
    scales.map(({ x, from, size }, k) => {
      const own = name === "boxes" && k === 0 ? "head" : `${name}.${k}`;
      const grid = conv(g, x, own, from, anchors * values);
      const last = transpose(g, grid, [0, 2, 3, 1]);
      return reshape(g, last, [-1, size * size * anchors, values]);
    });
  const scores = g.node("Softmax", [concat(g, flat("scores", 3))], { axis: 2 });
  const raw = concat(g, flat("boxes", 4));
  const total = anchors * (16 + 4);
  const [center, extent] = g.nodes("Split", [raw, ints(g, [2, 2])], 2, { axis: 2 });
  const prior = g.weight([1, total, 2]);
  const moved = add(g, g.node("Mul", [center!, prior]), g.weight([1, total, 2]));
  const sized = g.node("Mul", [g.node("Exp", [extent!]), prior]);
  g.output(scores, ["N", total, 3]);
  g.output(concat(g, [g.node("Sub", [moved, sized]), add(g, moved, sized)], 2), ["N", total, 4]);
}

export const densePrediction: readonly Architecture[] = [
  architecture("FCN", fcn),
  architecture("DeepLab", deepLab),
  architecture("LR-ASPP", lrAspp),
  architecture("U-Net with transposed convolutions", uNet("transposed")),
  architecture("U-Net with Resize", uNet("resized")),
  architecture("feature pyramid with shared heads", featurePyramid, {
    locked: { head: "graph output", boxes: "graph output" },
  }),
  architecture("SSD", ssd, {
    locked: {
      head: "graph output",
      "boxes.1": "graph output",
      "scores.0": "graph output",
      "scores.1": "graph output",
    },
    share: 0.6,
  }),
];
