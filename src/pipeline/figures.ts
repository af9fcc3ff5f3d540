/** @file The before/after table as data: quality, size, work and time of a model. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Measurement } from "../evaluation/measure.ts";
import type { Interval } from "../metrics/index.ts";
import type { ModelFigures } from "../report/records.ts";
import type { TimedBatch } from "./time-models.ts";

export interface FigureParts {
  readonly analysis: ChannelAnalysis;
  readonly bytes: number;
  readonly measurement?: Measurement | undefined;
  readonly divergence?: Interval | undefined;
  readonly latencies?: readonly TimedBatch[] | undefined;
}

/** Puts together what was measured; what was not is null. */
export function figuresOf({
  analysis,
  bytes,
  measurement,
  divergence,
  latencies,
}: FigureParts): ModelFigures {
  const { macs, parameters } = fullCost(costModelOf(analysis));
  return {
    accuracy: measurement?.accuracy?.value ?? null,
    accuracyInterval: boundsOf(measurement?.accuracy),
    loss: measurement?.loss?.value ?? null,
    lossInterval: boundsOf(measurement?.loss),
    divergence: divergence?.value ?? null,
    parameters,
    macs,
    bytes,
    latencyMs:
      latencies === undefined
        ? null
        : Object.fromEntries(latencies.map(({ batch, latency }) => [batch, latency.medianMs])),
    latencyQuartilesMs:
      latencies === undefined
        ? null
        : Object.fromEntries(
            latencies.map(({ batch, latency }) => [batch, [latency.lowMs, latency.highMs] as const]),
          ),
  };
}

/** Both ends of an interval; null without one. */
export function boundsOf(interval: Interval | undefined): readonly [number, number] | null {
  return interval === undefined ? null : [interval.low, interval.high];
}
