/** @file Cross-entropy between targets and predicted classes. */
import { codeOf } from "../onnx/element-types.ts";
import type { Classes } from "./class-scores.ts";
import { type LossDraft, meanPerExample, sumPerExample, type Term } from "./draft.ts";

/**
 * −factor · log p(label) per example, a mean over its labelled positions. With smoothing s the target of K classes is
 * 1 − s + s / K for the label and s / K for every other.
 * @param logs Log-probabilities, shape [N, classes, ...positions].
 * @param labels int64, shape [N, ...positions]; negative where nothing counts. The run fails on a label of no class.
 * @see Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, section 7 (smoothing).
 */
export function labelTerm(
  draft: LossDraft,
  { rank }: Classes,
  logs: string,
  labels: string,
  { smoothing, factor }: { readonly smoothing: number; readonly factor: number },
): Term {
  const { emit, dtype } = draft;
  const number = (value: number) => emit.scalar(value, dtype);
  const none = emit.scalar(0, "int64");
  const lined = emit.node("Unsqueeze", [labels, emit.ints([1])]); // [N, 1, ...positions], as all below
  const isLabelled = emit.node("GreaterOrEqual", [lined, none]);
  // Gathered rather than multiplied by one-hot rows: the cheapest to run and to differentiate from 10 classes to 1000.
  let gain = emit.node("GatherElements", [logs, emit.node("Max", [lined, none])], { axis: 1 });
  if (smoothing > 0) {
    const even = emit.node("ReduceMean", [logs, emit.ints([1])], { keepdims: 1 });
    gain = emit.node("Add", [
      emit.node("Mul", [gain, number(1 - smoothing)]),
      emit.node("Mul", [even, number(smoothing)]),
    ]);
  }
  const total = sumPerExample(draft, emit.node("Where", [isLabelled, gain, number(0)]), rank); // [N]
  const labelled = sumPerExample(draft, emit.node("Cast", [isLabelled], { to: codeOf(dtype) }), rank); // [N]
  if (rank === 2) return { perExample: emit.node("Mul", [total, number(-factor)]), counted: labelled };
  const divisor = emit.node("Mul", [emit.node("Max", [labelled, number(1)]), number(-1 / factor)]);
  return {
    perExample: emit.node("Div", [total, divisor]),
    counted: emit.node("Min", [labelled, number(1)]),
  };
}

/**
 * −factor · Σ q log p per example, a mean over positions, for targets q that are class probabilities.
 * @param targets Shape [N, classes, ...positions].
 */
export function softTerm(
  draft: LossDraft,
  { count, rank }: Classes,
  logs: string,
  targets: string,
  { smoothing, factor }: { readonly smoothing: number; readonly factor: number },
): Term {
  const { emit, dtype } = draft;
  const number = (value: number) => emit.scalar(value, dtype);
  const smoothed =
    smoothing === 0
      ? targets
      : emit.node("Add", [emit.node("Mul", [targets, number(1 - smoothing)]), number(smoothing / count)]);
  const mean = meanPerExample(draft, emit.node("Mul", [logs, smoothed]), rank); // over classes and positions
  return { perExample: emit.node("Mul", [mean, number(-factor * count)]) };
}
