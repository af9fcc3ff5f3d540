/** @file Agreement: how close the predictions stay to those of the original network; needs no labels. */
import { logProbability, normaliser } from "./log-probability.ts";
import type { Metric } from "./metric.ts";

/**
 * Minus the Kullback-Leibler divergence KL(original || masked) between the class probabilities, at most 0. Targets are
 * the original network's outputs, in the same form as the masked network's.
 */
export const agreement: Metric = {
  title: "Agreement with the original network",
  unit: "nats",
  needs: "outputs",
  value: (row, outputIs) => {
    const { outputs, start, targetStart, width, positions } = row;
    const targets = row.targets as Float32Array;
    let total = 0;
    for (let p = 0; p < positions; p++) {
      const ours = normaliser(outputs, start + p, row, outputIs);
      const theirs = normaliser(targets, targetStart + p, row, outputIs);
      for (let c = 0; c < width; c++) {
        const reference = logProbability(targets[targetStart + p + c * positions]!, theirs, outputIs);
        const weight = Math.exp(reference);
        if (weight === 0) continue; // 0 · log 0 = 0, also where a logit is -infinity
        total += weight * (logProbability(outputs[start + p + c * positions]!, ours, outputIs) - reference);
      }
    }
    return total / positions;
  },
};
