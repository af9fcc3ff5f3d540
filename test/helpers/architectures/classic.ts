/** @file Convolutional classifiers of the first years: chains, fire modules, dense blocks, inception modules. */
import type { GraphBuilder } from "../build.ts";
import { type Architecture, architecture } from "./architecture.ts";
import {
  activate,
  batchNorm,
  classify,
  concat,
  conv,
  convNorm,
  dense,
  image,
  ints,
  maxPool,
  reshape,
} from "./layers.ts";

const relu = (g: GraphBuilder, x: string) => activate(g, x, "relu");

/** Two halves side by side; the older form normalises over neighbouring channels, which have to stay neighbours. */
function alexNet(localNorm: boolean) {
  return (g: GraphBuilder): void => {
    let x = relu(g, conv(g, image(g, 16), "features.0", 3, 6, { kernel: 5, stride: 2 }));
    if (localNorm) x = g.node("LRN", [x], { size: 3, alpha: 0.0001, beta: 0.75 });
    x = maxPool(g, x, 3, 2, 1);
    x = relu(g, conv(g, x, "features.3", 6, 8, { group: 2, kernel: 3 }));
    x = relu(g, conv(g, x, "features.6", 8, 6));
    x = relu(g, conv(g, x, "features.8", 6, 4));
    x = g.node("Dropout", [reshape(g, maxPool(g, x), [-1, 16])]);
    x = relu(g, dense(g, x, "classifier.1", 16, 10));
    x = relu(g, dense(g, g.node("Dropout", [x]), "classifier.4", 10, 8));
    g.output(dense(g, x, "head", 8, 3), ["N", 3]);
  };
}

function vgg(norm: boolean) {
  return (g: GraphBuilder): void => {
    let x = image(g, 8);
    let from = 3;
    [4, 4, 0, 6, 6, 0, 8].forEach((to, k) => {
      if (to === 0) x = maxPool(g, x);
      else {
        x = conv(g, x, `features.${k}`, from, to);
        x = relu(g, norm ? batchNorm(g, x, `features.${k}.bn`, to) : x);
        from = to;
      }
    });
    const pooled = g.node("AveragePool", [x], { kernel_shape: [1, 1], strides: [1, 1] });
    x = relu(g, dense(g, g.node("Flatten", [pooled]), "classifier.0", 32, 12));
    x = relu(g, dense(g, x, "classifier.3", 12, 8));
    g.output(dense(g, x, "head", 8, 3), ["N", 3]);
  };
}

/** Classifier by convolution: the channels of the last one are the answer. */
function squeezeNet(g: GraphBuilder): void {
  const fire = (x: string, name: string, from: number, squeezed: number, to: number) => {
    const inner = relu(g, conv(g, x, `${name}.squeeze`, from, squeezed, { kernel: 1 }));
    const parts = [1, 3].map((kernel) =>
      relu(g, conv(g, inner, `${name}.expand${kernel}x${kernel}`, squeezed, to, { kernel })),
    );
    return concat(g, parts);
  };
  let x = maxPool(g, relu(g, conv(g, image(g), "features.0", 3, 6)));
  x = fire(x, "features.3", 6, 3, 4);
  x = fire(x, "features.4", 8, 3, 5);
  x = relu(g, conv(g, g.node("Dropout", [x]), "head", 10, 3, { kernel: 1 }));
  g.output(g.node("Flatten", [g.node("GlobalAveragePool", [x])]), ["N", 3]);
}

/** Pre-activation layers, each of which reads all before it; a transition halves what they made. */
function denseNet(g: GraphBuilder): void {
  const growth = 3;
  let x = maxPool(g, convNorm(g, image(g), "features.0", 3, 4, { kernel: 3 }));
  let channels = 4;
  for (const block of [1, 2]) {
    for (const layer of [1, 2, 3]) {
      const name = `features.denseblock${block}.denselayer${layer}`;
      const before = relu(g, batchNorm(g, x, `${name}.norm1`, channels));
      const inner = conv(g, before, `${name}.conv1`, channels, 5, { kernel: 1, bias: false });
      const after = relu(g, batchNorm(g, inner, `${name}.norm2`, 5));
      x = concat(g, [x, conv(g, after, `${name}.conv2`, 5, growth, { bias: false })]);
      channels += growth;
    }
    if (block === 2) continue;
    const normal = relu(g, batchNorm(g, x, "features.transition1.norm", channels));
    const half = conv(g, normal, "features.transition1.conv", channels, 6, { kernel: 1, bias: false });
    x = g.node("AveragePool", [half], { kernel_shape: [2, 2], strides: [2, 2] });
    channels = 6;
  }
  classify(g, relu(g, batchNorm(g, x, "features.norm5", channels)), channels);
}

