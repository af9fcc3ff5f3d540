/** @file From a network, data and settings to a trained network: everything between the options and the loop. */
import { PrunerError } from "../base/problem.ts";
import { classLabels, type Dataset } from "../datasets/index.ts";
import type { Dim, Model } from "../graph/model.ts";
import type { Penalty } from "../losses/penalties.ts";
import type { Distillation, LossSpec } from "../losses/spec.ts";
import { inferFacts } from "../ops/infer.ts";
import { liftConstants } from "../passes/lift-constants.ts";
import { writeBack } from "../passes/to-float32.ts";
import { float32, sizeOf, type Tensor } from "../tensor/tensor.ts";
import type { Runner } from "../valuation/runner.ts";
import { chooseOutput, outputKind } from "../valuation/targets.ts";
import { checkAugmentable } from "./augment/index.ts";
import type { BatchSource, Targets } from "./batches.ts";
import { type RunIdentity, readCheckpoint, type TrainingState } from "./checkpoint.ts";
import type { Projection } from "./hooks.ts";
import { checkSettings, type TrainSettings } from "./settings.ts";
import { shardSizeFor } from "./shard-size.ts";
import { stepperFor } from "./stepper.ts";
import { cachedTeacher, withTeacher } from "./teacher.ts";
import { type History, type TrainEvent, type TrainOutcome, train } from "./train.ts";
import { type TrainingGraph, trainingGraph } from "./training-graph.ts";
import { type Validator, validatorFor } from "./validator.ts";

