/** @file What a training run is asked for. */
import { PrunerError } from "../base/problem.ts";
import type { Augmentation } from "./augment/index.ts";
import { checkAverageDecay } from "./average.ts";
import { checkEarlyStopping, type EarlyStopping } from "./early-stopping.ts";
import { defineOptimizer, type OptimizerSpec } from "./optimizers/index.ts";
import type { Schedule } from "./schedules.ts";
import { type WeightDecay, weightDecayBy } from "./weight-decay.ts";

export interface TrainSettings {
  readonly epochs: number;
  readonly batchSize: number;
  /** Examples a thread takes at a time; batch statistics go over so many. "auto" goes by the network (`shardSizeFor`). */
  readonly shardSize: number | "auto";
  readonly optimizer: OptimizerSpec;
  /** The highest learning rate of the schedule. */
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly weightDecay: WeightDecay;
  /** Longest gradient, over all parameters together. */
  readonly clipNorm?: number | undefined;
  /** Largest element of a gradient. */
  readonly clipValue?: number | undefined;
  /** Share that a moving average of the parameters keeps at each step; the average is then the result. */
  readonly averageDecay?: number | undefined;
  readonly augmentations: readonly Augmentation[];
  /** Weights that are zero at the start stay zero. */
  readonly keepZeros?: boolean | undefined;
  readonly stopping?: Omit<EarlyStopping, "better"> | undefined;
  readonly seed: number;
}

/** @throws {PrunerError} `invalid-option` for a number out of its range, by the name of its option. */
export function checkSettings(settings: TrainSettings): void {
  const { learningRate, clipNorm, clipValue, averageDecay, stopping, epochs, batchSize, shardSize } =
    settings;
  const shard = shardSize === "auto" ? 1 : shardSize;
  for (const [option, value] of Object.entries({ epochs, batch: batchSize, "shard-size": shard })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) throw refused(option, value, "a whole number from 1");
  }
  for (const [option, value] of Object.entries({
    lr: learningRate,
    clip: clipNorm,
    "clip-value": clipValue,
  })) {
    if (value !== undefined && !(value > 0 && Number.isFinite(value)))
      throw refused(option, value, "a number above 0");
  }
  if (averageDecay !== undefined) checkAverageDecay(averageDecay);
  if (stopping !== undefined) checkEarlyStopping({ ...stopping, better: "lower" });
  defineOptimizer(settings.optimizer);
  weightDecayBy(new Map(), settings.weightDecay);
}

function refused(option: string, got: number, expected: string): PrunerError<"invalid-option"> {
  return new PrunerError("invalid-option", { option, got: String(got), expected });
}
