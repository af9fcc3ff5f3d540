/** @file The ways of varying an image that training knows, and the words for them on the command line. */
import { PrunerError } from "../../base/problem.ts";
import type { DType } from "../../tensor/dtype.ts";

/** Each draws anew for every image; they are carried out in the order of the list. */
export type Augmentation =
  | {
      readonly kind: "crop";
      /** Pixels added on every side before a window of the old size is cut out: a shift by up to that many. */
      readonly padding: number;
      /** What is added: black, or the image mirrored at its outermost pixels. */
      readonly border: "fill" | "reflect";
    }
  /** Left and right change places in half of the images. */
  | { readonly kind: "flip" }
  /** A square around a random pixel becomes 0, which is the mean after the usual preprocessing. */
  | { readonly kind: "cutout"; readonly size: number }
  | {
      readonly kind: "jitter";
      /** Brightness is multiplied by 1 ± this. */
      readonly brightness: number;
      /** Distances from the channel's mean are multiplied by 1 ± this. */
      readonly contrast: number;
    };

const expected =
  'a list such as "crop:4,flip" of: crop:PIXELS, crop:PIXELS:reflect, shift:PIXELS (for digits), flip, cutout:PIXELS, ' +
  "jitter:SHARE, jitter:BRIGHTNESS:CONTRAST";

/**
 * Reads a list of augmentations. "shift" is another word for "crop": cutting a window out of a padded image shifts it.
 * @throws {PrunerError} `invalid-option`.
 * @example parseAugmentation("crop:4,flip");
 */
export function parseAugmentation(text: string): Augmentation[] {
  return text.split(",").map((part) => {
    const parsed = parseOne(part.trim().split(":"));
    if (parsed === undefined)
      throw new PrunerError("invalid-option", { option: "augment", got: text, expected });
    return parsed;
  });
}

function parseOne([kind, a, b, ...rest]: readonly string[]): Augmentation | undefined {
  if (rest.length > 0) return undefined;
  if (kind === "flip" && a === undefined) return { kind };
  if (a === undefined) return undefined;
  const pixels = /^[1-9]\d{0,5}$/.test(a) ? Number(a) : undefined;
  if (kind === "jitter") {
    const [brightness, contrast] = [shareOf(a), shareOf(b ?? a)];
    return brightness === undefined || contrast === undefined ? undefined : { kind, brightness, contrast };
  }
  if (pixels === undefined) return undefined;
  if (kind === "crop" && b === "reflect") return { kind, padding: pixels, border: "reflect" };
  if (b !== undefined) return undefined;
  if (kind === "crop" || kind === "shift") return { kind: "crop", padding: pixels, border: "fill" };
  return kind === "cutout" ? { kind, size: pixels } : undefined;
}

function shareOf(text: string): number | undefined {
  const share = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  return share >= 0 && share <= 1 ? share : undefined;
}

/**
 * Checks that an input of the network holds images that the augmentations fit.
 * @param feed What the network is fed for one example, without the batch axis.
 * @throws {PrunerError} `augmentation-not-applicable`.
 */
export function checkAugmentable(
  augmentations: readonly Augmentation[],
  input: string,
  feed: { readonly dtype: DType; readonly shape: readonly number[] },
): void {
  if (augmentations.length === 0) return;
  const refuse = (detail: string): PrunerError =>
    new PrunerError("augmentation-not-applicable", { input, detail });
  const [, height, width, ...more] = feed.shape;
  if (height === undefined || width === undefined || more.length > 0)
    throw refuse(`images have the axes [N, C, H, W], and this one is [N, ${feed.shape.join(", ")}]`);
  if (feed.dtype !== "float32") throw refuse(`its elements are ${feed.dtype} and not float32`);
  for (const augmentation of augmentations) {
    if (augmentation.kind === "crop" && augmentation.padding >= Math.min(height, width))
      throw refuse(`a shift by ${augmentation.padding} pixels can leave nothing of ${height} by ${width}`);
    if (augmentation.kind === "cutout" && augmentation.size >= 2 * Math.max(height, width))
      throw refuse(`a hole of ${augmentation.size} pixels can leave nothing of ${height} by ${width}`);
  }
}
