/** @file What the original network computes on the sampled rows, for many layers in one pass as far as memory allows. */
import type { Dataset } from "../datasets/index.ts";
import type { Model } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import type { Runner } from "../valuation/runner.ts";
import type { Batch } from "./batches.ts";
import type { LayerStep } from "./plan.ts";
import { wantedFeeds, wantedModel, wantedName } from "./probe.ts";
import { runInOrder } from "./run-batches.ts";
import { rowsPerExample, sampleRows } from "./sample-rows.ts";

/** What is measured on, and how much of it. */
export interface Bench {
  readonly runner: Runner;
  readonly dataset: Dataset;
  readonly batches: readonly Batch[];
  readonly original: Model;
  readonly originalFacts: Facts;
  readonly seed: number;
  /** Positions of a layer's output that are looked at, per example. */
  readonly rows: number;
  /** Bytes the original network's values may take. */
  readonly memory: number;
  readonly signal: AbortSignal | undefined;
}

/** The original network's values on the rows of one layer, per batch, [rows, channels]. */
export type Wanted = readonly Float32Array[];

/** Gives the values of each layer in turn; passes through the original network serve as many layers as memory holds. */
export async function* wantedValues(bench: Bench, steps: readonly LayerStep[]): AsyncGenerator<Wanted> {
  let first = 0;
  while (first < steps.length) {
    const count = fitting(bench, steps.slice(first));
    yield* await onePass(bench, steps.slice(first, first + count));
    first += count;
  }
}

/** How many of the next layers one pass serves; at least one. */
function fitting({ dataset, rows, memory }: Bench, steps: readonly LayerStep[]): number {
  let bytes = 0;
  const end = steps.findIndex(({ layer }) => {
    bytes += 4 * dataset.size * rowsPerExample(layer, rows) * layer.groups * layer.outputs;
    return bytes > memory;
  });
  return end < 0 ? steps.length : Math.max(1, end);
}

async function onePass(bench: Bench, steps: readonly LayerStep[]): Promise<Float32Array[][]> {
  const { runner, dataset, batches, original, originalFacts, signal } = bench;
  const targets = steps.map(({ target }) => target);
  const found = steps.map((): Float32Array[] => []);
  const feedsOf = (batch: Batch) => {
    const rows = steps.map(({ layer, ordinal }) => sampleRows(layer, batch, bench.rows, bench.seed, ordinal));
    return { ...dataset.batch(batch.examples), ...wantedFeeds(rows) };
  };
  const model = wantedModel(original, originalFacts, targets);
  await runInOrder(
    runner,
    model,
    batches,
    feedsOf,
    (outputs) => {
      found.forEach((own, k) => {
        own.push(outputs[wantedName(k)]!.data as Float32Array);
      });
    },
    signal,
  );
  return found;
}
