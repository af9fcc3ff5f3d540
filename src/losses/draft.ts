/** @file A loss under construction: the output it is about, and the few reductions all losses share. */
import type { Emitter } from "../graph/emitter.ts";
import type { Dim, Graph } from "../graph/model.ts";

/** A float dtype losses are computed in. */
export type LossDType = "float32" | "float64";

export interface LossDraft {
  readonly graph: Graph;
  readonly emit: Emitter;
  /** Name of the model's output. */
  readonly output: string;
  /** Shape of the model's output, [N, ...]. */
  readonly shape: readonly Dim[];
  readonly dtype: LossDType;
}

/** The smallest normal float32. Its logarithm, −87.3, and its reciprocal are both finite in single precision. */
export const tiny = 2 ** -126;

/** A term of a loss, one number per example. */
export interface Term {
  /** Shape [N]. */
  readonly perExample: string;
  /** Shape [N], 1 for examples that carry a target and 0 for others, whose term is 0; undefined when all carry one. */
  readonly counted?: string | undefined;
}

/** Mean over everything an example has; shape [N]. */
export function meanPerExample({ emit }: LossDraft, value: string, rank: number): string {
  return rank === 1 ? value : emit.node("ReduceMean", [value, emit.ints(inner(rank))], { keepdims: 0 });
}

/** Sum over everything an example has; shape [N]. */
export function sumPerExample({ emit }: LossDraft, value: string, rank: number): string {
  return rank === 1 ? value : emit.node("ReduceSum", [value, emit.ints(inner(rank))], { keepdims: 0 });
}

function inner(rank: number): number[] {
  return Array.from({ length: rank - 1 }, (_, k) => k + 1);
}

/** Mean of a term over the examples that count, by their weights; 0 when there are none. No axes. */
export function meanOfExamples({ emit, dtype }: LossDraft, term: Term, weights: string | undefined): string {
  const { perExample, counted } = term;
  const total = (value: string) => emit.node("ReduceSum", [value], { keepdims: 0 });
  if (weights === undefined) {
    if (counted === undefined) return emit.node("ReduceMean", [perExample], { keepdims: 0 });
    const examples = emit.node("Max", [total(counted), emit.scalar(1, dtype)]);
    return emit.node("Div", [total(perExample), examples]); // examples that do not count are 0 already
  }
  const share = counted === undefined ? weights : emit.node("Mul", [weights, counted]);
  const shares = emit.node("Max", [total(share), emit.scalar(tiny, dtype)]);
  return emit.node("Div", [total(emit.node("Mul", [perExample, share])), shares]);
}