export interface FitOptions {
  readonly runner: Runner;
  readonly model: Model;
  /** Examples to learn from, bound to the inputs the model has in single precision (`toFloat32`). */
  readonly dataset: Dataset;
  /** Examples that choose the best epoch; learned from by nobody. */
  readonly validation?: Dataset | undefined;
  /** Network whose outputs are learned from, besides the labels or instead of them. */
  readonly teacher?: Model | undefined;
  readonly settings: TrainSettings;
  /** Output that is trained; the first when left out. */
  readonly output?: string | undefined;
  /** Default: squared error for labels that are numbers, else cross-entropy. Without labels the teacher's outputs are the aim. */
  readonly loss?: LossSpec["kind"] | undefined;
  readonly labelSmoothing?: number | undefined;
  /** How the teacher counts. Default: temperature 4, weight 0.7 beside labels, 1 without. */
  readonly distill?: Partial<Distillation> | undefined;
  readonly penalties?: readonly Penalty[] | undefined;
  readonly projections?: readonly Projection[] | undefined;
  readonly freeze?: ((name: string) => boolean) | undefined;
  readonly norm?: "batch" | "running" | undefined;
  readonly constantOperators?: readonly string[] | undefined;
  /** File that the state is kept in while training goes on; read when it is there and belongs to this run. */
  readonly checkpoint?:
    | {
        readonly path: string;
        readonly identity: RunIdentity;
        readonly resume: boolean;
        /** Keys of the identity that a resumed run may change. */
        readonly mayChange?: readonly string[] | undefined;
      }
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface FitResult extends Omit<TrainOutcome, "parameters" | "statistics"> {
  /** The given model with its weights and running statistics replaced, in its own element types. */
  readonly model: Model;
  readonly trainedParameters: number;
}

/** What the loss holds outputs against. */
interface Lesson {
  readonly spec: LossSpec;
  readonly targets: Targets | undefined;
}

/** The defaults of distillation. */
const usualTemperature = 4;
const usualWeight = 0.7;

/**
 * Trains a copy of the model. Steps and epochs come as they are done; leaving the loop ends the training.
 * @example
 * const events = fitNetwork({ runner, model, dataset, settings });
 * let next = await events.next();
 * while (next.done !== true) next = await events.next(); // next.value is a step or an epoch
 * await writeModelFile(next.value.model, "tuned.onnx");
 * @throws {PrunerError} `invalid-option` for settings out of range, `labels-missing` without labels and teacher, `labels-invalid`, `nothing-to-train`,
 *   `no-gradient`, `loss-invalid`, `teacher-mismatch`, `augmentation-not-applicable`, and what `train` throws.
 */
export async function* fitNetwork(options: FitOptions): AsyncGenerator<TrainEvent, FitResult, undefined> {
  const { runner, dataset, settings, signal, model } = options;
  checkSettings(settings);
  const output = chooseOutput(model, options.output);
  const lesson = lessonOf(options, output);
  const plain = trainingGraph(model, { ...options, loss: lesson.spec });
  const graph = await withTeacherIn(options, plain);
  const source: BatchSource = {
    dataset,
    graph,
    targets: lesson.targets,
    teacher: await teacherTargets(options, graph, output),
    augmentations: settings.augmentations,
    batchSize: settings.batchSize,
    shardSize: settings.shardSize === "auto" ? shardSizeFor(graph.network) : settings.shardSize,
    seed: settings.seed,
  };
  for (const [name, { feed }] of dataset.inputs) checkAugmentable(settings.augmentations, name, feed);
  checkNormBatches(source);
  const { checkpoint } = options;
  const resume = checkpoint?.resume === true ? await resumed(checkpoint) : undefined;
  if (resume !== undefined) yield { kind: "resumed", step: resume.step, history: resume.history };
  const stepper = stepperFor(runner, graph);
  const { parameters, statistics, ...outcome } = yield* train({
    stepper,
    source,
    settings,
    validate: await validator(options, graph, output),
    projections: options.projections,
    checkpoint,
    resume,
    signal,
  });
  const values = tensorsOf(graph, new Map([...parameters, ...statistics]));
  const trained = writeBack(liftConstants(model), values);
  return { ...outcome, model: trained, trainedParameters: graph.parameters.size };
}

/** The state to go on from; what is done otherwise from here on is added to its history. */
async function resumed({
  path,
  identity,
  mayChange,
}: NonNullable<FitOptions["checkpoint"]>): Promise<TrainingState<History>> {
  const { state, changes } = await readCheckpoint<History>(path, identity, mayChange);
  if (changes.length === 0) return state;
  const { step, history } = state;
  const told = changes.map((change) => ({ step, ...change }));
  return { ...state, history: { ...history, changes: [...(history.changes ?? []), ...told] } };
}

function lessonOf(options: FitOptions, output: string): Lesson {
  const { model, dataset, teacher, labelSmoothing, distill } = options;
  const { labels } = dataset;
  if (labels === undefined && teacher === undefined)
    throw new PrunerError("labels-missing", {
      path: dataset.name,
      instead: "a network to learn from with --teacher",
    });
  const kind = options.loss ?? (labels?.kind === "values" ? "squared-error" : "cross-entropy");
  const shape = inferFacts(model).get(output)?.shape;
  if (kind === "squared-error") {
    if (labels === undefined) throw new PrunerError("labels-missing", { path: dataset.name });
    return { spec: { kind, output }, targets: { ...labels, shape: shapeInGraph(labels, shape) } };
  }
  const classes = shape?.[1];
  const count = typeof classes === "number" && classes > 1 ? classes : 2;
  const temperature = distill?.temperature ?? usualTemperature;
  const weight = labels === undefined ? 1 : (distill?.weight ?? usualWeight);
  const outputIs = outputKind(model, output);
  return {
    spec: { kind, output, outputIs, labelSmoothing, distill: teacher && { temperature, weight } },
    targets: labels && { values: classLabels(dataset, count), shape: labels.shape },
  };
}

/** Numbers of [N] stand for those of an output [N, 1]. */
function shapeInGraph(labels: Targets, output: readonly Dim[] | undefined): readonly number[] {
  const sizes = output?.slice(1) ?? [];
  const isKnown = sizes.every((size) => typeof size === "number");
  return isKnown && sizeOf(sizes) === sizeOf(labels.shape) ? sizes : labels.shape;
}

/** On varied images the teacher has to see what the network sees. */
async function withTeacherIn(
  { teacher, settings, output }: FitOptions,
  graph: TrainingGraph,
): Promise<TrainingGraph> {
  if (teacher === undefined || settings.augmentations.length === 0) return graph;
  return withTeacher(graph, teacher, output);
}

async function teacherTargets(
  { runner, teacher, dataset, signal, output: wanted }: FitOptions,
  graph: TrainingGraph,
  output: string,
): Promise<Targets | undefined> {
  if (teacher === undefined || graph.lossInputs.teacher === undefined) return undefined;
  const values = await cachedTeacher(runner, teacher, dataset, wanted, signal);
  return { values, shape: shapeBehindBatch(graph, output, values.length / dataset.size) };
}

function shapeBehindBatch(graph: TrainingGraph, output: string, size: number): readonly number[] {
  const shape = inferFacts(graph.network).get(output)?.shape?.slice(1);
  return shape?.every((dim) => typeof dim === "number") === true ? (shape as number[]) : [size];
}

/** A single example has no variance: its normalised activations would all be the shift. */
function checkNormBatches(source: BatchSource): void {
  const { graph, dataset, batchSize, shardSize } = source;
  const alone = graph.statistics.find(({ positions }) => positions === 1);
  const smallest = Math.floor(
    Math.min(dataset.size, batchSize) / Math.ceil(Math.min(dataset.size, batchSize) / shardSize),
  );
  if (alone !== undefined && smallest < 2)
    throw new PrunerError("invalid-option", {
      option: "batch",
      got: `${smallest} example at a time`,
      expected: `at least 2, since "${alone.node}" normalises over the batch`,
    });
}

async function validator(
  options: FitOptions,
  graph: TrainingGraph,
  output: string,
): Promise<Validator | undefined> {
  const { runner, validation, teacher, signal, model } = options;
  if (validation === undefined) return undefined;
  const outputIs = outputKind(model, output);
  const { labels } = validation;
  if (labels !== undefined) {
    const kind = labels.kind === "classes" ? "cross-entropy" : "squared-error";
    return validatorFor(runner, graph, { dataset: validation, targets: labels, output, outputIs, kind });
  }
  const values = await cachedTeacher(runner, teacher!, validation, options.output, signal);
  const targets: Targets = { values, shape: [values.length / validation.size] };
  return validatorFor(runner, graph, { dataset: validation, targets, output, outputIs, kind: "agreement" });
}

function tensorsOf(graph: TrainingGraph, values: ReadonlyMap<string, Float32Array>): Map<string, Tensor> {
  const { initializers } = graph.network.graph;
  return new Map(
    [...values].map(([name, data]) => [
      name,
      float32(initializers.get(name)!.shape, Float32Array.from(data)),
    ]),
  );
}
