/** @file A data set from arrays in memory; every reader ends here. */
import { PrunerError } from "../base/problem.ts";
import { isFloat } from "../tensor/dtype.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../tensor/tensor.ts";
import { type Dataset, type DatasetParts, datasetOf, take, unnamed } from "./dataset.ts";
import { type FingerprintPart, fingerprintInTurns, fingerprintOf } from "./fingerprint.ts";
import { type LabelOptions, type Labels, labelsFrom } from "./labels.ts";
import { type OpenWork, tellMebibytes } from "./opening.ts";
import { affineOf, changesNumbers, feedDType, type Preprocessing } from "./preprocess.ts";
import { elementBytes } from "./raw-array.ts";
import type { ExampleSource } from "./source.ts";
import { type LimitOptions, limited } from "./split.ts";
import { inMemory, type StoredArray } from "./stored-array.ts";

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
  const inputs = isTensor(arrays.inputs) ? { [unnamed]: arrays.inputs } : arrays.inputs;
  const stored = Object.entries(inputs).map(([input, { dtype, shape, data }]) => {
    return [input, inMemory(tensor(dtype, shape, data))] as const;
  });
  const draft = draftOf({ ...arrays, inputs: Object.fromEntries(stored) }, options);
  return completed(draft, fingerprintOf(draft.content), options);
}

/** What a data set is made from, in memory or in files. */
export interface StoredArrays extends Omit<DatasetArrays, "inputs"> {
  /** Arrays of shape [examples, ...] by the name of the model's input. */
  readonly inputs: Readonly<Record<string, StoredArray>>;
}

/**
 * As {@link datasetFromArrays}, over arrays that may be in files.
 * @throws The signal's reason when it is aborted.
 */
export async function datasetFromStored(
  arrays: StoredArrays,
  options: DatasetOptions,
  work: OpenWork,
): Promise<Dataset> {
  const draft = draftOf(arrays, options);
  const all = Object.values(arrays.inputs).reduce((sum, array) => sum + elementBytes(array), 0);
  const onBytes = (done: number) => tellMebibytes(work, "checking examples", done, all);
  return completed(draft, await fingerprintInTurns(draft.content, onBytes, work.signal), options);
}

/** A data set whose content has not been looked at. */
interface Draft extends Omit<DatasetParts, "fingerprint"> {
  /** What the fingerprint is over. Reading it finds numbers that are none. */
  readonly content: readonly FingerprintPart[];
}

function draftOf(arrays: StoredArrays, options: DatasetOptions): Draft {
  const { name = "data in memory", classNames, inputs } = arrays;
  const size = countExamples(inputs, arrays.labels, name);
  const preprocessing = preprocessingByInput(inputs, options);
  const sources = new Map<string, ExampleSource>();
  for (const [input, array] of Object.entries(inputs))
    sources.set(input, sourceOf(array, preprocessing(input)));
  const labels = arrays.labels && labelsFrom(arrays.labels, name, options);
  const rows = Uint32Array.from({ length: size }, (_, i) => i);
  return { name, inputs: sources, rows, labels, classNames, content: contentOf(sources, labels, name) };
}

function completed({ content: _, ...parts }: Draft, fingerprint: string, options: DatasetOptions): Dataset {
  const whole = datasetOf({ ...parts, fingerprint });
  const kept = limited(whole, options);
  return kept === undefined ? whole : take(whole, kept);
}

function isTensor(value: DatasetArrays["inputs"]): value is Tensor {
  return "data" in value && ArrayBuffer.isView(value.data);
}

function countExamples(
  inputs: Readonly<Record<string, StoredArray>>,
  labels: Tensor | undefined,
  name: string,
): number {
  const arrays = Object.entries(inputs);
  const size = arrays[0]?.[1].shape[0] ?? 0;
  const counts: { what: string; array: Pick<StoredArray, "shape"> }[] = arrays.map(([input, array]) => ({
    what: input === unnamed ? "inputs" : `"${input}"`,
    array,
  }));
  if (labels !== undefined) counts.push({ what: "labels", array: labels });
  if (counts.some(({ array }) => array.shape[0] !== size)) {
    const got = counts.map(({ what, array }) => `${array.shape[0] ?? "no axis of"} ${what}`).join(", ");
    throw new PrunerError("data-counts-differ", { path: name, counts: got });
  }
  if (size === 0 || arrays.some(([, { shape }]) => sizeOf(shape) === 0)) {
    throw new PrunerError("data-empty", { path: name });
  }
  return size;
}

/**
 * The preprocessing of each input. General options belong to the only input, or to the only one that holds pixels or
 * floats: token ids and masks beside an image must stay what they are.
 */
function preprocessingByInput(
  inputs: Readonly<Record<string, StoredArray>>,
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

function isImageLike({ dtype }: StoredArray): boolean {
  return isFloat(dtype) || dtype === "uint8";
}

function sourceOf(stored: StoredArray, options: Preprocessing): ExampleSource {
  const shape = stored.shape.slice(1);
  return {
    dtype: stored.dtype,
    shape,
    stored,
    layout: options.layout,
    affine: affineOf(options, shape),
    feed: { dtype: feedDType(stored.dtype, options), shape, moves: "nothing" },
  };
}

function contentOf(
  sources: ReadonlyMap<string, ExampleSource>,
  labels: Labels | undefined,
  path: string,
): FingerprintPart[] {
  const parts = [...sources].flatMap(([name, { dtype, shape, layout, affine, stored }]) => [
    { name, dtype, shape, layout, factor: [...(affine?.factor ?? [])], shift: [...(affine?.shift ?? [])] },
    isFloat(dtype) ? finite(stored, path) : stored,
  ]);
  return [...parts, labels && { kind: labels.kind, shape: labels.shape }, labels?.values];
}

/** The same array, looked at as it is read: NaN in one pixel would turn every payoff it touches into NaN. */
function finite(array: StoredArray, path: string): StoredArray {
  const { dtype, shape } = array;
  const size = sizeOf(shape.slice(1));
  return {
    dtype,
    shape,
    rows(from, to) {
      const data = array.rows(from, to);
      const isPlain = data instanceof Float32Array || data instanceof Float64Array;
      const numbers = isPlain ? data : toNumbers({ dtype, shape: [data.length], data });
      for (let i = 0; i < numbers.length; i++) {
        if (Number.isFinite(numbers[i])) continue;
        const example = from + Math.floor(i / size);
        throw new PrunerError("data-not-finite", { path, example, got: String(numbers[i]) });
      }
      return data;
    },
  };
}
