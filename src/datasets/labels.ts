/** @file What an example should come out as: class indices or numbers. */
import { PrunerError } from "../base/problem.ts";
import { isFloat } from "../tensor/dtype.ts";
import { sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";

/** Marks a position without a label; metrics pass over it. */
export const ignored = -1;

export type Labels =
  /** Class indices, shape [examples, ...shape]; `shape` is [] for one class per example, [H, W] for one per pixel. */
  | { readonly kind: "classes"; readonly values: Int32Array; readonly shape: readonly number[] }
  /** Numbers to come close to, shape [examples, ...shape]. */
  | { readonly kind: "values"; readonly values: Float32Array; readonly shape: readonly number[] };

export interface LabelOptions {
  /** How to read the labels. Left out: integers and booleans are classes, floats are values. */
  readonly labelsAs?: "classes" | "values" | undefined;
  /** Label of positions that do not count (255 in many segmentation sets). Left out: every label counts. */
  readonly ignoreLabel?: number | undefined;
}

/**
 * Labels from an array of shape [examples, ...]. A trailing axis of size 1 ([examples, 1]) is dropped for classes.
 * @throws {PrunerError} `labels-invalid` for negative or fractional classes and for NaN or infinity.
 */
export function labelsFrom(source: Tensor, path: string, options: LabelOptions = {}): Labels {
  const kind = options.labelsAs ?? (isFloat(source.dtype) ? "values" : "classes");
  const numbers = toNumbers(source);
  const shape = source.shape.slice(1);
  const per = sizeOf(shape);
  if (kind === "values") {
    return { kind, shape, values: float32Labels(numbers, per, path) };
  }
  const values = new Int32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const label = numbers[i]!;
    const isIgnored = options.ignoreLabel !== undefined && label === options.ignoreLabel;
    if (!isIgnored && !(Number.isInteger(label) && label >= 0 && label < 2 ** 31)) {
      throw invalid(path, Math.floor(i / per), String(label), "a class number (0, 1, 2, ...)");
    }
    values[i] = isIgnored ? ignored : label;
  }
  return { kind, values, shape: shape.length === 1 && shape[0] === 1 ? [] : shape };
}

function float32Labels(numbers: Float64Array, per: number, path: string): Float32Array {
  const wrong = numbers.findIndex((value) => !Number.isFinite(Math.fround(value)));
  if (wrong >= 0) throw invalid(path, Math.floor(wrong / per), String(numbers[wrong]), "a finite number");
  return Float32Array.from(numbers);
}

/** Labels of the listed examples, in that order. */
export function takeLabels(labels: Labels, indices: ArrayLike<number>): Labels {
  const per = sizeOf(labels.shape);
  const length = indices.length * per;
  const gather = <A extends Int32Array | Float32Array>(from: A, to: A): A => {
    for (let k = 0; k < indices.length; k++) {
      for (let j = 0; j < per; j++) to[k * per + j] = from[indices[k]! * per + j]!;
    }
    return to;
  };
  return labels.kind === "classes"
    ? { ...labels, values: gather(labels.values, new Int32Array(length)) }
    : { ...labels, values: gather(labels.values, new Float32Array(length)) };
}

/** Number of classes the labels show: the largest plus one. */
export function classesSeen(labels: Labels): number {
  let classes = 0;
  for (const label of labels.values) classes = Math.max(classes, label + 1);
  return classes;
}

/**
 * The class labels of a data set, checked against the number of classes a model tells apart.
 * @throws {PrunerError} `labels-missing`, or `labels-invalid` for values instead of classes and for a class too many.
 */
export function classLabels(
  dataset: {
    readonly name: string;
    readonly labels: Labels | undefined;
    /** Row of the file that each example is read from, so that messages name the place in the file. */
    readonly rows?: Uint32Array | undefined;
  },
  classes: number,
): Int32Array {
  const { labels, name, rows } = dataset;
  if (labels === undefined) throw new PrunerError("labels-missing", { path: name });
  if (labels.kind !== "classes") {
    throw invalid(
      name,
      0,
      String(labels.values[0]),
      "a class (the labels are floats; save them as integers)",
    );
  }
  const wrong = labels.values.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    const example = Math.floor(wrong / sizeOf(labels.shape));
    throw invalid(
      name,
      rows?.[example] ?? example,
      String(labels.values[wrong]),
      `one of the model's ${classes} classes (0 to ${classes - 1})`,
    );
  }
  return labels.values;
}

function invalid(path: string, example: number, got: string, expected: string): PrunerError {
  return new PrunerError("labels-invalid", { path, example, got, expected });
}
