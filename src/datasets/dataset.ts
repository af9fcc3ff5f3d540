/** @file What a data set is: typed arrays with one row per example, read lazily into batches. */
import type { Tensor } from "../tensor/tensor.ts";
import { convertRows } from "./convert.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { type Labels, takeLabels } from "./labels.ts";
import type { ExampleSource } from "./source.ts";

/** Name of an input that has not been bound to a model yet; see `fitTo`. */
export const unnamed = "";

/** Everything that makes up a data set. */
export interface DatasetParts {
  /** Where the data come from, for messages and reports. */
  readonly name: string;
  readonly inputs: ReadonlyMap<string, ExampleSource>;
  /** Row of the sources that each example is read from. */
  readonly rows: Uint32Array;
  /** One entry per example, in the order of the examples. */
  readonly labels: Labels | undefined;
  /** Names of the classes in label order, where the source knows them. */
  readonly classNames: readonly string[] | undefined;
  /** SHA-256 (hex) over content, labels, selection and preprocessing; the name has no part in it. */
  readonly fingerprint: string;
}

export interface Dataset extends DatasetParts {
  /** How many examples there are. */
  readonly size: number;
  /**
   * The listed examples, ready to be fed: one tensor per input, shape [indices.length, ...feed.shape].
   * @throws {RangeError} when an index is not an example.
   */
  batch(indices: ArrayLike<number>): Record<string, Tensor>;
}

export function datasetOf(parts: DatasetParts): Dataset {
  return {
    ...parts,
    size: parts.rows.length,
    batch(indices) {
      const rows = rowsOf(parts, indices);
      const feeds: Record<string, Tensor> = {};
      for (const [name, source] of parts.inputs) feeds[name] = convertRows(source, rows);
      return feeds;
    },
  };
}

/**
 * A view of the listed examples; inputs are shared, not copied.
 * @throws {RangeError} when an index is not an example.
 */
export function take(dataset: DatasetParts, indices: ArrayLike<number>): Dataset {
  const { labels } = dataset;
  const chosen = Uint32Array.from(indices);
  return datasetOf({
    ...dataset,
    rows: rowsOf(dataset, chosen),
    labels: labels === undefined ? undefined : takeLabels(labels, chosen),
    fingerprint: fingerprintOf(["take", dataset.fingerprint, chosen]),
  });
}

function rowsOf({ rows, name }: DatasetParts, indices: ArrayLike<number>): Uint32Array {
  return Uint32Array.from(indices, (index) => {
    const row = rows[index];
    if (row === undefined) throw new RangeError(`${name}: no example ${index} among ${rows.length}`);
    return row;
  });
}
