/** @file Agreement: how close the predictions stay to those of the original network; needs no labels. */
import { logProbability, normaliser } from "./log-probability.ts";
import type { Metric, Row, Scores } from "./metric.ts";

/** What the original network says about one example. */
interface Reference {
  /** Where the example's outputs start in the targets. */
  start: number;
  /** Log-probabilities, shape [width, positions], and the probabilities. */
  readonly logs: Float64Array;
  readonly weights: Float64Array;
}

/**
 * Minus the Kullback-Leibler divergence KL(original || masked) between the class probabilities, at most 0. Targets are
 * the original network's outputs, in the same form as the masked network's. Rows of one example that follow one another share
 * its reference: two thirds of the exponentials.
 */
export const agreement: Metric = {
  title: "Agreement with the original network",
  unit: "nats",
  needs: "outputs",
  scorer: () => {
    let known: Reference | undefined;
    return (row, outputIs) => {
      const size = row.width * row.positions;
      known ??= { start: -1, logs: new Float64Array(size), weights: new Float64Array(size) };
      if (known.start !== row.targetStart) refer(known, row, outputIs);
      return agreementWith(known, row, outputIs);
    };
  },
};

function refer(into: Reference, row: Row, outputIs: Scores): void {
  const { targets, targetStart, width, positions } = row;
  for (let p = 0; p < positions; p++) {
    const normalised = normaliser(targets as Float32Array, targetStart + p, row, outputIs);
    for (let at = p; at < width * positions; at += positions) {
      const log = logProbability(targets[targetStart + at]!, normalised, outputIs);
      into.logs[at] = log;
      into.weights[at] = Math.exp(log);
    }
  }
  into.start = targetStart;
}

function agreementWith({ logs, weights }: Reference, row: Row, outputIs: Scores): number {
  const { outputs, start, width, positions } = row;
  let total = 0;
  for (let p = 0; p < positions; p++) {
    const normalised = normaliser(outputs, start + p, row, outputIs);
    for (let at = p; at < width * positions; at += positions) {
      const weight = weights[at]!;
      if (weight === 0) continue; // 0 · log 0 = 0, also where a logit is -infinity
      total += weight * (logProbability(outputs[start + at]!, normalised, outputIs) - logs[at]!);
    }
  }
  return total / positions;
}
