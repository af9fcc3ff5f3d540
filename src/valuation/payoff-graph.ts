/** @file A payoff as nodes behind a network, so that it can be differentiated: one number per example, larger is better. */
import { PrunerError } from "../base/problem.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Model } from "../graph/model.ts";
import { metrics } from "../metrics/index.ts";
import { inferFacts } from "../ops/infer.ts";
import type { DType } from "../tensor/dtype.ts";
import { fromNumbers, sizeOf, type Tensor } from "../tensor/tensor.ts";
import type { PayoffSetup } from "./targets.ts";

/** A network with its payoff. */
export interface PayoffGraph {
  /** The given model with the payoff's nodes behind it and the targets as a further input. */
  readonly model: Model;
  /** Name of the payoffs, shape [N]: those of `metrics`, but for a number that depends on the example alone. */
  readonly payoffs: string;
  /** What to feed beside the network's inputs for the listed examples. */
  targets(examples: ArrayLike<number>): Readonly<Record<string, Tensor>>;
}

/** Smallest normal float32: the reciprocal of a probability clipped here is still finite. */
const smallestProbability = 2 ** -126;

/** Low enough to lose against every logit, and finite, so that no product with zero becomes NaN. */
const veryLow = -3e38;

/** The output a payoff reads, as the graph that is being written knows it. */
interface Draft {
  readonly emit: Emitter;
  readonly model: Model;
  readonly payoff: PayoffSetup;
  readonly dtype: DType;
  /** Numbers per position: size of axis 1, and 1 for outputs without one. */
  readonly width: number;
  /** Predictions of one example; undefined where the shape leaves it open. */
  readonly positions: number | undefined;
  /** Name of the targets' input. */
  readonly targets: string;
}

/**
 * Adds a payoff to a model. Its rows are independent of each other, so the derivative of their sum with respect to
 * something of row i is that of payoff i.
 * @param examples How many examples `payoff.targets` holds.
 * @throws {PrunerError} `payoff-not-differentiable` for accuracy and for outputs whose classes are not counted;
 *   `targets-mismatch` for targets that do not fit the output.
 */
export function addPayoff(model: Model, payoff: PayoffSetup, examples: number): PayoffGraph {
  const fact = inferFacts(model).get(payoff.output);
  const width = (fact?.shape?.length ?? 0) < 2 ? 1 : fact!.shape![1];
  if (typeof width !== "number" || fact?.shape === undefined)
    throw notDifferentiable(payoff, `the shape of the output "${payoff.output}" is not known`);
  const emit = emitterFor(model.graph, "payoff/");
  const targets = emit.unique("payoff/targets");
  const places = fact.shape.slice(2);
  const positions = places.every((size) => typeof size === "number") ? sizeOf(places as number[]) : undefined;
  const draft: Draft = { emit, model, payoff, dtype: fact.dtype ?? "float32", width, positions, targets };
  const payoffs = payoffNodes(draft);
  const { graph } = model;
  const input = { name: targets, dtype: draft.dtype, shape: targetShape(draft, graph.inputs[0]?.shape?.[0]) };
  return {
    model: {
      ...model,
      graph: {
        ...graph,
        nodes: [...graph.nodes, ...emit.nodes],
        initializers: new Map([...graph.initializers, ...emit.initializers]),
        inputs: [...graph.inputs, input],
      },
    },
    payoffs,
    targets: targetsOf(draft, examples),
  };
}

function notDifferentiable({ kind }: PayoffSetup, detail: string): PrunerError {
  return new PrunerError("payoff-not-differentiable", { payoff: kind, detail });
}

function payoffNodes(draft: Draft): string {
  const { emit, payoff, targets } = draft;
  switch (payoff.kind) {
    case "cross-entropy":
    case "agreement":
      return weighted(emit, logProbabilities(draft), targets);
    case "margin":
      return marginNodes(draft);
    case "squared-error": {
      const error = emit.node("Sub", [flattened(draft, 2), targets]);
      const mean = emit.node("ReduceMean", [emit.node("Mul", [error, error]), emit.ints([1])], {
        keepdims: 0,
      });
      return emit.node("Neg", [mean]);
    }
    case "accuracy":
      throw notDifferentiable(payoff, "it moves in steps, so its derivative is zero almost everywhere");
    default:
      return payoff.kind satisfies never;
  }
}

/** Sum over classes and positions. */
function weighted(emit: Emitter, values: string, weights: string): string {
  return emit.node("ReduceSum", [emit.node("Mul", [values, weights]), emit.ints([1, 2])], { keepdims: 0 });
}

/** The output as [N, width, positions], or [N, size]. */
function flattened({ emit, payoff, width }: Draft, rank: 2 | 3, value = payoff.output): string {
  return emit.node("Reshape", [value, emit.ints(rank === 2 ? [0, -1] : [0, width, -1])]);
}

/** Shape [N, classes, positions]. A single output is spelled out as two classes, as in `metrics`. */
function logProbabilities(draft: Draft): string {
  const { emit, payoff, width, dtype } = draft;
  const logits = payoff.outputIs === "logits" ? payoff.output : softmaxInput(draft);
  if (logits !== undefined) return emit.node("LogSoftmax", [scores(draft, logits)], { axis: 1 });
  const outputs = flattened(draft, 3);
  if (payoff.outputIs === "log-probabilities" && width > 1) return outputs;
  const own = payoff.outputIs === "probabilities" ? outputs : emit.node("Exp", [outputs]);
  const other = emit.node("Sub", [emit.scalar(1, dtype), own]);
  const all = width > 1 ? own : emit.node("Concat", [other, own], { axis: 1 });
  return emit.node("Log", [emit.node("Max", [all, emit.scalar(smallestProbability, dtype)])]);
}

