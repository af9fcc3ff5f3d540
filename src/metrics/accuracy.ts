/** @file Accuracy: whether the true class has the largest output. */
import { type Metric, meanOverLabelled } from "./metric.ts";

/** 1 when the first of the largest outputs is the true class, else 0; a share of positions for segmentation. */
export const accuracy: Metric = {
  title: "Accuracy",
  unit: "share of correct predictions",
  needs: "classes",
  scorer: () => (row) =>
    meanOverLabelled(row, (at, label) => isLargest(row.outputs, at, row.width, row.positions, label)),
};

function isLargest(
  outputs: Float32Array | Float64Array,
  at: number,
  width: number,
  step: number,
  label: number,
): number {
  let best = 0;
  for (let c = 0; c < width; c++) {
    const output = outputs[at + c * step]!;
    if (Number.isNaN(output)) return Number.NaN;
    if (output > outputs[at + best * step]!) best = c;
  }
  return best === label ? 1 : 0;
}
