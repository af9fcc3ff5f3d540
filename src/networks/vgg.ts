/** @file VGG-16 with batch normalisation in the form used for CIFAR: thirteen convolutions and two dense layers. */
import { PrunerError } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import { constantly, kaimingNormal, torchDefault } from "./initialize.ts";
import {
  batchNorm,
  conv,
  dense,
  finished,
  flatten,
  type Initialization,
  maxPool,
  newDraft,
  relu,
} from "./layers.ts";
import type { NetworkOptions } from "./network.ts";
import { resolved } from "./options.ts";

/** Convolutions start as in torchvision, the dense layers as PyTorch's do. */
const initialization: Initialization = {
  conv: { weight: kaimingNormal("out"), bias: constantly(0) },
  dense: torchDefault,
};

/** Channels by stage; every stage ends in max pooling that halves the image. */
const stages = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];
const hiddenUnits = 512;

export interface VggOptions extends NetworkOptions {
  /** Factor on all channels and hidden units, more than 0; default 1. Sizes are rounded, and at least 1. */
  readonly width?: number | undefined;
}

/**
 * Configuration D with batch normalisation and one hidden dense layer of 512 units. Layers are called conv<stage>_<place>,
 * bn<stage>_<place>, fc1 and fc2. There is no dropout: batch normalisation and weight decay do its work here.
 * @see Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, table 1.
 * @throws {PrunerError} `invalid-option` for images below 32 pixels, which five poolings leave nothing of.
 */
export function vgg16(options: VggOptions = {}): Model {
  const { seed, classes, shape } = resolved(options, { classes: 10, shape: [3, 32, 32] });
  const width = checkedWidth(options.width ?? 1);
  const scaled = (channels: number): number => Math.max(1, Math.round(channels * width));
  const net = newDraft("vgg16", shape, initialization, seed);
  let x = net.input;
  stages.forEach((stage, s) => {
    stage.forEach((channels, k) => {
      const place = `${s + 1}_${k + 1}`;
      x = conv(net, `conv${place}`, x, { channels: scaled(channels), kernel: 3, padding: 1 });
      x = relu(net, `relu${place}`, batchNorm(net, `bn${place}`, x));
    });
    x = maxPool(net, `pool${s + 1}`, x, { kernel: 2, stride: 2 });
  });
  x = relu(net, "relu_fc1", dense(net, "fc1", flatten(net, "flatten", x), scaled(hiddenUnits)));
  return finished(net, dense(net, "fc2", x, classes));
}

function checkedWidth(width: number): number {
  if (width > 0 && Number.isFinite(width)) return width;
  throw new PrunerError("invalid-option", {
    option: "width",
    got: String(width),
    expected: "a number above 0, for example 0.25",
  });
}
