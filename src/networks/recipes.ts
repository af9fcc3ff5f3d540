/** @file How the reference networks are trained from scratch unless told otherwise, and what they are fed. */
import type { InputPreprocessing, Recipe, Sgd } from "./network.ts";

const momentum: Sgd = { kind: "sgd", momentum: 0.9, nesterov: false };
const nesterov: Sgd = { kind: "sgd", momentum: 0.9, nesterov: true };

/** Pixels as numbers from 0 to 1. */
export const unitPixels: InputPreprocessing = { pixelScale: 255, mean: [0], std: [1] };

/** Caffe's examples/mnist scales by 1 / 256. */
export const caffePixels: InputPreprocessing = { pixelScale: 256, mean: [0], std: [1] };

/** Colours centred and scaled by what ImageNet has; public CIFAR models keep these figures. */
export const imagenetPixels: InputPreprocessing = {
  pixelScale: 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** For both digit networks; ours. */
export const digitsRecipe: Recipe = {
  epochs: 10,
  batchSize: 64,
  optimizer: nesterov,
  learningRate: 0.03,
  schedule: { kind: "cosine", finalShare: 0 },
  weightDecay: { strength: 1e-4, on: "weights" },
  augmentation: [],
};

/**
 * Caffe's examples/mnist/lenet_solver.prototxt: 10,000 steps at batch 64 from 0.01. Its learning rate falls to six tenths
 * along (1 + step / 10,000)^-0.75; here it falls to 0 along a cosine.
 */
export const caffeRecipe: Recipe = {
  epochs: 11,
  batchSize: 64,
  optimizer: momentum,
  learningRate: 0.01,
  schedule: { kind: "cosine", finalShare: 0 },
  weightDecay: { strength: 5e-4, on: "all" },
  augmentation: [],
};

/** What is common for VGG on CIFAR (weight decay 5e-4, start at 0.05), with a cosine in place of many steps. */
export const vggRecipe: Recipe = {
  epochs: 200,
  batchSize: 128,
  optimizer: momentum,
  learningRate: 0.05,
  schedule: { kind: "cosine", finalShare: 0 },
  weightDecay: { strength: 5e-4, on: "all" },
  augmentation: [{ kind: "crop", padding: 4 }, { kind: "flip" }],
};

/** He et al., CVPR 2016, section 4.2 (64,000 steps, a tenth at 32,000 and 48,000), in the epochs of public models. */
export const resnetCifarRecipe: Recipe = {
  epochs: 200,
  batchSize: 128,
  optimizer: momentum,
  learningRate: 0.1,
  schedule: { kind: "step", at: [{ epochs: 100 }, { epochs: 150 }], factor: 0.1 },
  weightDecay: { strength: 1e-4, on: "all" },
  augmentation: [{ kind: "crop", padding: 4 }, { kind: "flip" }],
};

/** torchvision's reference, with a crop out of the padded image where it crops at random scale and aspect. */
export const resnet50Recipe: Recipe = {
  epochs: 90,
  batchSize: 256,
  optimizer: momentum,
  learningRate: 0.1,
  schedule: { kind: "step", at: [{ epochs: 30 }, { epochs: 60 }], factor: 0.1 },
  weightDecay: { strength: 1e-4, on: "all" },
  augmentation: [{ kind: "crop", padding: 28 }, { kind: "flip" }],
};
