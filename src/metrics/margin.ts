/** @file Margin: how far the true class is ahead of the best other class. */
import { logProbability } from "./log-probability.ts";
import { type Metric, meanOverLabelled, type Row, type Scores } from "./metric.ts";

/**
 * Logit of the true class minus the largest other logit. Log-probabilities give the same number, since the normaliser
 * cancels; probabilities are turned into them.
 */
export const margin: Metric = {
  title: "Margin of the true class",
  unit: "nats",
  needs: "classes",
  scorer: () => (row, outputIs) => meanOverLabelled(row, outputIs, lead),
};

function lead({ outputs, width, positions }: Row, at: number, label: number, outputIs: Scores): number {
  let other = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < width; c++) {
    const output = outputs[at + c * positions]!;
    if (Number.isNaN(output)) return Number.NaN;
    if (c !== label && output > other) other = output;
  }
  const own = outputs[at + label * positions]!;
  return logProbability(own, 0, outputIs) - logProbability(other, 0, outputIs);
}
