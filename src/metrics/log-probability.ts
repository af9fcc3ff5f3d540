/** @file Log-probabilities of one position, whatever form the model gives them in; in double precision. */
import type { Row, Scores } from "./metric.ts";

/** The smallest positive float32. A probability rounded to 0 counts as this much, so that its logarithm stays finite. */
const smallest = 2 ** -149;
const logSmallest = Math.log(smallest); // -103.28

/**
 * What to subtract from a logit to get a log-probability: log Σ exp(x), shifted by the maximum against overflow.
 * Zero for outputs that are normalised already.
 * @param at Index of the position's first class; the next classes follow at steps of `row.positions`.
 */
export function normaliser(outputs: Row["outputs"], at: number, row: Row, outputIs: Scores): number {
  if (outputIs !== "logits") return 0;
  const { width, positions } = row;
  const end = at + width * positions;
  let max = outputs[at]!;
  for (let k = at + positions; k < end; k += positions) if (outputs[k]! > max) max = outputs[k]!;
  let total = 0;
  for (let k = at; k < end; k += positions) total += Math.exp(outputs[k]! - max);
  return max + Math.log(total);
}

/** Natural logarithm of the probability behind one output. */
export function logProbability(output: number, normalisedBy: number, outputIs: Scores): number {
  switch (outputIs) {
    case "logits":
      return output - normalisedBy;
    case "probabilities":
      return output < smallest ? logSmallest : Math.log(output);
    case "normalised logits":
      return output;
    case "log-probabilities":
      return Math.max(output, logSmallest);
    default:
      return outputIs satisfies never;
  }
}
