/** @file The residual networks for CIFAR, of depth 6n + 2, whose shortcuts have no parameters. */
import { PrunerError } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import { kaimingNormal, torchDefault } from "./initialize.ts";
import {
  add,
  batchNorm,
  conv,
  type Draft,
  dense,
  finished,
  flatten,
  globalAveragePool,
  type Initialization,
  newDraft,
  padChannels,
  relu,
  subsample,
  type Value,
} from "./layers.ts";
import type { NetworkOptions } from "./network.ts";
import { resolved, wholeFrom } from "./options.ts";

const initialization: Initialization = {
  conv: { weight: kaimingNormal("in"), bias: torchDefault.bias },
  dense: { weight: kaimingNormal("in"), bias: torchDefault.bias },
};

export interface ResNetCifarOptions extends NetworkOptions {
  /** Layers with weights: 6n + 2, for example 20, 32, 44, 56 or 110. */
  readonly depth: number;
  /** Channels of the first stage; the others have twice and four times as many. Default 16. */
  readonly width?: number | undefined;
}

/**
 * One convolution, three stages of n basic blocks, global average pooling and a dense layer. Where a stage halves the image
 * and doubles the channels, the shortcut takes every second pixel and pads channels of zeros (option A), equally many on
 * both sides. Parameters are named as in torchvision, the classifier is "linear".
 *
 * Before the first batch the running statistics are 0 and 1, normalisation does nothing and every block adds to the size
 * of what it is given: outputs of an untrained ResNet-56 in inference mode reach tens of thousands. In training mode,
 * with the statistics of the batch, they are of order 1.
 * @see He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2.
 * @throws {PrunerError} `invalid-option` for other depths.
 */
export function resnetCifar(options: ResNetCifarOptions): Model {
  const { seed, classes, shape } = resolved(options, { classes: 10, shape: [3, 32, 32] });
  const blocks = blocksPerStage(options.depth);
  const width = wholeFrom(1, "width", options.width ?? 16);
  const net = newDraft(`resnet${options.depth}`, shape, initialization, seed);
  let x = conv(net, "conv1", net.input, { channels: width, kernel: 3, padding: 1 });
  x = relu(net, "relu", batchNorm(net, "bn1", x));
  for (let stage = 1; stage <= 3; stage++) {
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 1 && block === 0 ? 2 : 1;
      x = basicBlock(net, `layer${stage}.${block}`, x, width * 2 ** (stage - 1), stride);
    }
  }
  x = flatten(net, "flatten", globalAveragePool(net, "pool", x));
  return finished(net, dense(net, "linear", x, classes));
}

function blocksPerStage(depth: number): number {
  const blocks = (depth - 2) / 6;
  if (Number.isSafeInteger(blocks) && blocks >= 1) return blocks;
  throw new PrunerError("invalid-option", {
    option: "depth",
    got: String(depth),
    expected: "6n + 2 layers, for example 20, 32 or 56",
  });
}

function basicBlock(net: Draft, name: string, x: Value, channels: number, stride: number): Value {
  let inner = conv(net, `${name}.conv1`, x, { channels, kernel: 3, stride, padding: 1 });
  inner = relu(net, `${name}.relu1`, batchNorm(net, `${name}.bn1`, inner));
  inner = conv(net, `${name}.conv2`, inner, { channels, kernel: 3, padding: 1 });
  inner = batchNorm(net, `${name}.bn2`, inner);
  const shortcut = stride === 1 ? x : optionA(net, `${name}.shortcut`, x, channels, stride);
  return relu(net, `${name}.relu2`, add(net, `${name}.add`, inner, shortcut));
}

function optionA(net: Draft, name: string, x: Value, channels: number, stride: number): Value {
  const added = channels - x.shape[0]!;
  const before = Math.floor(added / 2);
  return padChannels(net, `${name}.pad`, subsample(net, `${name}.slice`, x, stride), before, added - before);
}
