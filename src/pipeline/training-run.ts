/** @file A whole training run: open, measure, train, measure again, write; the same for fine-tuning and from scratch. */
import { rm, stat } from "node:fs/promises";
import { isProblem, PrunerError } from "../base/problem.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import { fitToInputs } from "../datasets/index.ts";
import { runtimeVersion } from "../engine/ort/load.ts";
import { divergence, type Measurement, measure } from "../evaluation/measure.ts";
import type { Interval } from "../metrics/index.ts";
import { openBatch } from "../passes/open-batch.ts";
import type { RunIdentity } from "../training/checkpoint.ts";
import { divergenceError } from "../training/loss-watch.ts";
import type { TrainSettings } from "../training/settings.ts";
import type { Runner } from "../valuation/runner.ts";
import { chooseOutput } from "../valuation/targets.ts";
import { checkOutputs } from "./check-outputs.ts";
import { figuresOf } from "./figures.ts";
import { checkLeftAlone } from "./freeze.ts";
import { type LoadedModel, runnable } from "./load-model.ts";
import type { WorkOptions } from "./progress.ts";
import { type DataSettings, type RuntimeSettings, startRuntime } from "./settings.ts";
import { teacherFor } from "./teacher.ts";
import { checkTargets, openTrainingParts, type Portion, type TrainingParts } from "./training-data.ts";
import {
  checkLesson,
  lessonOf,
  settingsFrom,
  type TrainingDefaults,
  type TrainingOptions,
} from "./training-options.ts";
import { recordOf, type TrainingRecord } from "./training-record.ts";
import { type Tuned, tune } from "./tune.ts";
import { withTraining, writeOutput } from "./write-model.ts";

export interface TrainingRunOptions extends RuntimeSettings, WorkOptions {
  readonly out: string;
  readonly data: DataSettings;
  /** Examples for the final figures alone; left out, a tenth of `data` is kept for them. */
  readonly testData?: DataSettings | undefined;
  /** Part of `data` that chooses the best epoch; a tenth when left out, none for a share or count of 0. */
  readonly validation?: Portion | undefined;
  /** Output that is trained and measured; the first when left out. */
  readonly output?: string | undefined;
  readonly teacher?: LoadedModel | undefined;
  readonly training: TrainingOptions;
  /** File the state is kept in while training goes on; beside `out` when left out. */
  readonly checkpoint?: string | undefined;
  /** Goes on from the checkpoint. */
  readonly resume?: boolean | undefined;
}

/** What is trained. */
export interface Subject {
  readonly command: TrainingRecord["command"];
  readonly model: LoadedModel;
  /** Size of the model before, for models that come from a file; without one there is no column "before". */
  readonly bytes?: number | undefined;
  readonly defaults: TrainingDefaults;
  /** What the record and the metadata of the output say about the network besides. */
  readonly notes?: Readonly<Record<string, unknown>> | undefined;
}

/** A run whose options have been checked and whose data are open. */
export interface TrainingBench {
  readonly subject: Subject;
  readonly options: TrainingRunOptions;
  readonly settings: TrainSettings;
  readonly analysis: ChannelAnalysis;
  readonly teacher: ChannelAnalysis | undefined;
  readonly parts: TrainingParts;
  readonly output: string;
  readonly runner: Runner;
}

/**
 * Trains a model and writes the result with a note of how it came about. The checkpoint goes once it is written.
 * @throws {PrunerError} Everything models, data and training can complain about; `interrupted`.
 */
export async function runTraining(subject: Subject, options: TrainingRunOptions): Promise<TrainingRecord> {
  return onTrainingBench(subject, options, trainOn);
}

/**
 * Checks what a training run is told, opens and cuts its data and does the work; the runtime is closed afterwards.
 * @throws {PrunerError} As `runTraining`.
 */
