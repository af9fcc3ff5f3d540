/** @file Networks for small devices: depthwise convolutions, inverted bottlenecks, shuffles, cheap features. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import {
  type Activation,
  add,
  classify,
  concat,
  convNorm,
  image,
  reshape,
  sizeAt,
  sizes,
  slice,
  split,
  squeezeExcite,
  transpose,
} from "./layers.ts";

function mobileNetV1(g: GraphBuilder): void {
  let x = convNorm(g, image(g), "stem", 3, 4, { stride: 2, act: "relu6" });
  const widths = [4, 6, 8, 8];
  widths.slice(1).forEach((to, k) => {
    const from = widths[k]!;
    x = convNorm(g, x, `features.${k}.dw`, from, from, { group: from, act: "relu6" });
    x = convNorm(g, x, `features.${k}.pw`, from, to, { kernel: 1, act: "relu6" });
  });
  classify(g, x, 8);
}

interface Inverted {
  readonly expand: number;
  readonly to: number;
  readonly stride?: number;
  readonly kernel?: number;
  readonly act?: Activation;
  readonly squeeze?: number;
  /** One full convolution in place of expansion and depthwise (EfficientNet V2). */
  readonly fused?: boolean;
}

/** Expand, filter depthwise, gate, project; added to its input where both are of one shape. */
function inverted(g: GraphBuilder, x: string, name: string, from: number, own: Inverted): string {
  const { expand, to, stride = 1, kernel = 3, act = "relu6", squeeze, fused = false } = own;
  const wide = from * expand;
  let y = x;
  if (fused) y = convNorm(g, y, `${name}.fused`, from, wide, { stride, act });
  else {
    if (expand > 1) y = convNorm(g, y, `${name}.expand`, from, wide, { kernel: 1, act });
    y = convNorm(g, y, `${name}.dw`, wide, wide, { group: wide, stride, kernel, act });
  }
  if (squeeze !== undefined)
    y = squeezeExcite(g, y, `${name}.se`, wide, squeeze, act === "hardswish" ? "hardsigmoid" : "sigmoid");
  y = convNorm(g, y, `${name}.project`, wide, to, { kernel: 1, act: "none" });
  return from === to && stride === 1 ? add(g, x, y) : y;
}

function invertedNet(act: Activation, blocks: readonly Inverted[]) {
  return (g: GraphBuilder): void => {
    let x = convNorm(g, image(g), "stem", 3, 4, { stride: 2, act });
    let from = 4;
    blocks.forEach((block, k) => {
      x = inverted(g, x, `blocks.${k}`, from, { act, ...block });
      from = block.to;
    });
    classify(g, convNorm(g, x, "last", from, 10, { kernel: 1, act }), 10);
  };
}

/** Universal inverted bottlenecks: optional depthwise layers before and after the expansion, none inside the last. */
function mobileNetV4(g: GraphBuilder): void {
  const block = (x: string, name: string, width: number, before: number, middle: number) => {
    let y = x;
    if (before > 0)
      y = convNorm(g, y, `${name}.dw_start`, width, width, { group: width, kernel: before, act: "none" });
    y = convNorm(g, y, `${name}.expand`, width, 2 * width, { kernel: 1 });
    if (middle > 0)
      y = convNorm(g, y, `${name}.dw_mid`, 2 * width, 2 * width, { group: 2 * width, kernel: middle });
    y = convNorm(g, y, `${name}.project`, 2 * width, width, { kernel: 1, act: "none" });
    const scaled = g.node("Mul", [
      y,
      g.weight([width, 1, 1], undefined, { name: `${name}.layer_scale.gamma` }),
    ]);
    return add(g, x, scaled);
  };
  let x = convNorm(g, image(g), "stem", 3, 5, { stride: 2 });
  x = block(x, "blocks.0", 5, 3, 5);
  x = block(x, "blocks.1", 5, 0, 3);
  x = block(x, "blocks.2", 5, 5, 0);
  classify(g, block(x, "blocks.3", 5, 0, 0), 5);
}

/** Grouped convolutions with a shuffle between them; where the size halves, the pooled input is joined on. */
function shuffleNetV1(g: GraphBuilder): void {
  const unit = (x: string, name: string, from: number, to: number, stride: number) => {
    const made = stride === 2 ? to - from : to;
    let y = convNorm(g, x, `${name}.compress`, from, 6, { kernel: 1, group: 2 });
    y = shuffle(g, y, 6, stride === 2 ? 4 : 2);
    y = convNorm(g, y, `${name}.dw`, 6, 6, { group: 6, stride, act: "none" });
    y = convNorm(g, y, `${name}.expand`, 6, made, { kernel: 1, group: 2, act: "none" });
    if (stride === 1) return g.node("Relu", [add(g, x, y)]);
    const pooled = g.node("AveragePool", [x], {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    });
    return g.node("Relu", [concat(g, [pooled, y])]);
  };
  let x = convNorm(g, image(g, 8), "stem", 3, 4, { stride: 2 });
  x = unit(x, "stage2.0", 4, 8, 2);
  x = unit(x, "stage2.1", 8, 8, 1);
  classify(g, x, 8);
}

