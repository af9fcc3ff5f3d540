/** @file Which positions of a layer's output are looked at: all where there are few, else a random draw per example. */
import { sampleWithoutReplacement, stream } from "../math/random.ts";
import type { Batch } from "./batches.ts";
import type { Layer } from "./layers.ts";

/** Keeps the draws apart from others under the same seed. */
const purpose = 701;

/** Positions of one example that are looked at, out of so many. */
export function rowsPerExample({ positions }: Layer, most: number): number {
  return Math.min(most, positions.images * positions.outputs);
}

/**
 * Rows of the batch's outputs, example by example. What is drawn for an example depends on seed, layer and example alone.
 * @param ordinal Number of the layer.
 * @returns Shape [examples * rowsPerExample], rows counted over the batch.
 */
export function sampleRows(
  layer: Layer,
  { examples }: Batch,
  most: number,
  seed: number,
  ordinal: number,
): Int32Array {
  const all = layer.positions.images * layer.positions.outputs;
  const count = rowsPerExample(layer, most);
  const rows = new Int32Array(examples.length * count);
  examples.forEach((example, k) => {
    const own =
      count === all
        ? undefined
        : sampleWithoutReplacement(all, count, stream(seed, ordinal * 2 ** 32 + example, purpose)).sort();
    for (let j = 0; j < count; j++) rows[k * count + j] = k * all + (own?.[j] ?? j);
  });
  return rows;
}