export async function onTrainingBench<T>(
  subject: Subject,
  options: TrainingRunOptions,
  work: (bench: TrainingBench, checkpoint: string) => Promise<T>,
): Promise<T> {
  const { model } = subject;
  const { training, data, testData, teacher } = options;
  const settings = settingsFrom(subject.defaults, training);
  checkLesson(training, { hasTeacher: teacher !== undefined, hasLabels: data.labels !== false });
  checkPatience(options);
  const checkpoint = options.checkpoint ?? `${options.out}.checkpoint`;
  const read = [data.path, data.labels, testData?.path, testData?.labels];
  await checkOutputs({ out: options.out, checkpoint }, [...model.files, ...(teacher?.files ?? []), ...read]);
  const analysis = runnable(model);
  const output = chooseOutput(analysis.model, options.output);
  checkLeftAlone(model.analysis.model, training);
  const taught = teacher === undefined ? undefined : runnable(teacher);
  const tutor = taught === undefined ? undefined : teacherFor(taught, analysis, options.output);
  const before = await modifiedAt(checkpoint);
  if (options.resume === true && before === undefined)
    throw new PrunerError("checkpoint-missing", { path: checkpoint });
  const { loss, seed } = training;
  const parts = await openTrainingParts(analysis, { ...options, loss, seed });
  for (const part of [parts.train, parts.test])
    checkTargets(analysis, output, part, { loss, hasTeacher: teacher !== undefined });
  checkLesson(training, { hasTeacher: teacher !== undefined, hasLabels: parts.train.labels !== undefined });
  if (before !== undefined && options.resume !== true)
    options.onRemark?.(`${checkpoint}: left by an earlier run, replaced by this one (--resume continues it)`);
  const runner = await startRuntime(options);
  try {
    const tutorAnalysis = tutor === undefined ? undefined : { ...taught!, model: tutor };
    const bench = { subject, options, settings, analysis, teacher: tutorAnalysis, parts, output, runner };
    return await work(bench, checkpoint);
  } catch (error) {
    if (options.signal?.aborted !== true || error instanceof PrunerError) throw error;
    const isKept = options.resume === true || (await modifiedAt(checkpoint)) !== before;
    const next = isKept
      ? `The state is in ${checkpoint}. Run the same command with --resume to continue.`
      : "Nothing was written; run the same command again.";
    throw new PrunerError("interrupted", { next }, { cause: error });
  } finally {
    await runner.close();
  }
}

function checkPatience({ training, validation }: TrainingRunOptions): void {
  const isNone = validation !== undefined && Object.values(validation).every((size) => size === 0);
  if (isNone && training.patience !== undefined)
    throw new PrunerError("usage", {
      detail: "--patience watches the examples of --validation, and there are none. Leave one of them out.",
    });
}

