/** @file Latency of models as commands report it: batches of 1 and 32, on the threads a user would give them. */
import { availableParallelism } from "node:os";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { latencies } from "../evaluation/latency.ts";
import type { Latency } from "../metrics/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { WorkOptions } from "./progress.ts";
import type { RuntimeSettings } from "./settings.ts";

export interface TimedBatch {
  readonly batch: number;
  readonly latency: Latency;
}

/**
 * Times the models side by side.
 * @returns One list per model, in order; undefined for all of them when latency is not wanted.
 */
export async function timeModels(
  analyses: readonly ChannelAnalysis[],
  feeds: (batch: number) => Readonly<Record<string, Tensor>>,
  options: RuntimeSettings & WorkOptions & { readonly latency?: boolean | undefined },
): Promise<(TimedBatch[] | undefined)[]> {
  if (options.latency === false) return analyses.map(() => undefined);
  const results = await latencies(
    analyses.map(({ model }) => model),
    feeds,
    {
      batches: [1, 32],
      threads: options.threads ?? availableParallelism(),
      providers: options.providers,
      signal: options.signal,
    },
  );
  return analyses.map((_, k) => results.map(({ batch, models }) => ({ batch, latency: models[k]! })));
}
