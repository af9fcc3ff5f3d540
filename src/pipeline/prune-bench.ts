/** @file What prune measures with: the runtime, and the data cut by purpose. */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/index.ts";
import { type Measurement, measure } from "../evaluation/measure.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Runner } from "../valuation/runner.ts";
import { cutData, type DataParts } from "./cut-data.ts";
import { type PruneOptions, usesRankExamples } from "./prune-options.ts";
import { randomFeeds } from "./random-feeds.ts";
import { openFor } from "./settings.ts";

/** The model with its batch opened, and what it runs on. */
export interface Bench {
  readonly analysis: ChannelAnalysis;
  readonly runner: Runner | undefined;
  readonly parts: DataParts | undefined;
}

/** Opens the data; where something is decided on them, parts are kept for the decisions and for the final figures. */
export async function openParts(
  options: PruneOptions,
  analysis: ChannelAnalysis,
): Promise<DataParts | undefined> {
  if (options.data === undefined) {
    if (options.testData === undefined) return undefined;
    const evaluate = await openFor(analysis, options.testData, options);
    const none = { decide: undefined, calibrate: undefined, tune: undefined, validate: undefined };
    return { ...none, rank: evaluate, evaluate };
  }
  const data = await openFor(analysis, options.data, options);
  const test =
    options.testData === undefined ? undefined : await openFor(analysis, options.testData, options);
  return cutData(data, test, options.settings.seed, {
    rank: usesRankExamples(options),
    decide: options.minAccuracy !== undefined,
    repair: options.repair !== false,
    tune: options.tune !== undefined,
  });
}

/** Quality of a model on the examples for the final figures; undefined without data. */
export async function measureOn(
  options: PruneOptions,
  { runner, parts }: Bench,
  { model }: ChannelAnalysis,
  output: string,
  which: string,
): Promise<Measurement | undefined> {
  if (runner === undefined || parts === undefined) return undefined;
  const { signal, onProgress } = options;
  return measure(runner, model, parts.evaluate, {
    output,
    signal,
    onBatch: (done, total) =>
      onProgress?.({ label: `evaluating the ${which} model`, done, total, unit: "examples" }),
  });
}

/** A batch of real examples where there are data, of random numbers otherwise. */
export function feedsOf({ analysis, parts }: Bench, batch: number): Readonly<Record<string, Tensor>> {
  const examples: Dataset | undefined = parts?.evaluate;
  if (examples === undefined) return randomFeeds(analysis, batch);
  return examples.batch(Array.from({ length: batch }, (_, k) => k % examples.size));
}
