/** @file Cross-entropy between targets and predicted classes. */
import { codeOf } from "../../onnx/element-types.ts";
import { int64 } from "../../tensor/tensor.ts";
import type { Classes } from "./class-scores.ts";
import { type LossDraft, meanPerExample, sumPerExample, type Term } from "./draft.ts";

/**
 * −factor · log p(label) per example, a mean over its labelled positions. With smoothing s the target of K classes is
 * 1 − s + s / K for the label and s / K for every other.
 * @param logs Log-probabilities, shape [N, classes, ...positions].
 * @param labels int64, shape [N, ...positions]; negative where nothing counts.
 * @see Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, section 7 (smoothing).
 */
export function labelTerm(
  draft: LossDraft,
  { count, rank }: Classes,
  logs: string,
  labels: string,
  options: { readonly smoothing: number; readonly factor: number },
): Term {
  const { emit, dtype } = draft;
  const number = (value: number) => emit.scalar(value, dtype);
  const every = emit.constant(
    int64([count, ...Array.from({ length: rank - 2 }, () => 1)], [...Array(count).keys()]),
  );
  const isLabel = emit.node("Equal", [emit.node("Unsqueeze", [labels, emit.ints([1])]), every]); // [N, classes, ...]
  const isLabelled = emit.node("GreaterOrEqual", [labels, emit.constant(int64([], [0]))]);
  const labelled = emit.node("Cast", [isLabelled], { to: codeOf(dtype) }); // [N, ...positions]
  const picked = (): string => {
    if (options.smoothing === 0) return emit.node("Where", [isLabel, logs, number(0)]); // no label, no class
    const rest = options.smoothing / count;
    const target = emit.node("Where", [isLabel, number(1 - options.smoothing + rest), number(rest)]);
    const counted = emit.node("Unsqueeze", [labelled, emit.ints([1])]);
    return emit.node("Mul", [logs, emit.node("Mul", [target, counted])]);
  };
  const total = sumPerExample(draft, picked(), rank); // [N]
  if (rank === 2)
    return { perExample: emit.node("Mul", [total, number(-options.factor)]), counted: labelled };
  const positions = sumPerExample(draft, labelled, rank - 1); // [N]
  const divisor = emit.node("Mul", [emit.node("Max", [positions, number(1)]), number(-1 / options.factor)]);
  return {
    perExample: emit.node("Div", [total, divisor]),
    counted: emit.node("Min", [positions, number(1)]),
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
