/** @file Variation of training images. */
export { type AugmentOptions, augmentBatch, blackAfter } from "./augment.ts";
export { type Augmentation, checkAugmentable, parseAugmentation } from "./augmentation.ts";
