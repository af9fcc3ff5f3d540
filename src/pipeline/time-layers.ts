/** @file Time by layer as commands report it: asked for, or where a smaller model is no faster. */
import { availableParallelism } from "node:os";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type LayerTimes, layerTimes } from "../evaluation/layer-times.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { WorkOptions } from "./progress.ts";
import type { RuntimeSettings } from "./settings.ts";
import type { TimedBatch } from "./time-models.ts";

/**
 * Profiles two models side by side.
 * @param timed Whole latencies of both, where they were measured.
 * @returns null for a single model, and where nobody asked and the latency fell or was not measured.
 */
export async function timeLayers(
  [before, after]: readonly ChannelAnalysis[],
  feeds: (batch: number) => Readonly<Record<string, Tensor>>,
  [first, second]: readonly (readonly TimedBatch[] | undefined)[],
  options: RuntimeSettings & WorkOptions & { readonly layerTimes?: boolean | undefined },
): Promise<LayerTimes | null> {
  const slow = slowBatch(first, second);
  const wanted = options.layerTimes ?? slow !== undefined;
  if (!wanted || before === undefined || after === undefined) return null;
  const batch = slow ?? 1;
  return layerTimes(before, after, feeds(batch), {
    batch,
    threads: options.threads ?? availableParallelism(),
    providers: options.providers,
    signal: options.signal,
  });
}

/** The largest batch on which the median did not fall. */
function slowBatch(
  first: readonly TimedBatch[] | undefined,
  second: readonly TimedBatch[] | undefined,
): number | undefined {
  if (first === undefined || second === undefined) return undefined;
  const slow = first.filter(({ latency }, k) => second[k]!.latency.medianMs >= latency.medianMs);
  return slow.at(-1)?.batch;
}