/** Logits x of a single output become (0, x). */
function scores(draft: Draft, logits: string): string {
  const { emit, width, dtype } = draft;
  const own = flattened(draft, 3, logits);
  if (width > 1) return own;
  return emit.node("Concat", [emit.node("Mul", [own, emit.scalar(0, dtype)]), own], { axis: 1 });
}

/** The logits behind a softmax over the classes: their log-softmax has a gradient where a probability has run to zero. */
function softmaxInput({ model, payoff, width }: Draft): string | undefined {
  const maker = model.graph.nodes.find(({ outputs }) => outputs.includes(payoff.output));
  const axis = maker?.attributes.get("axis");
  const isOverClasses = axis?.kind === "int" && axis.value === 1;
  return maker?.opType === "Softmax" && isOverClasses && width > 1 ? maker.inputs[0] : undefined;
}

/** The true class's logit minus the largest other one; targets weigh each position. */
function marginNodes(draft: Draft): string {
  const { emit, payoff, dtype, targets } = draft;
  const values = payoff.outputIs === "logits" ? scores(draft, payoff.output) : logProbabilities(draft);
  const isOwn = emit.node("Greater", [targets, emit.scalar(0, dtype)]);
  const others = emit.node("Where", [isOwn, emit.scalar(veryLow, dtype), values]);
  const best = emit.node("ReduceMax", [others, emit.ints([1])], { keepdims: 1 }); // [N, 1, positions]
  const weights = emit.node("ReduceSum", [targets, emit.ints([1])], { keepdims: 1 });
  return emit.node("Sub", [weighted(emit, values, targets), weighted(emit, best, weights)]);
}

function classesOf({ width }: Draft): number {
  return Math.max(2, width);
}

function targetShape(draft: Draft, batch: number | string | undefined): (number | string | undefined)[] {
  return draft.payoff.kind === "squared-error" ? [batch, undefined] : [batch, classesOf(draft), undefined];
}

/** Weights of class logarithms, or the numbers to come close to. */
function targetsOf(draft: Draft, examples: number): PayoffGraph["targets"] {
  const { payoff, dtype, targets, width } = draft;
  const size = payoff.targets.length / examples;
  const classes = classesOf(draft);
  checkTargets(draft, size);
  return (indices) => {
    if (payoff.kind === "squared-error") {
      const values = Float64Array.from({ length: indices.length * size }, (_, k) => {
        return payoff.targets[indices[Math.floor(k / size)]! * size + (k % size)]!;
      });
      return { [targets]: fromNumbers(dtype, [indices.length, size], values) };
    }
    const positions = payoff.kind === "agreement" ? size / width : size;
    const shape = [indices.length, classes, positions];
    const weights = new Float64Array(sizeOf(shape));
    for (let row = 0; row < indices.length; row++) {
      const from = payoff.targets.subarray(indices[row]! * size, (indices[row]! + 1) * size);
      const into = weights.subarray(row * classes * positions, (row + 1) * classes * positions);
      if (payoff.kind === "agreement") softWeights(from, into, payoff, width);
      else hardWeights(from, into, positions);
    }
    return { [targets]: fromNumbers(dtype, shape, weights) };
  };
}

/** Targets of another size would be broadcast unnoticed. */
function checkTargets({ payoff, width, positions }: Draft, size: number): void {
  const each = metrics[payoff.kind].needs === "classes" ? 1 : width;
  const fits = positions === undefined ? size >= 1 && size % each === 0 : size === each * positions;
  if (fits) return;
  throw new PrunerError("targets-mismatch", {
    metric: payoff.kind,
    got: `${size} target values per example`,
    expected:
      positions === undefined ? `a multiple of ${each}` : `${each * positions}, as the model's output has`,
  });
}

/** 1 / (labelled positions) at each position's class. */
function hardWeights(labels: Int32Array | Float32Array, into: Float64Array, positions: number): void {
  let labelled = 0;
  for (const label of labels) if (label >= 0) labelled++;
  for (let p = 0; p < positions; p++) {
    const label = labels[p]!;
    if (label >= 0) into[label * positions + p] = 1 / labelled;
  }
}

/** The original network's class probabilities, over the number of positions. */
function softWeights(
  reference: Int32Array | Float32Array,
  into: Float64Array,
  { outputIs }: PayoffSetup,
  width: number,
): void {
  const classes = Math.max(2, width);
  const positions = into.length / classes;
  for (let p = 0; p < positions; p++) {
    const own = Array.from({ length: width }, (_, c) => reference[c * positions + p]!);
    probabilities(own, outputIs).forEach((share, c) => {
      into[c * positions + p] = share / positions;
    });
  }
}

function probabilities(outputs: readonly number[], outputIs: PayoffSetup["outputIs"]): number[] {
  if (outputIs !== "logits") {
    const own = outputIs === "probabilities" ? [...outputs] : outputs.map(Math.exp);
    return own.length === 1 ? [1 - own[0]!, own[0]!] : own;
  }
  const logits = outputs.length === 1 ? [0, ...outputs] : outputs;
  const most = Math.max(...logits);
  const weights = logits.map((x) => Math.exp(x - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
