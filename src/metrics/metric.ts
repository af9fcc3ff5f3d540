/** @file What every payoff has in common: one number per row of model output, larger is better. */

/** What the numbers in a classifier's output mean. */
export type OutputIs = "logits" | "probabilities" | "log-probabilities";

/** The same of rows that a metric is given: they may be logits less their normaliser, log-probabilities down to any size. */
export type Scores = OutputIs | "normalised logits";

/** One row of output, shape [width, positions] (class axis first), and what it should have been. */
export interface Row {
  readonly outputs: Float32Array | Float64Array;
  /** Where the row starts in `outputs`. */
  readonly start: number;
  /** Number of classes, or of output channels. */
  readonly width: number;
  /** Places a prediction is made for: 1 for classifiers, pixels for segmentation. */
  readonly positions: number;
  readonly targets: Int32Array | Float32Array | Float64Array;
  /** Where the row's targets start in `targets`. */
  readonly targetStart: number;
}

export interface Metric {
  readonly title: string;
  readonly unit: string;
  /**
   * "classes": one class index per position, negative where none counts. "outputs": numbers shaped like the output,
   * such as regression targets or the output of the original network.
   */
  readonly needs: "classes" | "outputs";
  /**
   * Scores the rows of one call: the payoff of each, a mean over positions; NaN or infinite when the outputs are. Allocates
   * nothing for a row. What it remembers of targets holds as long as nobody writes to them: for that call.
   */
  readonly scorer: () => (row: Row, outputIs: Scores) => number;
}

/** What one position is worth. @param at Index of its first class. */
export type AtPosition = (row: Row, at: number, label: number, outputIs: Scores) => number;

/** Mean over the positions that carry a class; 0 when none does. */
export function meanOverLabelled(row: Row, outputIs: Scores, worth: AtPosition): number {
  const { positions, targets, targetStart, start } = row;
  let total = 0;
  let counted = 0;
  for (let p = 0; p < positions; p++) {
    const label = targets[targetStart + p]!;
    if (label < 0) continue;
    total += worth(row, start + p, label, outputIs);
    counted++;
  }
  return counted === 0 ? 0 : total / counted;
}
