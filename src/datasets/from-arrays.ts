/** @file A data set from arrays in memory; every reader ends here. */
import { PrunerError } from "../base/problem.ts";
import { isFloat } from "../tensor/dtype.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../tensor/tensor.ts";
import { type Dataset, datasetOf, take, unnamed } from "./dataset.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type LabelOptions, type Labels, labelsFrom } from "./labels.ts";
import { affineOf, changesNumbers, feedDType, type Preprocessing } from "./preprocess.ts";
import type { ExampleSource } from "./source.ts";
import { type LimitOptions, limited } from "./split.ts";

export interface DatasetArrays {
  /** One array of shape [examples, ...], or several by the name of the model's input. */
  readonly inputs: Tensor | Readonly<Record<string, Tensor>>;
  /** Shape [examples] for classes, [examples, ...] for classes per position or for numbers. */
  readonly labels?: Tensor | undefined;
  readonly classNames?: readonly string[] | undefined;
  /** Named in messages. Default "data in memory". */
  readonly name?: string | undefined;
}

export interface DatasetOptions extends Preprocessing, LabelOptions, LimitOptions {
  /** Preprocessing by input name, for models with several inputs; it replaces the options above for that input. */
  readonly perInput?: Readonly<Record<string, Preprocessing>> | undefined;
}

/**
 * A data set over the given arrays, which are shared and must not change afterwards.
 * @throws {PrunerError} `data-empty`, `data-counts-differ`, `data-not-finite`, `labels-invalid`, `invalid-option`.
 * @throws {RangeError} when the elements of an array do not fill its shape.
 * @example datasetFromArrays({ inputs: { dtype: "uint8", shape: [2, 28, 28], data } }, { pixelScale: 255 }).size; // 2
 */
export function datasetFromArrays(arrays: DatasetArrays, options: DatasetOptions = {}): Dataset {
  const { name = "data in memory", classNames } = arrays;
  const inputs = isTensor(arrays.inputs) ? { [unnamed]: arrays.inputs } : arrays.inputs;
  const size = countExamples(inputs, arrays.labels, name);
  const preprocessing = preprocessingByInput(inputs, options);
  const sources = new Map<string, ExampleSource>();
  for (const [input, array] of Object.entries(inputs)) {
    checkFinite(array, name);
    sources.set(input, sourceOf(array, preprocessing(input)));
  }
  const labels = arrays.labels && labelsFrom(arrays.labels, name, options);
  const fingerprint = contentFingerprint(sources, labels);
  const rows = Uint32Array.from({ length: size }, (_, i) => i);
  const whole = datasetOf({ name, inputs: sources, rows, labels, classNames, fingerprint });
  const kept = limited(whole, options);
  return kept === undefined ? whole : take(whole, kept);
}

function isTensor(value: DatasetArrays["inputs"]): value is Tensor {
  return "data" in value && ArrayBuffer.isView(value.data);
}

function countExamples(
  inputs: Readonly<Record<string, Tensor>>,
  labels: Tensor | undefined,
  name: string,
): number {
  const arrays = Object.entries(inputs);
  const size = arrays[0]?.[1].shape[0] ?? 0;
  const counts = arrays.map(([input, array]) => ({
    what: input === unnamed ? "inputs" : `"${input}"`,
    array,
  }));
  if (labels !== undefined) counts.push({ what: "labels", array: labels });
  if (counts.some(({ array }) => array.shape[0] !== size)) {
    const got = counts.map(({ what, array }) => `${array.shape[0] ?? "no axis of"} ${what}`).join(", ");
    throw new PrunerError("data-counts-differ", { path: name, counts: got });
  }
  if (size === 0 || arrays.some(([, array]) => array.data.length === 0)) {
    throw new PrunerError("data-empty", { path: name });
  }
  return size;
}

/**
 * The preprocessing of each input. General options belong to the only input, or to the only one that holds pixels or
 * floats: token ids and masks beside an image must stay what they are.
 */
function preprocessingByInput(
  inputs: Readonly<Record<string, Tensor>>,
  { perInput = {}, ...general }: DatasetOptions,
): (input: string) => Preprocessing {
  const unknown = Object.keys(perInput).find((name) => !(name in inputs));
  if (unknown !== undefined) throw wrongInput(unknown, `one of ${Object.keys(inputs).join(", ")}`);
  const open = Object.keys(inputs).filter((name) => !(name in perInput));
  const candidates = open.length === 1 ? open : open.filter((name) => isImageLike(inputs[name]!));
  const isAsked = changesNumbers(general) || general.layout !== undefined;
  if (isAsked && candidates.length !== 1) {
    throw wrongInput("one for several inputs", `options by input name ("perInput") for ${open.join(", ")}`);
  }
  return (input) => perInput[input] ?? (isAsked && input === candidates[0] ? general : {});
}

function wrongInput(got: string, expected: string): PrunerError {
  return new PrunerError("invalid-option", { option: "preprocessing", got, expected });
}

function isImageLike({ dtype }: Tensor): boolean {
  return isFloat(dtype) || dtype === "uint8";
}

function sourceOf(array: Tensor, options: Preprocessing): ExampleSource {
  tensor(array.dtype, array.shape, array.data); // refuses elements that do not fill the shape
  const shape = array.shape.slice(1);
  return {
    dtype: array.dtype,
    shape,
    data: array.data,
    layout: options.layout,
    affine: affineOf(options, shape),
    feed: { dtype: feedDType(array.dtype, options), shape, moves: "nothing" },
  };
}

/** NaN in one pixel would turn every payoff it touches into NaN. */
function checkFinite(array: Tensor, name: string): void {
  if (!isFloat(array.dtype)) return;
  const { data } = array;
  const numbers = data instanceof Float32Array || data instanceof Float64Array ? data : toNumbers(array);
  for (let i = 0; i < numbers.length; i++) {
    if (Number.isFinite(numbers[i])) continue;
    const example = Math.floor(i / sizeOf(array.shape.slice(1)));
    throw new PrunerError("data-not-finite", { path: name, example, got: String(numbers[i]) });
  }
}

function contentFingerprint(sources: ReadonlyMap<string, ExampleSource>, labels: Labels | undefined): string {
  const parts = [...sources].flatMap(([name, { dtype, shape, layout, affine, data }]) => [
    { name, dtype, shape, layout, factor: [...(affine?.factor ?? [])], shift: [...(affine?.shift ?? [])] },
    data,
  ]);
  return fingerprintOf([...parts, labels && { kind: labels.kind, shape: labels.shape }, labels?.values]);
}
