/** @file How good whole networks are on the examples for the final figures, example by example. */
import { type Measurement, measure } from "../evaluation/measure.ts";
import type { Model } from "../graph/model.ts";
import { mean } from "../math/sums.ts";
import { payoff } from "../metrics/index.ts";
import type { NetworkQuality } from "../report/compare-records.ts";
import { outputKind } from "../valuation/targets.ts";
import type { CompareBench } from "./compare-bench.ts";

/** A network judged. */
export interface Judged {
  readonly quality: NetworkQuality;
  /** Per example, higher is better: 1 for a right answer, or minus the loss. */
  readonly scores: Float64Array;
}

/** Judges networks; without labels by how far they are from the original. */
export type Judge = (model: Model) => Promise<Judged>;

/** Measures the original once, and others against the same examples. */
export async function judgeFor({
  analysis,
  runner,
  output,
  parts,
  options,
}: CompareBench): Promise<{ readonly judge: Judge; readonly original: NetworkQuality }> {
  const { signal, onProgress } = options;
  const examples = parts.evaluate!;
  const { model } = analysis;
  const original = await measure(runner, model, examples, {
    output,
    signal,
    onBatch: (done, total) =>
      onProgress?.({ label: "evaluating the original", done, total, unit: "examples" }),
  });
  const lossOf = payoff(examples.labels === undefined ? "agreement" : "squared-error", {
    outputIs: outputKind(model, output),
  });
  const targets = examples.labels?.values ?? original.outputs;
  const judgedBy = ({ accuracy, loss, correct, outputs, width }: Measurement): Judged => {
    if (correct !== undefined)
      return { quality: { accuracy: accuracy!.value, loss: loss!.value }, scores: correct };
    const scores = lossOf.rows(outputs, width, targets, new Float64Array(examples.size));
    return { quality: { accuracy: null, loss: -mean(scores) }, scores };
  };
  return {
    judge: async (other) => judgedBy(await measure(runner, other, examples, { output, signal })),
    original: judgedBy(original).quality,
  };
}

/** Scores as plain JSON: a digit each for right and wrong answers. */
export type PackedScores = string | readonly number[];

export function packed(scores: Float64Array): PackedScores {
  return scores.every((score) => score === 0 || score === 1) ? scores.join("") : Array.from(scores);
}

export function unpacked(scores: PackedScores): Float64Array {
  return Float64Array.from(scores, Number);
}
