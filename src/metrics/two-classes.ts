/** @file A single output that separates two classes, as networks that end in one sigmoid have it, seen as two outputs. */
import type { Row, Scores } from "./metric.ts";

/**
 * Spells out class 0, so that the output speaks for class 1: logits x become (0, x), probabilities p become (1 − p, p).
 * @param outputs Shape [rows, 1, positions].
 * @returns Shape [rows, 2, positions].
 */
export function asTwoClasses(
  outputs: Float32Array | Float64Array,
  positions: number,
  outputIs: Scores,
): Row["outputs"] {
  const both = new Float64Array(2 * outputs.length);
  for (let start = 0; start < outputs.length; start += positions) {
    for (let p = start; p < start + positions; p++) {
      both[start + p] = otherOf(outputs[p]!, outputIs);
      both[start + p + positions] = outputs[p]!;
    }
  }
  return both;
}

function otherOf(output: number, outputIs: Scores): number {
  switch (outputIs) {
    case "normalised logits":
      throw new RangeError("A single output has no normaliser"); // nothing normalises it: a defect of ours
    case "logits":
      return 0;
    case "probabilities":
      return 1 - output;
    case "log-probabilities":
      return Math.log(-Math.expm1(output));
    default:
      return outputIs satisfies never;
  }
}
