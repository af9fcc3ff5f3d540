/** @file How stored numbers become what the network was trained on: pixel / scale, minus mean, over standard deviation. */
import { PrunerError } from "../base/problem.ts";
import { type DType, isFloat } from "../tensor/dtype.ts";
import type { Affine, Layout } from "./source.ts";

export interface Preprocessing {
  /** Divides every element; 255 turns bytes into 0...1. Default 1. */
  readonly pixelScale?: number | undefined;
  /** Subtracted after scaling: one number, or one per channel. Default 0. */
  readonly mean?: readonly number[] | undefined;
  /** Divides after the mean: one number, or one per channel. Default 1. */
  readonly std?: readonly number[] | undefined;
  /** Where the file keeps its channels. Default: as the model wants them. */
  readonly layout?: Layout | undefined;
}

/** Whether any option changes numbers (layout only moves them). */
export function changesNumbers({ pixelScale, mean, std }: Preprocessing): boolean {
  return pixelScale !== undefined || mean !== undefined || std !== undefined;
}

/**
 * Checks the options against one example and folds them into one multiplication and one addition per channel:
 * (x / scale − mean) / std = x · 1/(scale · std) − mean / std.
 * @param shape Shape of one example as stored.
 * @throws {PrunerError} `invalid-option` for numbers out of range or a count that differs from the channels.
 */
export function affineOf(options: Preprocessing, shape: readonly number[]): Affine | undefined {
  if (!changesNumbers(options)) return undefined;
  const { pixelScale = 1, mean = [0], std = [1] } = options;
  const channels = (options.layout === "nhwc" ? shape.at(-1) : shape[0]) ?? 1;
  if (!(pixelScale > 0 && Number.isFinite(pixelScale))) {
    throw invalid("pixel-scale", String(pixelScale), "a number above 0, for example 255");
  }
  checkPerChannel("mean", mean, channels, Number.isFinite, "finite numbers");
  checkPerChannel("std", std, channels, (x) => x > 0 && Number.isFinite(x), "numbers above 0");
  const length = Math.max(mean.length, std.length);
  const at = (list: readonly number[], channel: number): number => list[list.length === 1 ? 0 : channel]!;
  return {
    factor: Float64Array.from({ length }, (_, channel) => 1 / (pixelScale * at(std, channel))),
    shift: Float64Array.from({ length }, (_, channel) => -at(mean, channel) / at(std, channel)),
  };
}

function checkPerChannel(
  option: string,
  list: readonly number[],
  channels: number,
  isGood: (x: number) => boolean,
  kind: string,
): void {
  if ((list.length === 1 || list.length === channels) && list.every(isGood)) return;
  const count =
    channels === 1 ? "one" : `one, or ${channels} (one per channel; --layout says where they are)`;
  throw invalid(option, list.join(","), `${kind}: ${count}`);
}

function invalid(option: string, got: string, expected: string): PrunerError {
  return new PrunerError("invalid-option", { option, got, expected });
}

/** What is fed unless a model says otherwise: pixels and floats as float32, integers (token ids) as they are. */
export function feedDType(stored: DType, options: Preprocessing): DType {
  return isFloat(stored) || stored === "uint8" || changesNumbers(options) ? "float32" : stored;
}
