/** @file The networks for digits: LeNet-300-100, fully connected, and LeNet-5, with two convolutions. */
import { PrunerError } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import { constantly, kaimingUniform, torchDefault } from "./initialize.ts";
import {
  conv,
  type Draft,
  dense,
  finished,
  flatten,
  type Initialization,
  maxPool,
  newDraft,
  relu,
  type Value,
} from "./layers.ts";
import type { NetworkOptions } from "./network.ts";
import { resolved, wholeFrom } from "./options.ts";

const digits = { classes: 10, shape: [1, 28, 28] } as const;

const asInTorch: Initialization = { conv: torchDefault, dense: torchDefault };

/** Caffe's filler "xavier" keeps the variance of a linear layer's input: bound sqrt(3 / fan in); biases are 0. */
const xavier = { weight: kaimingUniform("in", 1), bias: constantly(0) };
const asInCaffe: Initialization = { conv: xavier, dense: xavier };

export interface LeNet300Options extends NetworkOptions {
  /** Units of the hidden layers; default 300, 100. */
  readonly sizes?: readonly number[] | undefined;
}

/**
 * A multilayer perceptron with ReLU: 784-300-100-10 in all. Starts as PyTorch's layers do.
 * @see LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", 1998, section III.C
 * (with hyperbolic tangents, which nobody who prunes this network has kept).
 */
export function lenet300(options: LeNet300Options = {}): Model {
  const { seed, classes, shape } = resolved(options, digits);
  const sizes = options.sizes ?? [300, 100];
  const net = newDraft("lenet-300-100", shape, asInTorch, seed);
  let x = flatten(net, "flatten", net.input);
  sizes.forEach((units, k) => {
    x = relu(net, `relu${k + 1}`, dense(net, `fc${k + 1}`, x, wholeFrom(1, "sizes", units)));
  });
  return finished(net, dense(net, `fc${sizes.length + 1}`, x, classes));
}

export interface LeNet5Options extends NetworkOptions {
  /** Channels of the two convolutions, then units of the hidden dense layers; default 10, 20, 100, 25. */
  readonly sizes?: readonly number[] | undefined;
  /**
   * "torch", the default: ReLU after every hidden layer, parameters as PyTorch's layers start. "caffe": ReLU behind dense
   * layers only, filler "xavier", as in Caffe's examples/mnist/lenet.prototxt.
   */
  readonly style?: "torch" | "caffe" | undefined;
}

/**
 * Two 5x5 convolutions without padding, each followed by max pooling, then dense layers. The layers keep the names of
 * the original where convolutions, poolings and dense layers are counted together: c1, c3, f5, f6 and so on, out.
 * @see LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", 1998, section II.B.
 * Differs from it as all later versions do: max pooling, ReLU, every channel of c3 sees all of c1, no radial units.
 * @throws {PrunerError} `invalid-option` for fewer than two sizes, or images too small for two convolutions.
 * @example lenet5({ sizes: [20, 50, 800, 500] }); // 1,071,880 parameters
 */
export function lenet5(options: LeNet5Options = {}): Model {
  const { seed, classes, shape } = resolved(options, digits);
  const { sizes = [10, 20, 100, 25], style = "torch" } = options;
  const [first, second, ...units] = sizes.map((size) => wholeFrom(1, "sizes", size));
  if (first === undefined || second === undefined)
    throw new PrunerError("invalid-option", {
      option: "sizes",
      got: sizes.join(","),
      expected: "two numbers of channels, then any numbers of units, for example 10,20,100,25",
    });
  const net = newDraft("lenet5", shape, style === "caffe" ? asInCaffe : asInTorch, seed);
  let x = convAndPool(net, 1, net.input, first, style === "torch");
  x = convAndPool(net, 3, x, second, style === "torch");
  x = flatten(net, "flatten", x);
  units.forEach((size, k) => {
    x = relu(net, `relu${k + 5}`, dense(net, `f${k + 5}`, x, size));
  });
  return finished(net, dense(net, "out", x, classes));
}

function convAndPool(net: Draft, layer: number, x: Value, channels: number, rectified: boolean): Value {
  const summed = conv(net, `c${layer}`, x, { channels, kernel: 5, bias: true });
  const active = rectified ? relu(net, `relu${layer}`, summed) : summed;
  return maxPool(net, `s${layer + 1}`, active, { kernel: 2, stride: 2 });
}
