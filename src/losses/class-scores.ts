/** @file Class scores as logarithms, whatever form a model gives its classes in. */
import { PrunerError } from "../base/problem.ts";
import { intAttribute } from "../graph/attributes.ts";
import { producersOf } from "../graph/traversal.ts";
import type { OutputIs } from "../metrics/metric.ts";
import { type LossDraft, tiny } from "./draft.ts";

/** Scores per class, class axis 1. A softmax over them gives the class probabilities. */
export interface ClassScores {
  /** Shape [N, classes, ...positions]. */
  readonly value: string;
  /** Whether they are log-probabilities already. */
  readonly normalised: boolean;
}

/** How the classes lie in the output. */
export interface Classes {
  /** At least 2. */
  readonly count: number;
  /** Axes of [N, classes, ...positions]. */
  readonly rank: number;
  /** A single output speaks for class 1 of two. */
  readonly single: boolean;
}

/** @throws {PrunerError} `loss-invalid` when the number of classes is not known. */
export function classesOf({ shape, output }: LossDraft): Classes {
  const width = shape.length === 1 ? 1 : shape[1];
  if (typeof width !== "number" || width < 1) {
    const detail = `output "${output}" has an open number of classes. Export the network with a fixed one`;
    throw new PrunerError("loss-invalid", { detail });
  }
  return { count: Math.max(2, width), rank: Math.max(2, shape.length), single: width === 1 };
}

/** Scores behind the model's own output. Before a final softmax or sigmoid, where nothing has been rounded to 0 yet. */
export function scoresOfModel(draft: LossDraft, classes: Classes, outputIs: OutputIs): ClassScores {
  const logits = outputIs === "probabilities" ? logitsBehind(draft, classes) : undefined;
  if (logits !== undefined) return scoresOf(draft, classes, logits, "logits");
  return scoresOf(draft, classes, draft.output, outputIs);
}

function logitsBehind({ graph, output }: LossDraft, { single, rank }: Classes): string | undefined {
  const maker = producersOf(graph).get(output);
  if (maker?.domain !== "") return undefined;
  const axis = intAttribute(maker, "axis", -1);
  const ends = single ? maker.opType === "Sigmoid" : maker.opType === "Softmax" && (axis + rank) % rank === 1;
  return ends ? maker.inputs[0] : undefined;
}

/** Scores from a value of the output's shape. */
export function scoresOf(
  draft: LossDraft,
  { single }: Classes,
  value: string,
  outputIs: OutputIs,
): ClassScores {
  const whole = single ? bothClasses(draft, value, outputIs) : value;
  if (outputIs !== "probabilities") return { value: whole, normalised: outputIs === "log-probabilities" };
  return { value: logarithm(draft, whole), normalised: true };
}

/** log p, with probabilities rounded to 0 taken for the smallest normal float32. */
function logarithm({ emit, dtype }: LossDraft, probabilities: string): string {
  return emit.node("Log", [emit.node("Clip", [probabilities, emit.scalar(tiny, dtype)])]);
}

/** Spells out class 0: logits x become (0, x), probabilities p become (1 − p, p). Shape [N, 2, ...positions]. */
export function bothClasses(draft: LossDraft, value: string, outputIs: OutputIs): string {
  const { emit, dtype, shape } = draft;
  const one = shape.length === 1 ? emit.node("Unsqueeze", [value, emit.ints([1])]) : value; // [N, 1, ...]
  if (outputIs === "logits") return emit.node("Pad", [one, emit.ints([1, 0]), "", emit.ints([1])]);
  const certain = emit.scalar(1, dtype);
  if (outputIs === "probabilities")
    return emit.node("Concat", [emit.node("Sub", [certain, one]), one], { axis: 1 });
  const other = logarithm(draft, emit.node("Sub", [certain, emit.node("Exp", [one])]));
  return emit.node("Concat", [other, one], { axis: 1 });
}

/** log softmax(scores / temperature) along the classes; shape [N, classes, ...positions]. */
export function logProbabilities({ emit, dtype }: LossDraft, scores: ClassScores, temperature = 1): string {
  if (temperature === 1)
    return scores.normalised ? scores.value : emit.node("LogSoftmax", [scores.value], { axis: 1 });
  const softened = emit.node("Mul", [scores.value, emit.scalar(1 / temperature, dtype)]);
  return emit.node("LogSoftmax", [softened], { axis: 1 });
}