/** Four branches, one of them pooled; kernels factorised to 1 × 7 and 7 × 1. */
function inception(g: GraphBuilder): void {
  const module = (x: string, name: string, from: number) => {
    const one = convNorm(g, x, `${name}.branch1x1`, from, 3, { kernel: 1 });
    let seven = convNorm(g, x, `${name}.branch7x7_1`, from, 2, { kernel: 1 });
    seven = convNorm(g, seven, `${name}.branch7x7_2`, 2, 3, { kernel: [1, 7] });
    seven = convNorm(g, seven, `${name}.branch7x7_3`, 3, 4, { kernel: [7, 1] });
    let three = convNorm(g, x, `${name}.branch3x3dbl_1`, from, 2, { kernel: 1 });
    three = convNorm(g, three, `${name}.branch3x3dbl_2`, 2, 3);
    const forked = concat(g, [
      convNorm(g, three, `${name}.branch3x3_2a`, 3, 2, { kernel: [1, 3] }),
      convNorm(g, three, `${name}.branch3x3_2b`, 3, 2, { kernel: [3, 1] }),
    ]);
    const pooled = g.node("AveragePool", [x], {
      kernel_shape: [3, 3],
      strides: [1, 1],
      pads: [1, 1, 1, 1],
      count_include_pad: 1,
    });
    return concat(g, [
      one,
      seven,
      forked,
      convNorm(g, pooled, `${name}.branch_pool`, from, 2, { kernel: 1 }),
    ]);
  };
  const first = module(convNorm(g, image(g), "Conv2d_1a", 3, 5, { stride: 2 }), "Mixed_5b", 5);
  classify(g, module(first, "Mixed_5c", 13), 13);
}

/** Two heads, one of them in the middle; the input is normalised anew channel by channel (transform_input). */
function googLeNet(g: GraphBuilder): void {
  const x = image(g);
  const planes = [0, 1, 2].map((k) => {
    const plane = g.node("Gather", [x, ints(g, [k])], { axis: 1 });
    return g.node("Add", [g.node("Mul", [plane, g.weight([], [0.458])]), g.weight([], [-0.03])]);
  });
  const module = (input: string, name: string, from: number) =>
    concat(g, [
      convNorm(g, input, `${name}.branch1`, from, 3, { kernel: 1 }),
      convNorm(g, convNorm(g, input, `${name}.branch2.0`, from, 2, { kernel: 1 }), `${name}.branch2.1`, 2, 4),
      convNorm(g, maxPool(g, input, 3, 1, 1), `${name}.branch4.1`, from, 2, { kernel: 1 }),
    ]);
  const stem = g.node("MaxPool", [convNorm(g, concat(g, planes), "conv1", 3, 4)], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    ceil_mode: 1,
  });
  const middle = module(stem, "inception3a", 4);
  const auxiliary = convNorm(g, middle, "aux1.conv", 9, 4, { kernel: 1 });
  const flat = g.node("Flatten", [
    g.node("AveragePool", [auxiliary], { kernel_shape: [2, 2], strides: [2, 2] }),
  ]);
  const inner = relu(g, dense(g, flat, "aux1.fc1", 16, 6));
  classify(g, module(middle, "inception3b", 9), 9);
  g.output(dense(g, inner, "aux1.fc2", 6, 3), ["N", 3]);
}

export const classic: readonly Architecture[] = [
  architecture("AlexNet", alexNet(false)),
  architecture("AlexNet with local response normalisation", alexNet(true), {
    locked: { head: "graph output", "features.0": "LRN mixes over neighbouring channels" },
    share: 0.6,
  }),
  architecture("VGG", vgg(false)),
  architecture("VGG with batch normalisation", vgg(true)),
  architecture("SqueezeNet", squeezeNet),
  architecture("DenseNet", denseNet),
  architecture("Inception", inception),
  architecture("GoogLeNet with an auxiliary head", googLeNet, {
    locked: { head: "graph output", "aux1.fc2": "graph output" },
  }),
];
