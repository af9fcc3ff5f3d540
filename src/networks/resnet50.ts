/** @file ResNet-50 for ImageNet, as in torchvision: bottlenecks with the stride in the 3x3 convolution. */
import type { Model } from "../graph/model.ts";
import { constantly, kaimingNormal, torchDefault } from "./initialize.ts";
import {
  add,
  batchNorm,
  type ConvOptions,
  conv,
  type Draft,
  dense,
  finished,
  flatten,
  globalAveragePool,
  type Initialization,
  maxPool,
  newDraft,
  relu,
  type Value,
} from "./layers.ts";
import type { NetworkOptions } from "./network.ts";
import { resolved, wholeFrom } from "./options.ts";

const initialization: Initialization = {
  conv: { weight: kaimingNormal("out"), bias: constantly(0) },
  dense: torchDefault,
};

const blocksByStage = [3, 4, 6, 3];

/** Outputs of a bottleneck per channel inside it. */
const expansion = 4;

export interface ResNet50Options extends NetworkOptions {
  /** Channels of the stem; the insides of the four stages have once, twice, four and eight times as many. Default 64. */
  readonly width?: number | undefined;
}

/**
 * A 7x7 convolution and max pooling, sixteen bottlenecks, global average pooling and a dense layer; where sizes change,
 * the shortcut is a 1x1 convolution with batch normalisation. Parameters are named as in torchvision.
 * @see He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, table 1. Differs from it in the
 * place of the stride ("ResNet v1.5"), as torchvision does.
 */
export function resnet50(options: ResNet50Options = {}): Model {
  const { seed, classes, shape } = resolved(options, { classes: 1000, shape: [3, 224, 224] });
  const width = wholeFrom(1, "width", options.width ?? 64);
  const net = newDraft("resnet50", shape, initialization, seed);
  let x = normalized(net, ["conv1", "bn1"], net.input, { channels: width, kernel: 7, stride: 2, padding: 3 });
  x = maxPool(net, "maxpool", relu(net, "relu", x), { kernel: 3, stride: 2, padding: 1 });
  blocksByStage.forEach((blocks, stage) => {
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = bottleneck(net, `layer${stage + 1}.${block}`, x, width * 2 ** stage, stride);
    }
  });
  x = flatten(net, "flatten", globalAveragePool(net, "avgpool", x));
  return finished(net, dense(net, "fc", x, classes));
}

function bottleneck(net: Draft, name: string, x: Value, channels: number, stride: number): Value {
  const layer = (place: number, from: Value, options: ConvOptions): Value =>
    normalized(net, [`${name}.conv${place}`, `${name}.bn${place}`], from, options);
  const outputs = channels * expansion;
  let inner = relu(net, `${name}.relu1`, layer(1, x, { channels, kernel: 1 }));
  inner = relu(net, `${name}.relu2`, layer(2, inner, { channels, kernel: 3, stride, padding: 1 }));
  inner = layer(3, inner, { channels: outputs, kernel: 1 });
  const down = [`${name}.downsample.0`, `${name}.downsample.1`] as const;
  const fits = stride === 1 && x.shape[0] === outputs;
  const shortcut = fits ? x : normalized(net, down, x, { channels: outputs, kernel: 1, stride });
  return relu(net, `${name}.relu3`, add(net, `${name}.add`, inner, shortcut));
}

/** A convolution and its batch normalisation. */
function normalized(
  net: Draft,
  [convName, normName]: readonly [string, string],
  x: Value,
  options: ConvOptions,
): Value {
  return batchNorm(net, normName, conv(net, convName, x, options));
}
