/** @file Negative cross-entropy: how likely the network finds the true class. */
import { logProbability, normaliser } from "./log-probability.ts";
import { type Metric, meanOverLabelled } from "./metric.ts";

/** log p(true class), at most 0. */
export const crossEntropy: Metric = {
  title: "Negative cross-entropy",
  unit: "nats",
  needs: "classes",
  scorer: () => (row, outputIs) => {
    const { outputs, positions } = row;
    return meanOverLabelled(row, (at, label) =>
      logProbability(outputs[at + label * positions]!, normaliser(outputs, at, row, outputIs), outputIs),
    );
  },
};
