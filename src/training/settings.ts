/** @file What a training run is asked for. */
import type { Augmentation } from "./augment/index.ts";
import type { EarlyStopping } from "./early-stopping.ts";
import type { OptimizerSpec } from "./optimizers/index.ts";
import type { Schedule } from "./schedules.ts";
import type { WeightDecay } from "./weight-decay.ts";

export interface TrainSettings {
  readonly epochs: number;
  readonly batchSize: number;
  /** Examples a thread takes at a time; batch statistics go over so many. */
  readonly shardSize: number;
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

/** Examples a thread takes at a time when nothing else is asked for. */
export const defaultShardSize = 32;
