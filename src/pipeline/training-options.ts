/** @file What training can be told, and what holds where nothing is said: for fine-tuning, and from a network's recipe. */
import { PrunerError } from "../base/problem.ts";
import type { LossSpec } from "../losses/spec.ts";
import type { Recipe } from "../networks/index.ts";
import type { Augmentation } from "../training/augment/index.ts";
import type { OptimizerSpec, SgdSpec } from "../training/optimizers/index.ts";
import type { Schedule } from "../training/schedules.ts";
import { checkSettings, type TrainSettings } from "../training/settings.ts";

/** Settings as they were asked for; what is left out follows the defaults. */
export interface TrainingChoices {
  readonly epochs?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly shardSize?: number | undefined;
  readonly optimizer?: OptimizerSpec["kind"] | undefined;
  readonly learningRate?: number | undefined;
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
  readonly schedule?: Schedule | undefined;
  readonly weightDecay?: number | undefined;
  /** Whether biases and parameters of normalisations decay too. */
  readonly decayAll?: boolean | undefined;
  readonly clipNorm?: number | undefined;
  readonly clipValue?: number | undefined;
  readonly averageDecay?: number | undefined;
  readonly augmentations?: readonly Augmentation[] | undefined;
  readonly keepZeros?: boolean | undefined;
  readonly patience?: number | undefined;
  readonly minDelta?: number | undefined;
}

/** What is learned, and what stays as it is. */
export interface LessonChoices {
  readonly loss?: LossSpec["kind"] | undefined;
  readonly labelSmoothing?: number | undefined;
  readonly temperature?: number | undefined;
  readonly distillWeight?: number | undefined;
  /** Names, globs or expressions of weights, or of the nodes that read them. */
  readonly freeze?: readonly string[] | undefined;
  /** Normalise by the running statistics of the model, and leave them alone. */
  readonly freezeNorm?: boolean | undefined;
  readonly constantOperators?: readonly string[] | undefined;
}

/** The lesson alone, out of options that say more. */
export function lessonOf(options: LessonChoices): LessonChoices {
  const { loss, labelSmoothing, temperature, distillWeight, freeze, freezeNorm, constantOperators } = options;
  return { loss, labelSmoothing, temperature, distillWeight, freeze, freezeNorm, constantOperators };
}

/** Everything that can be said about training apart from model, data and teacher. */
export interface TrainingOptions extends TrainingChoices, LessonChoices {
  readonly seed: number;
}

export type TrainingDefaults = Required<
  Pick<TrainSettings, "epochs" | "batchSize" | "learningRate" | "schedule" | "weightDecay" | "augmentations">
> & { readonly optimizer: SgdSpec };

/** A few gentle passes that repair what pruning did. */
export const finetuneDefaults: TrainingDefaults = {
  epochs: 3,
  batchSize: 128,
  optimizer: { kind: "sgd", momentum: 0.9, nesterov: true },
  learningRate: 0.01,
  schedule: { kind: "cosine", finalShare: 0 },
  weightDecay: { strength: 5e-4, on: "weights" },
  augmentations: [],
};

/** Learning rate of Adam and AdamW, whose steps do not grow with the gradient. */
const adamLearningRate = 1e-3;

/** The recipe of a reference network; places in its schedule become shares, so that other --epochs stretch it. */
export function recipeDefaults({ augmentation, schedule, ...recipe }: Recipe): TrainingDefaults {
  return {
    ...recipe,
    schedule:
      schedule.kind === "step"
        ? { ...schedule, at: schedule.at.map(({ epochs }) => ({ share: epochs / recipe.epochs })) }
        : schedule,
    augmentations: augmentation.map((one) => (one.kind === "crop" ? { ...one, border: "fill" } : one)),
  };
}

/**
 * Choices over defaults.
 * @throws {PrunerError} `invalid-option` for numbers out of range, `usage` for settings that do not go together.
 */
export function settingsFrom(defaults: TrainingDefaults, choices: TrainingOptions): TrainSettings {
  const { weightDecay, decayAll, clipNorm, clipValue, averageDecay, patience, minDelta } = choices;
  const optimizer = optimizerOf(defaults, choices);
  const usualRate = optimizer.kind === "sgd" ? defaults.learningRate : adamLearningRate;
  if (minDelta !== undefined && patience === undefined)
    throw new PrunerError("usage", {
      detail: "--min-delta says what counts as an improvement for --patience. Give both, or neither.",
    });
  const on = decayAll === undefined ? defaults.weightDecay.on : decayAll ? "all" : "weights";
  const settings: TrainSettings = {
    epochs: choices.epochs ?? defaults.epochs,
    batchSize: choices.batchSize ?? defaults.batchSize,
    shardSize: choices.shardSize ?? "auto",
    optimizer,
    learningRate: choices.learningRate ?? usualRate,
    schedule: choices.schedule ?? defaults.schedule,
    weightDecay: { strength: weightDecay ?? defaults.weightDecay.strength, on },
    clipNorm,
    clipValue,
    averageDecay,
    augmentations: choices.augmentations ?? defaults.augmentations,
    keepZeros: choices.keepZeros === true,
    stopping: patience === undefined ? undefined : { patience, minDelta },
    seed: choices.seed,
  };
  checkSettings(settings);
  return settings;
}

function optimizerOf(defaults: TrainingDefaults, choices: TrainingChoices): OptimizerSpec {
  const kind = choices.optimizer ?? defaults.optimizer.kind;
  if (kind !== "sgd") {
    const foreign = choices.momentum !== undefined ? "momentum" : choices.nesterov === true && "nesterov";
    if (foreign !== false)
      throw new PrunerError("usage", {
        detail: `--${foreign} is for --optimizer sgd; ${kind} has moments of its own. Leave it out.`,
      });
    return { kind };
  }
  const momentum = choices.momentum ?? defaults.optimizer.momentum ?? 0;
  const nesterov = choices.nesterov ?? (momentum > 0 && defaults.optimizer.nesterov === true);
  return { kind, momentum, nesterov };
}

/**
 * Refuses lessons that contradict themselves, before data are read.
 * @throws {PrunerError} `usage`, and `invalid-option` for numbers out of range.
 */
export function checkLesson(
  { loss, temperature, distillWeight, labelSmoothing }: LessonChoices,
  { hasTeacher, hasLabels }: { readonly hasTeacher: boolean; readonly hasLabels: boolean },
): void {
  const refuse = (detail: string): never => {
    throw new PrunerError("usage", { detail });
  };
  const forTeacher =
    temperature !== undefined ? "temperature" : distillWeight === undefined ? undefined : "distill-weight";
  if (!hasTeacher && forTeacher !== undefined) refuse(`--${forTeacher} needs a --teacher to learn from.`);
  if (hasTeacher && !hasLabels && distillWeight !== undefined && distillWeight !== 1)
    refuse("--distill-weight: without labels the teacher is all there is. Leave it out, or give --labels.");
  if (loss !== "squared-error") return;
  if (hasTeacher) refuse("--teacher teaches classes. Leave it out, or use --loss cross-entropy.");
  if (labelSmoothing !== undefined) refuse("--label-smoothing is for --loss cross-entropy. Leave it out.");
}
