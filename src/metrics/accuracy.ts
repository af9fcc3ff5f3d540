/** @file Accuracy: whether the true class has the largest output. */
import { type Metric, meanOverLabelled, type Row } from "./metric.ts";

/** 1 when the first of the largest outputs is the true class, else 0; a share of positions for segmentation. */
export const accuracy: Metric = {
  title: "Accuracy",
  unit: "share of correct predictions",
  needs: "classes",
  scorer: () => (row, outputIs) => meanOverLabelled(row, outputIs, isLargest),
};

function isLargest({ outputs, width, positions }: Row, at: number, label: number): number {
  let best = 0;
  for (let c = 0; c < width; c++) {
    const output = outputs[at + c * positions]!;
    if (Number.isNaN(output)) return Number.NaN;
    if (output > outputs[at + best * positions]!) best = c;
  }
  return best === label ? 1 : 0;
}