/** Reshape, Transpose, Reshape, with every size measured as old exporters do. */
function shuffle(g: GraphBuilder, x: string, channels: number, size: number): string {
  const batch = sizeAt(g, x, 0);
  const apart = g.node("Reshape", [x, sizes(g, [batch, 2, channels / 2, size, size])]);
  const turned = transpose(g, apart, [0, 2, 1, 3, 4]);
  return reshape(g, turned, [-1, channels, size, size]);
}

/** Half of the channels pass by, the other half is worked on; joined and shuffled. */
function shuffleNetV2(chunk: "split" | "slices") {
  return (g: GraphBuilder): void => {
    const branch = (x: string, name: string, from: number, to: number, stride: number) => {
      let y = convNorm(g, x, `${name}.pw1`, from, to, { kernel: 1 });
      y = convNorm(g, y, `${name}.dw`, to, to, { group: to, stride, act: "none" });
      return convNorm(g, y, `${name}.pw2`, to, to, { kernel: 1 });
    };
    const halves = (x: string) =>
      chunk === "split" ? split(g, x, [4, 4]) : [slice(g, x, 0, 4), slice(g, x, 4, 8)];
    let x = convNorm(g, image(g), "stem", 3, 4, { stride: 2 });
    const by = convNorm(g, x, "stage2.0.branch1.dw", 4, 4, { group: 4, stride: 2, act: "none" });
    const left = convNorm(g, by, "stage2.0.branch1.pw", 4, 4, { kernel: 1 });
    x = shuffle(g, concat(g, [left, branch(x, "stage2.0.branch2", 4, 4, 2)]), 8, 2);
    for (const name of ["stage2.1", "stage2.2"]) {
      const [same, worked] = halves(x);
      x = shuffle(g, concat(g, [same!, branch(worked!, `${name}.branch2`, 4, 4, 1)]), 8, 2);
    }
    classify(g, convNorm(g, x, "conv5", 8, 10, { kernel: 1 }), 10);
  };
}

/** Half of the features by a convolution, the other half from them by a depthwise one; surplus cut off. */
function ghostNet(g: GraphBuilder): void {
  const ghost = (x: string, name: string, from: number, to: number, act: Activation) => {
    const half = Math.ceil(to / 2);
    const primary = convNorm(g, x, `${name}.primary`, from, half, { kernel: 1, act });
    const cheap = convNorm(g, primary, `${name}.cheap`, half, half, { group: half, act });
    return slice(g, concat(g, [primary, cheap]), 0, to);
  };
  const block = (x: string, name: string, from: number, inner: number, to: number, stride: number) => {
    let y = ghost(x, `${name}.ghost1`, from, inner, "relu");
    if (stride > 1) y = convNorm(g, y, `${name}.dw`, inner, inner, { group: inner, stride, act: "none" });
    y = squeezeExcite(g, y, `${name}.se`, inner, 3, "hardsigmoid");
    y = ghost(y, `${name}.ghost2`, inner, to, "none");
    if (from === to && stride === 1) return add(g, x, y);
    let skip = convNorm(g, x, `${name}.shortcut.dw`, from, from, { group: from, stride, act: "none" });
    skip = convNorm(g, skip, `${name}.shortcut.pw`, from, to, { kernel: 1, act: "none" });
    return add(g, y, skip);
  };
  let x = convNorm(g, image(g), "conv_stem", 3, 6, { stride: 2 });
  x = block(x, "blocks.0", 6, 7, 6, 1);
  x = block(x, "blocks.1", 6, 9, 8, 2);
  classify(g, x, 8);
}

export const mobile: readonly Architecture[] = [
  architecture("MobileNet V1", mobileNetV1),
  architecture(
    "MobileNet V2",
    invertedNet("relu6", [
      { expand: 1, to: 4 },
      { expand: 3, to: 5, stride: 2 },
      { expand: 3, to: 5 },
    ]),
  ),
  architecture(
    "MobileNet V3",
    invertedNet("hardswish", [
      { expand: 2, to: 4, squeeze: 3 },
      { expand: 3, to: 6, stride: 2, kernel: 5, squeeze: 4 },
      { expand: 3, to: 6, kernel: 5 },
    ]),
  ),
  architecture("MobileNet V4", mobileNetV4),
  architecture(
    "MNASNet",
    invertedNet("relu", [
      { expand: 1, to: 4 },
      { expand: 3, to: 6, stride: 2, kernel: 5 },
      { expand: 3, to: 6, kernel: 5 },
    ]),
  ),
  architecture(
    "EfficientNet V1",
    invertedNet("silu", [
      { expand: 1, to: 4, squeeze: 2 },
      { expand: 3, to: 5, stride: 2, squeeze: 2 },
      { expand: 3, to: 5, kernel: 5, squeeze: 3 },
    ]),
  ),
  architecture(
    "EfficientNet V2",
    invertedNet("silu", [
      { expand: 2, to: 4, fused: true },
      { expand: 2, to: 6, stride: 2, fused: true },
      { expand: 3, to: 6, squeeze: 3 },
    ]),
  ),
  architecture("ShuffleNet V1", shuffleNetV1),
  architecture("ShuffleNet V2 with Split", shuffleNetV2("split")),
  architecture("ShuffleNet V2 with slices", shuffleNetV2("slices")),
  architecture("GhostNet", ghostNet),
];
