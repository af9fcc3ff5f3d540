/** @file How the numbers of many examples become one number for each channel. */
import { addVector, emptyMoments } from "../../math/moments.ts";

/**
 * - `mean`: mean over examples;
 * - `abs-mean`: mean of absolute values;
 * - `abs-of-mean`: absolute value of the mean, in which examples that pull apart cancel;
 * - `mean+2std`: mean plus two standard deviations (population), for channels that matter on few examples;
 * - `p99` and any other `p<number>` from 0 to 100: percentile, linear between neighbours.
 * @see Ancona, Öztireli & Gross, "Shapley value as principled metric for structured network pruning", 2020,
 *   arXiv:2006.01795 (all but `abs-of-mean`).
 */
export type Aggregate = "mean" | "abs-mean" | "abs-of-mean" | "mean+2std" | `p${number}`;

/** Takes one vector per example and ends with one. */
export interface Aggregator {
  /** @param values Shape [channels]. */
  add(values: ArrayLike<number>): void;
  /** Shape [channels]; zeros when nothing was added. */
  result(): Float64Array;
}

/** Whether a text names an aggregate. */
export function isAggregate(text: string): text is Aggregate {
  return ["mean", "abs-mean", "abs-of-mean", "mean+2std"].includes(text) || percentOf(text) !== undefined;
}

function percentOf(text: string): number | undefined {
  const percent = /^p(\d+\.?\d*)$/.exec(text)?.[1];
  return percent !== undefined && Number(percent) <= 100 ? Number(percent) : undefined;
}

/** Bytes that an aggregate keeps: percentiles need every example's numbers (float32), the others running sums. */
export function bytesKept(aggregate: Aggregate, examples: number, channels: number): number {
  return percentOf(aggregate) === undefined ? 16 * channels : 4 * examples * channels;
}

/** @param examples How many vectors will be added. */
export function aggregator(aggregate: Aggregate, channels: number, examples: number): Aggregator {
  const percent = percentOf(aggregate);
  if (percent !== undefined) return percentileAggregator(percent / 100, channels, examples);
  const moments = emptyMoments(channels);
  return {
    add: (values) =>
      addVector(moments, aggregate === "abs-mean" ? Float64Array.from(values, Math.abs) : values),
    result: () => {
      if (aggregate === "abs-of-mean") return moments.mean.map(Math.abs);
      if (aggregate !== "mean+2std" || moments.count === 0) return moments.mean;
      return moments.mean.map((mean, k) => mean + 2 * Math.sqrt(moments.squares[k]! / moments.count));
    },
  };
}

function percentileAggregator(share: number, channels: number, examples: number): Aggregator {
  const kept = new Float32Array(channels * examples); // one run of examples per channel
  let count = 0;
  return {
    add: (values) => {
      for (let k = 0; k < channels; k++) kept[k * examples + count] = values[k]!;
      count++;
    },
    result: () =>
      Float64Array.from({ length: channels }, (_, k) =>
        quantile(kept.slice(k * examples, k * examples + count).sort(), share),
      ),
  };
}

/** Quantile of ascending values, linear between neighbours; 0 of none. */
function quantile(sorted: Float32Array, share: number): number {
  if (sorted.length === 0) return 0;
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}
