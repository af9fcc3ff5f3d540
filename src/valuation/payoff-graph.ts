/** @file A payoff as nodes behind a network, so that it can be differentiated: one number per example, larger is better. */
import { PrunerError } from "../base/problem.ts";
import { concreteShape } from "../graph/dims.ts";
import { emitterFor } from "../graph/emitter.ts";
import type { Model } from "../graph/model.ts";
import { addLoss } from "../losses/add-loss.ts";
import type { LossSpec } from "../losses/spec.ts";
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

/**
 * Adds a payoff to a model. Rows are independent of each other, so the derivative of the sum of payoffs with respect to
 * something of row i is that of payoff i.
 * @param examples How many examples `payoff.targets` holds.
 * @throws {PrunerError} `payoff-not-differentiable` for accuracy, margin, and outputs of unknown shape; `loss-invalid`;
 *   `targets-mismatch` for targets that do not fit the output.
 */
export function addPayoff(model: Model, payoff: PayoffSetup, examples: number): PayoffGraph {
  const facts = inferFacts(model);
  const fact = facts.get(payoff.output);
  const shape = concreteShape(fact?.shape?.slice(1));
  if (shape === undefined)
    throw notDifferentiable(payoff, `the size of the output "${payoff.output}" is not known`);
  const loss = addLoss(model, facts, lossOf(payoff), {});
  const { graph } = loss.model;
  const emit = emitterFor(graph, "payoff/");
  const payoffs = emit.node("Neg", [loss.perExample]);
  return {
    model: { ...loss.model, graph: { ...graph, nodes: [...graph.nodes, ...emit.nodes] } },
    payoffs,
    targets: targetsOf(payoff, (loss.inputs.targets ?? loss.inputs.teacher)!, shape, fact?.dtype, examples),
  };
}

function lossOf(payoff: PayoffSetup): LossSpec {
  const { output, outputIs } = payoff;
  switch (payoff.kind) {
    case "cross-entropy":
      return { kind: "cross-entropy", output, outputIs };
    case "agreement":
      return { kind: "cross-entropy", output, outputIs, distill: { temperature: 1, weight: 1 } };
    case "squared-error":
      return { kind: "squared-error", output };
    case "accuracy":
      throw notDifferentiable(payoff, "it moves in steps, so its derivative is zero almost everywhere");
    case "margin":
      throw notDifferentiable(payoff, "no loss computes it; cross-entropy is the nearest");
    default:
      return payoff.kind satisfies never;
  }
}

function notDifferentiable({ kind }: PayoffSetup, detail: string): PrunerError {
  return new PrunerError("payoff-not-differentiable", { payoff: kind, detail });
}

/** Rows of the targets. @param shape Shape of one example's output. */
function targetsOf(
  { kind, targets }: PayoffSetup,
  input: string,
  shape: readonly number[],
  dtype: DType | undefined,
  examples: number,
): PayoffGraph["targets"] {
  const isClasses = metrics[kind].needs === "classes";
  const each = isClasses ? shape.slice(1) : shape;
  const size = sizeOf(each);
  if (targets.length !== examples * size)
    throw new PrunerError("targets-mismatch", {
      metric: kind,
      got: `${targets.length} target values for ${examples} examples`,
      expected: `${size} for each example, as the model's output has`,
    });
  return (indices) => {
    const values = new Float64Array(indices.length * size);
    for (let row = 0; row < indices.length; row++)
      values.set(targets.subarray(indices[row]! * size, (indices[row]! + 1) * size), row * size);
    const type = isClasses ? "int64" : (dtype ?? "float32");
    return { [input]: fromNumbers(type, [indices.length, ...each], values) };
  };
}
