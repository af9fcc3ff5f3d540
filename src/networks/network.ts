/** @file What a reference network says about itself: how it is built, what it is fed and how it is trained. */
import type { Model } from "../graph/model.ts";

/** What can be chosen when a network is built. */
export interface NetworkOptions {
  /** Decides all random parameters; default 0. */
  readonly seed?: number | undefined;
  /** Outputs of the classifier. */
  readonly classes?: number | undefined;
  /** Channels of the images. */
  readonly inputChannels?: number | undefined;
  /** Height and width of the images. */
  readonly inputSize?: number | undefined;
}

/** Sizes that only some networks let one choose; see `Network.sizing`. */
export interface SizeOptions {
  /** Channels and units, layer by layer. */
  readonly sizes?: readonly number[] | undefined;
  /** Factor on all channels, or channels of the first stage: what the network's own option of that name says. */
  readonly width?: number | undefined;
}

/** How bytes become what the network is trained on: (byte / pixelScale - mean) / std, per channel. */
export interface InputPreprocessing {
  readonly pixelScale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface Sgd {
  readonly kind: "sgd";
  readonly momentum: number;
  readonly nesterov: boolean;
}

/** How the learning rate moves from its start. */
export type RecipeSchedule =
  /** Times `factor` where each of these epochs begins, counted from 0. */
  | { readonly kind: "step"; readonly at: readonly { readonly epochs: number }[]; readonly factor: number }
  /** Falls along half a cosine to this share of the start. */
  | { readonly kind: "cosine"; readonly finalShare: number };

/** A random change to every training image. */
export type RecipeAugmentation =
  /** A window of the original size, out of the image with `padding` zeros around it. */
  | { readonly kind: "crop"; readonly padding: number }
  /** Mirrored left to right for every second image. */
  | { readonly kind: "flip" };

/** A way to train the network from scratch, as plain data that the trainer takes part by part. */
export interface Recipe {
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: Sgd;
  readonly learningRate: number;
  readonly schedule: RecipeSchedule;
  /** "weights" spares biases and the parameters of normalisations. */
  readonly weightDecay: { readonly strength: number; readonly on: "weights" | "all" };
  readonly augmentation: readonly RecipeAugmentation[];
}

/** A network by the name users choose it by. */
export interface Network {
  readonly title: string;
  /** Where architecture, initialisation and recipe come from. */
  readonly reference: string;
  /** Sizes of one example unless chosen otherwise: [channels, height, width]. */
  readonly inputShape: readonly [channels: number, height: number, width: number];
  readonly classes: number;
  /** For images with the channels above. */
  readonly preprocessing: InputPreprocessing;
  readonly recipe: Recipe;
  /** Sizes that can be chosen besides those of the data; none where it is left out. */
  readonly sizing?: readonly (keyof SizeOptions)[] | undefined;
  /**
   * A freshly initialised model with input "input" [N, channels, height, width] and output "logits" [N, classes]; the
   * same options give the same bytes.
   * @throws {PrunerError} `invalid-option` for sizes the architecture cannot have.
   */
  build(options?: NetworkOptions & SizeOptions): Model;
}
