/** @file Every reference network by the name users choose it by. */
import { nearestNames } from "../base/nearest-names.ts";
import { PrunerError } from "../base/problem.ts";
import type { Model } from "../graph/model.ts";
import { lenet5, lenet300 } from "./lenet.ts";
import type { Network, NetworkOptions, SizeOptions } from "./network.ts";
import {
  caffePixels,
  caffeRecipe,
  digitsRecipe,
  imagenetPixels,
  resnet50Recipe,
  resnetCifarRecipe,
  unitPixels,
  vggRecipe,
} from "./recipes.ts";
import { resnetCifar } from "./resnet-cifar.ts";
import { resnet50 } from "./resnet50.ts";
import { vgg16 } from "./vgg.ts";

const digits = {
  inputShape: [1, 28, 28],
  classes: 10,
  preprocessing: unitPixels,
  recipe: digitsRecipe,
} as const;

const cifar = { inputShape: [3, 32, 32], classes: 10, preprocessing: imagenetPixels } as const;

const lecun =
  'LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", Proceedings of the IEEE 86, 1998';
const simonyan =
  'Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015';
const he = 'He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", CVPR 2016';

export const networks = {
  "lenet-300-100": {
    ...digits,
    title: "LeNet-300-100, a perceptron for digits",
    reference: lecun,
    sizing: ["sizes"],
    build: lenet300,
  },
  lenet5: {
    ...digits,
    title: "LeNet-5 with 10-20-100-25 channels",
    reference: lecun,
    sizing: ["sizes"],
    build: lenet5,
  },
  "lenet5-large": {
    ...digits,
    title: "LeNet-5 with 20-50-800-500 channels",
    reference: lecun,
    build: (options) => lenet5({ ...options, sizes: [20, 50, 800, 500] }),
  },
  "lenet5-caffe": {
    ...digits,
    title: "LeNet-5 with 20-50-500 channels, as in Caffe's examples",
    reference: `${lecun}; BVLC Caffe, examples/mnist`,
    preprocessing: caffePixels,
    recipe: caffeRecipe,
    build: (options) => lenet5({ ...options, sizes: [20, 50, 500], style: "caffe" }),
  },
  vgg16: {
    ...cifar,
    title: "VGG-16 with batch normalisation, for CIFAR",
    reference: simonyan,
    recipe: vggRecipe,
    sizing: ["width"],
    build: vgg16,
  },
  "vgg16-slim": {
    ...cifar,
    title: "VGG-16 with a quarter of the channels, for CIFAR",
    reference: simonyan,
    recipe: vggRecipe,
    build: (options) => vgg16({ ...options, width: 0.25 }),
  },
  resnet20: cifarResNet(20),
  resnet32: cifarResNet(32),
  resnet56: cifarResNet(56),
  resnet50: {
    title: "ResNet-50, for ImageNet",
    reference: he,
    inputShape: [3, 224, 224],
    classes: 1000,
    preprocessing: imagenetPixels,
    recipe: resnet50Recipe,
    sizing: ["width"],
    build: resnet50,
  },
} satisfies Record<string, Network>;

function cifarResNet(depth: number): Network {
  return {
    ...cifar,
    title: `ResNet-${depth}, for CIFAR`,
    reference: he,
    recipe: resnetCifarRecipe,
    sizing: ["width"],
    build: (options) => resnetCifar({ ...options, depth }),
  };
}

export type NetworkName = keyof typeof networks;

/**
 * What there is to know about a network: recipe, preprocessing, how to build it.
 * @throws {PrunerError} `unknown-network`.
 */
export function networkNamed(name: string): Network {
  if (Object.hasOwn(networks, name)) return networks[name as NetworkName];
  const known = Object.keys(networks);
  throw new PrunerError("unknown-network", { name, nearest: nearestNames(name, known), known });
}

/**
 * A freshly initialised network that says in its metadata what it is.
 * @throws {PrunerError} `unknown-network`, and `invalid-option` for sizes the architecture cannot have or does not offer.
 * @example buildNetwork("resnet20", { seed: 1, classes: 100 });
 */
export function buildNetwork(name: string, options: NetworkOptions & SizeOptions = {}): Model {
  const network = networkNamed(name);
  checkSizing(name, network, options);
  const model = network.build(options);
  const notes = { "shapley_pruner.network": name, "shapley_pruner.seed": String(options.seed ?? 0) };
  return { ...model, metadata: new Map([...model.metadata, ...Object.entries(notes)]) };
}

/** A size that the network would not heed is refused. */
function checkSizing(name: string, { sizing = [] }: Network, options: SizeOptions): void {
  for (const option of ["sizes", "width"] as const) {
    const got = options[option];
    if (got === undefined || sizing.includes(option)) continue;
    const others = Object.entries<Network>(networks).filter(([, other]) => other.sizing?.includes(option));
    const expected = `nothing for ${name}, whose sizes are fixed that way; it can be chosen for ${others.map(([other]) => other).join(", ")}`;
    throw new PrunerError("invalid-option", { option, got: String(got), expected });
  }
}

export { type LeNet5Options, type LeNet300Options, lenet5, lenet300 } from "./lenet.ts";
export type {
  InputPreprocessing,
  Network,
  NetworkOptions,
  Recipe,
  RecipeAugmentation,
  RecipeSchedule,
  SizeOptions,
} from "./network.ts";
export { type ResNetCifarOptions, resnetCifar } from "./resnet-cifar.ts";
export { type ResNet50Options, resnet50 } from "./resnet50.ts";
export { type VggOptions, vgg16 } from "./vgg.ts";
