/** @file Negative cross-entropy: how likely the network finds the true class. */
import { logProbability, normaliser } from "./log-probability.ts";
import { type Metric, meanOverLabelled, type Row, type Scores } from "./metric.ts";

/** log p(true class), at most 0. */
export const crossEntropy: Metric = {
  title: "Negative cross-entropy",
  unit: "nats",
  needs: "classes",
  scorer: () => (row, outputIs) => meanOverLabelled(row, outputIs, logOfClass),
};

function logOfClass(row: Row, at: number, label: number, outputIs: Scores): number {
  const { outputs, positions } = row;
  const own = outputs[at + label * positions]!;
  return logProbability(own, normaliser(outputs, at, row, outputIs), outputIs);
}
