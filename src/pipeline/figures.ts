/** @file The before/after table as data: quality, size, work and time of a model. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { LatencyByBatch } from "../evaluation/latency.ts";
import type { Measurement } from "../evaluation/measure.ts";
import type { Interval, Latency } from "../metrics/index.ts";

export interface ModelFigures {
  /** Share of correct answers on data not used for ranking; null without class labels. */
  readonly accuracy: number | null;
  readonly accuracyInterval: readonly [low: number, high: number] | null;
  /** Cross-entropy (nats) or squared error; null without labels. */
  readonly loss: number | null;
  readonly lossInterval: readonly [low: number, high: number] | null;
  /** Mean KL divergence (nats) from the original's outputs; null for the original itself. */
  readonly divergence: number | null;
  readonly parameters: number;
  readonly macs: number;
  /** Size of the model file. */
  readonly bytes: number;
  /** Median milliseconds of one run, by batch size; null when not measured. */
  readonly latencyMs: Readonly<Record<string, number>> | null;
  /** Quartiles of the same runs. */
  readonly latencyQuartilesMs: Readonly<Record<string, readonly [low: number, high: number]>> | null;
}

export interface FigureParts {
  readonly analysis: ChannelAnalysis;
  readonly bytes: number;
  readonly measurement?: Measurement | undefined;
  readonly divergence?: Interval | undefined;
  readonly latencies?: readonly { readonly batch: number; readonly latency: Latency }[] | undefined;
}

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
    accuracyInterval: bounds(measurement?.accuracy),
    loss: measurement?.loss?.value ?? null,
    lossInterval: bounds(measurement?.loss),
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

function bounds(interval: Interval | undefined): readonly [number, number] | null {
  return interval === undefined ? null : [interval.low, interval.high];
}

/** The latencies of one of the models that were timed together. */
export function latenciesOf(
  results: readonly LatencyByBatch[],
  model: number,
): { batch: number; latency: Latency }[] {
  return results.map(({ batch, models }) => ({ batch, latency: models[model]! }));
}