async function modifiedAt(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

async function trainOn(bench: TrainingBench, checkpoint: string): Promise<TrainingRecord> {
  const { subject, options, settings, parts, teacher, runner, analysis } = bench;
  const { model, bytes } = subject;
  const taught = teacher === undefined ? undefined : await measureOn(bench, teacher, "teacher");
  const original = bytes === undefined ? undefined : await measureOn(bench, analysis, "model");
  const tuned = await tune({
    ...options,
    runner,
    model: model.analysis.model,
    parts,
    teacher: teacher?.model,
    settings,
    lesson: options.training,
    checkpoint: {
      path: checkpoint,
      identity: identityOf(bench),
      resume: options.resume === true,
      mayChange: paceOf(options.training),
    },
  });
  const trained = analyzeChannels(openBatch(tuned.model));
  const final = await measureTrained(bench, trained, tuned, checkpoint);
  const written = await writeOutput(
    withTraining(tuned.model, model.hash, notesOf(bench, tuned)),
    options.out,
  );
  await rm(checkpoint, { force: true });
  const apart = (measurement: Measurement): Interval | undefined =>
    taught === undefined ? undefined : divergence(taught, measurement, analysis.model, bench.output);
  const before =
    original === undefined
      ? null
      : figuresOf({ analysis, bytes: bytes!, measurement: original, divergence: apart(original) });
  const after = figuresOf({
    analysis: trained,
    bytes: written,
    measurement: final,
    divergence: apart(final),
  });
  return recordOf({
    ...subject,
    teacher: options.teacher,
    parts,
    settings,
    lesson: options.training,
    tuned,
    before,
    after,
    correct: [original?.correct, final.correct],
    out: options.out,
  });
}

/** Outputs that overflow after training are its doing; the state it ended in is of no use then. */
async function measureTrained(
  bench: TrainingBench,
  trained: ChannelAnalysis,
  { history }: Tuned,
  checkpoint: string,
): Promise<Measurement> {
  try {
    return await measureOn(bench, trained, "trained model");
  } catch (error) {
    if (!isProblem(error, "output-not-finite")) throw error;
    await rm(checkpoint, { force: true });
    const { learningRate, clipNorm: clip } = bench.settings;
    const wrong = "the outputs of the trained model are not finite";
    throw divergenceError(history.losses.length - 1, wrong, "Nothing was written.", { learningRate, clip });
  }
}

async function measureOn(
  { runner, parts, options }: TrainingBench,
  { model }: ChannelAnalysis,
  which: string,
): Promise<Measurement> {
  const { signal, onProgress } = options;
  const onBatch = (done: number, total: number) =>
    onProgress?.({ label: `evaluating the ${which}`, done, total, unit: "examples" });
  const bound = fitToInputs(parts.test, model.graph.inputs);
  return measure(runner, model, bound, { output: chooseOutput(model, options.output), signal, onBatch });
}

/** What two runs have to share to end with the same bytes. The number of workers has no part in it. */
function identityOf({ subject, options, settings, parts, output, analysis }: TrainingBench): RunIdentity {
  const { training, teacher, threads = 1, providers } = options;
  const { optimizer, schedule, weightDecay, augmentations, stopping, ...plain } = settings;
  const stated = {
    model: subject.model.hash,
    inputs: analysis.model.graph.inputs.map(({ name, shape }) => `${name}: ${shape}`).join("; "),
    output,
    data: parts.train.fingerprint,
    "validation data": parts.validate?.fingerprint,
    teacher: teacher?.hash,
    epochs: plain.epochs,
    "batch size": plain.batchSize,
    "shard size": plain.shardSize,
    optimizer: JSON.stringify(optimizer),
    "learning rate": plain.learningRate,
    schedule: JSON.stringify(schedule),
    "weight decay": JSON.stringify(weightDecay),
    clip: plain.clipNorm,
    "clip value": plain.clipValue,
    "moving average": plain.averageDecay,
    augmentation: JSON.stringify(augmentations),
    "keep zeros": plain.keepZeros,
    patience: JSON.stringify(stopping),
    seed: plain.seed,
    loss: training.loss,
    "label smoothing": training.labelSmoothing,
    temperature: training.temperature,
    "weight of the teacher": training.distillWeight,
    frozen: training.freeze?.join(","),
    "frozen normalisation": training.freezeNorm,
    "operators taken for constant": training.constantOperators?.join(","),
    runtime: [runtimeVersion(), ...(providers ?? [])].join(" "),
    "threads inside a run": threads,
  };
  const entries = Object.entries(stated).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as RunIdentity;
}

/**
 * Keys of the identity that a resumed run may change, since nothing but the steps to come depends on them: the way out of
 * a run that diverged. They have to be stated; a default that differs means that the command is another one.
 */
function paceOf({ learningRate, schedule, clipNorm, clipValue }: TrainingOptions): string[] {
  const stated = { "learning rate": learningRate, schedule, clip: clipNorm, "clip value": clipValue };
  return Object.entries(stated).flatMap(([key, value]) => (value === undefined ? [] : [key]));
}

/** What the metadata of the output say about the training; without times and paths, so that equal runs give equal bytes. */
function notesOf({ subject, options, settings, parts }: TrainingBench, tuned: Tuned): object {
  return {
    command: subject.command,
    ...subject.notes,
    settings: { ...lessonOf(options.training), ...settings },
    data: parts.train.fingerprint,
    examples: parts.train.size,
    teacher: options.teacher?.hash,
    epochs: tuned.history.epochs.length,
    bestEpoch: tuned.bestEpoch,
    changes: tuned.history.changes,
  };
}
