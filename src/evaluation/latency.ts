/** @file Latency of models on this machine, measured side by side. */

import type { Session } from "../engine/engine.ts";
import { openInWorker } from "../engine/ort/engine.ts";
import type { Model } from "../graph/model.ts";
import { type Latency, measureLatencies } from "../metrics/index.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface LatencyByBatch {
  readonly batch: number;
  /** One entry per model, in order. */
  readonly models: readonly Latency[];
}

export interface LatencySettings {
  readonly batches: readonly number[];
  readonly threads: number;
  readonly providers?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Timed runs of each model. Default 20. */
  readonly runs?: number | undefined;
}

/**
 * Times the models round by round, with the threads a user would give them, in a thread of their own.
 * @param feedsOf A batch of the given size.
 */
export async function latencies(
  models: readonly Model[],
  feedsOf: (batch: number) => Readonly<Record<string, Tensor>>,
  { batches, threads, providers, signal, runs: timed }: LatencySettings,
): Promise<LatencyByBatch[]> {
  const options = { threads, ...(providers !== undefined && { providers }) };
  const sessions: Session[] = [];
  try {
    for (const model of models) sessions.push(await openInWorker(model, options));
    const results: LatencyByBatch[] = [];
    for (const batch of batches) {
      const feeds = feedsOf(batch);
      const runs = sessions.map((session) => () => session.run(feeds));
      results.push({ batch, models: await measureLatencies(runs, { signal, runs: timed }) });
    }
    return results;
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}
