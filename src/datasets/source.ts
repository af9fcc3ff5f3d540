/** @file One input of a data set: elements as stored, and how they become what the model is fed. */
import type { DType } from "../tensor/dtype.ts";
import type { StoredArray } from "./stored-array.ts";

/** Shifts and scales one channel: fed = stored · factor + shift. */
export interface Affine {
  /** Length 1 (all channels alike) or one entry per channel. */
  readonly factor: Float64Array;
  readonly shift: Float64Array;
}

/** Where channels sit in one example. */
export type Layout = "nchw" | "nhwc";

/** One input of the model: elements as stored, and how they become what the model is fed. */
export interface ExampleSource {
  readonly dtype: DType;
  /** Shape of one example as stored, without the batch axis. */
  readonly shape: readonly number[];
  /** Shape [rows, ...shape]. */
  readonly stored: StoredArray;
  /** Layout of the file, if it was stated; files without channels leave it out. */
  readonly layout: Layout | undefined;
  readonly affine: Affine | undefined;
  readonly feed: Feed;
}

/** What the model is fed for one example. */
export interface Feed {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Moves the channel axis on the way. */
  readonly moves: "nothing" | "last-to-first" | "first-to-last";
}
