/** @file Data for training: cut by purpose, fit to the network, and checked against what it gives. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { classLabels, type Dataset, fitToInputs, split, take } from "../datasets/index.ts";
import type { Dim } from "../graph/model.ts";
import type { LossSpec } from "../losses/spec.ts";
import { toFloat32 } from "../passes/to-float32.ts";
import { sizeOf } from "../tensor/tensor.ts";
import type { WorkOptions } from "./progress.ts";
import { type DataSettings, openFor } from "./settings.ts";

/** A share of the examples, or so many of them. */
export type Portion = { readonly share: number } | { readonly count: number };

/** Examples kept for choosing the best epoch, and for the final figures where they have no data of their own. */
export const usualPortion: Portion = { share: 0.1 };

/** Examples by purpose; none serves two. */
export interface TrainingParts {
  /** To learn from; numbers are fed in single precision, whatever the model takes. */
  readonly train: Dataset;
  /** For choosing the best epoch, fed like `train`; undefined where the last epoch is the result. */
  readonly validate: Dataset | undefined;
  /** For the final figures, bound to the inputs of the model as it is. */
  readonly test: Dataset;
}

export interface TrainingDataOptions extends WorkOptions {
  readonly data: DataSettings;
  readonly testData?: DataSettings | undefined;
  readonly validation?: Portion | undefined;
  readonly loss?: LossSpec["kind"] | undefined;
  readonly seed: number;
}

/**
 * Opens the data and cuts them by purpose.
 * @param analysis The model with its batch opened.
 * @throws {PrunerError} What data can complain about; `usage` and `invalid-option` for too few examples.
 */
export async function openTrainingParts(
  analysis: ChannelAnalysis,
  options: TrainingDataOptions,
): Promise<TrainingParts> {
  const { data, testData, validation = usualPortion, loss, seed } = options;
  const open = (some: DataSettings) => openFor(analysis, labelledFor(some, loss), options);
  const whole = await open(data);
  const test = testData === undefined ? undefined : await open(testData);
  const parts = cutForTraining(whole, test, validation, seed);
  const { inputs } = toFloat32(analysis.model).graph;
  return {
    train: fitToInputs(parts.train, inputs),
    validate: parts.validate && fitToInputs(parts.validate, inputs),
    test: parts.test,
  };
}

/** A loss says how labels are meant: whole numbers may be counts, and classes may be stored as floats. */
function labelledFor(data: DataSettings, loss: LossSpec["kind"] | undefined): DataSettings {
  if (loss === undefined) return data;
  return { ...data, labelsAs: loss === "squared-error" ? "values" : "classes" };
}

/** Fewest examples that are worth cutting anything off. */
const fewestToLearnFrom = 2;

/**
 * Cuts a data set in disjoint, stratified parts: a tenth for the final figures unless they have data of their own,
 * the portion asked for to choose the best epoch, the rest to learn from.
 * @throws {PrunerError} `invalid-option` or `usage` where fewer than two examples would be left to learn from.
 */
export function cutForTraining(
  data: Dataset,
  test: Dataset | undefined,
  validation: Portion,
  seed: number,
): TrainingParts {
  const { size } = data;
  const forTest = test === undefined ? countOf(usualPortion, size) : 0;
  const forValidation = countOf(validation, size);
  const left = size - forTest - forValidation;
  if (forTest + forValidation === 0) return { train: data, validate: undefined, test: test! };
  if (left < fewestToLearnFrom) throw tooFew(data, validation, size - forTest - fewestToLearnFrom);
  const sizes: Record<string, number> = { train: left };
  if (forValidation > 0) sizes["validate"] = forValidation;
  if (test === undefined) sizes["test"] = forTest;
  const indices = split(data, { seed, parts: sizes });
  return {
    train: take(data, indices["train"]!),
    validate: forValidation === 0 ? undefined : take(data, indices["validate"]!),
    test: test ?? take(data, indices["test"]!),
  };
}

function countOf(portion: Portion, size: number): number {
  if ("count" in portion) return portion.count;
  return portion.share === 0 ? 0 : Math.max(1, Math.round(portion.share * size));
}

function tooFew({ name, size }: Dataset, validation: Portion, most: number): PrunerError {
  if (most >= 1) {
    const got = "count" in validation ? String(validation.count) : `${100 * validation.share}%`;
    const expected = `at most ${most} of ${size} examples, so that some are left to learn from`;
    return new PrunerError("invalid-option", { option: "validation", got, expected });
  }
  return new PrunerError("usage", {
    detail: `${name}: ${size} ${size === 1 ? "example is" : "examples are"} too few to be cut into parts for training, for choosing the best epoch and for the final figures. Give more examples, or some for the figures with --test-data and --validation 0.`,
  });
}

/**
 * Holds labels against the shape of the output, before anything is run.
 * @throws {PrunerError} `labels-missing`, `labels-invalid`, `targets-mismatch`.
 */
export function checkTargets(
  analysis: ChannelAnalysis,
  output: string,
  dataset: Dataset,
  options: { readonly loss?: LossSpec["kind"] | undefined; readonly hasTeacher: boolean },
): void {
  const { labels } = dataset;
  if (labels === undefined) {
    if (options.hasTeacher) return;
    throw new PrunerError("labels-missing", {
      path: dataset.name,
      instead: "a network to learn from with --teacher",
    });
  }
  const shape = analysis.facts.get(output)?.shape;
  const kind = options.loss ?? (labels.kind === "classes" ? "cross-entropy" : "squared-error");
  const classes = shape?.[1];
  if (kind === "cross-entropy")
    classLabels(dataset, typeof classes !== "number" ? Infinity : Math.max(2, classes));
  const sizes = (kind === "cross-entropy" ? shape?.slice(2) : shape?.slice(1)) ?? [];
  if (suits(labels.shape, sizes)) return;
  const what = kind === "cross-entropy" ? "class labels" : "numbers";
  throw new PrunerError("targets-mismatch", {
    metric: kind,
    got: `${what} of shape ${shapeText(labels.shape)}`,
    expected: `${what} of shape ${shapeText(sizes)}, as output "${output}" has it`,
  });
}

/** Whether labels have as many elements as the output asks for, as far as that is known. */
function suits(labels: readonly number[], sizes: readonly Dim[]): boolean {
  const isKnown = sizes.every((size) => typeof size === "number");
  return !isKnown || sizeOf(labels) === sizeOf(sizes);
}

function shapeText(sizes: readonly Dim[]): string {
  return `[${["N", ...sizes].map((size) => size ?? "?").join(", ")}]`;
}
