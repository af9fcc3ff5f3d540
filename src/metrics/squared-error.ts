/** @file Negative mean squared error, for networks that predict numbers. */
import type { Metric } from "./metric.ts";

/** Minus the mean of (output − target)² over all outputs of the row, at most 0. */
export const squaredError: Metric = {
  title: "Negative mean squared error",
  unit: "squared units of the output",
  needs: "outputs",
  scorer:
    () =>
    ({ outputs, start, width, positions, targets, targetStart }) => {
      const size = width * positions;
      let total = 0;
      for (let k = 0; k < size; k++) {
        const error = outputs[start + k]! - targets[targetStart + k]!;
        total -= error * error;
      }
      return total / size;
    },
};
