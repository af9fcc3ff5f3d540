/** @file Varies the images of a batch in place, each by draws of its own. */
import type { Affine } from "../../datasets/source.ts";
import { below, type RandomStream, stream, uniform } from "../../math/random.ts";
import type { Augmentation } from "./augmentation.ts";
import { crop, cutout, flip, type Image, jitter } from "./image.ts";

export interface AugmentOptions {
  readonly seed: number;
  /** From 0; every pass over the data varies the images anew. */
  readonly epoch: number;
  /** What a black pixel is after preprocessing, one value per channel; see `blackAfter`. */
  readonly black: Float32Array;
}

/** Keeps these draws apart from all others of the seed; epochs are counted from here. */
const purpose = 11 * 2 ** 32;

/**
 * Varies images after preprocessing, in place. The result for an example depends on seed, epoch and its index alone, not
 * on the batch it is in.
 * @param batch Shape [N, C, H, W].
 * @param examples Index in the data set of each of the N images.
 */
export function augmentBatch(
  batch: Float32Array,
  [count, channels, height, width]: readonly [number, number, number, number],
  examples: ArrayLike<number>,
  augmentations: readonly Augmentation[],
  { seed, epoch, black }: AugmentOptions,
): void {
  const plane = height * width;
  const image: Image = { data: batch, start: 0, channels, height, width, scratch: new Float32Array(plane) };
  for (let k = 0; k < count; k++) {
    image.start = k * channels * plane;
    const random = stream(seed, examples[k]!, purpose + epoch);
    for (const augmentation of augmentations) vary(image, augmentation, black, random);
  }
}

function vary(image: Image, augmentation: Augmentation, black: Float32Array, random: RandomStream): void {
  switch (augmentation.kind) {
    case "crop": {
      const { padding, border } = augmentation;
      const down = below(2 * padding + 1, random) - padding;
      const right = below(2 * padding + 1, random) - padding;
      crop(image, down, right, border === "fill" ? black : undefined);
      break;
    }
    case "flip":
      if (below(2, random) === 1) flip(image);
      break;
    case "cutout": {
      const half = augmentation.size >> 1;
      const top = below(image.height, random) - half;
      const left = below(image.width, random) - half;
      cutout(image, top, left, augmentation.size);
      break;
    }
    case "jitter": {
      const brightness = 1 + augmentation.brightness * (2 * uniform(random) - 1);
      const contrast = 1 + augmentation.contrast * (2 * uniform(random) - 1);
      jitter(image, brightness, contrast, black);
      break;
    }
    default:
      augmentation satisfies never;
  }
}

/** What a stored 0 becomes in preprocessing, channel by channel: 0 − mean / std. */
export function blackAfter(affine: Affine | undefined, channels: number): Float32Array {
  if (affine === undefined) return new Float32Array(channels);
  const { shift } = affine;
  return Float32Array.from({ length: channels }, (_, channel) => shift[shift.length === 1 ? 0 : channel]!);
}
