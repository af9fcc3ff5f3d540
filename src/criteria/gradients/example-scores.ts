/** @file Scores that are one number per example and channel from one backward pass, folded over the examples. */
import { freemem } from "node:os";
import { PrunerError } from "../../base/problem.ts";
import { type Aggregate, aggregator, bytesKept } from "./aggregate.ts";
import { type GateMeasure, gateGradients } from "./gate-gradients.ts";
import type { GradientOptions } from "./gradient-options.ts";

/** What a criterion makes of the derivatives of one example. */
export interface ExampleScore {
  readonly measure: GateMeasure;
  /** From the measured number, of the payoff's sign (a loss counts negative), to the score of one example. */
  readonly of: (measured: number) => number;
}

/**
 * Goes over the examples once and folds their scores.
 * @returns Shape [analysis.groups.length][channels]; undefined for groups not asked for.
 * @throws {PrunerError} `values-too-large` for a percentile over too many examples, and what `gateGradients` throws.
 */
export async function exampleScores(
  options: GradientOptions,
  { measure, of }: ExampleScore,
  aggregate: Aggregate,
): Promise<(Float64Array | undefined)[]> {
  const { analysis, groups, dataset, memory = freemem() / 2 } = options;
  const channels = groups.reduce((sum, group) => sum + analysis.groups[group]!.channels, 0);
  const needed = bytesKept(aggregate, dataset.size, channels);
  if (needed > memory)
    throw new PrunerError("values-too-large", {
      needed,
      available: memory,
      examples: dataset.size,
      channels,
      aggregate,
    });
  const fold = aggregator(aggregate, channels, dataset.size);
  for await (const { values } of gateGradients({ ...options, measure })) {
    for (let start = 0; start < values.length; start += channels)
      fold.add(Float64Array.from(values.subarray(start, start + channels), of));
  }
  const all = fold.result();
  const scores = new Array<Float64Array | undefined>(analysis.groups.length).fill(undefined);
  let first = 0;
  for (const group of groups) {
    const size = analysis.groups[group]!.channels;
    scores[group] = all.slice(first, first + size);
    first += size;
  }
  return scores;
}
