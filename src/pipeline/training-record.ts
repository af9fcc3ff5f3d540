/** @file What train and finetune have to tell: a record in plain JSON. */
import { tool } from "../base/version.ts";
import { type PairedAccuracy, pairedAccuracy } from "../metrics/index.ts";
import type { ModelFigures } from "../report/records.ts";
import type { TrainSettings } from "../training/settings.ts";
import type { History, TrainOutcome } from "../training/train.ts";
import type { LoadedModel } from "./load-model.ts";
import type { TrainingParts } from "./training-data.ts";
import { type LessonChoices, lessonOf } from "./training-options.ts";
import type { Tuned } from "./tune.ts";

/** Everything about a run of train or finetune, as `--json` prints it. */
export interface TrainingRecord {
  readonly schemaVersion: 1;
  readonly tool: string;
  readonly version: string;
  readonly command: "train" | "finetune";
  /** Name of the reference network; null for a model from a file. */
  readonly network: string | null;
  /** SHA-256 of the model that training began with, and of the teacher. */
  readonly model: string;
  readonly teacher: string | null;
  /** SHA-256 of the examples learned from: content, selection and preprocessing. */
  readonly data: string;
  /** How many examples served each end; no example serves two. */
  readonly examples: { readonly train: number; readonly validate: number; readonly test: number };
  readonly settings: TrainSettings;
  readonly lesson: LessonChoices;
  /** Numbers that were trained. */
  readonly trainedParameters: number;
  /** A record for each epoch and the loss of each step, those before a resumption included. */
  readonly history: History;
  readonly stoppedBy: TrainOutcome["stoppedBy"];
  /** Epoch the written model comes from, counted from 1. */
  readonly bestEpoch: number;
  /** Steps of this session, and the time they took; fewer than in the history after --resume. */
  readonly steps: number;
  readonly seconds: number;
  readonly examplesPerSecond: number;
  /** Null for a network trained from scratch. `divergence` is from the teacher, here and in `after`. */
  readonly before: ModelFigures | null;
  readonly after: ModelFigures;
  readonly accuracyChange: PairedAccuracy | null;
  readonly out: string;
}

export interface RecordParts
  extends Pick<TrainingRecord, "command" | "before" | "after" | "out" | "settings"> {
  readonly model: LoadedModel;
  readonly notes?: Readonly<Record<string, unknown>> | undefined;
  readonly teacher: LoadedModel | undefined;
  readonly parts: TrainingParts;
  readonly lesson: LessonChoices;
  readonly tuned: Tuned;
  /** Which answers were right, before and after. */
  readonly correct: readonly [before: Float64Array | undefined, after: Float64Array | undefined];
}

/** Puts the record together. */
export function recordOf(found: RecordParts): TrainingRecord {
  const { parts, tuned, lesson, settings } = found;
  const [before, after] = found.correct;
  return {
    schemaVersion: 1,
    tool: tool.name,
    version: tool.version,
    command: found.command,
    network: (found.notes?.["network"] as string | undefined) ?? null,
    model: found.model.hash,
    teacher: found.teacher?.hash ?? null,
    data: parts.train.fingerprint,
    examples: {
      train: parts.train.size,
      validate: parts.validate?.size ?? 0,
      test: parts.test.size,
    },
    settings,
    lesson: lessonOf(lesson),
    trainedParameters: tuned.trainedParameters,
    history: tuned.history,
    stoppedBy: tuned.stoppedBy,
    bestEpoch: tuned.bestEpoch,
    steps: tuned.steps,
    seconds: tuned.seconds,
    examplesPerSecond: tuned.examplesPerSecond,
    before: found.before,
    after: found.after,
    accuracyChange: before !== undefined && after !== undefined ? pairedAccuracy(before, after) : null,
    out: found.out,
  };
}
