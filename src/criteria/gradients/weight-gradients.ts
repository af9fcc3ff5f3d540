/** @file Gradients of the loss with respect to weights, and the Hessian times a vector, as means over examples. */
import { mapInOrder } from "../../base/map-in-order.ts";
import { batches } from "../../datasets/index.ts";
import { differentiable, feedsFor, modestBatch } from "../../gradients/differentiable.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import { type Emitter, emitterFor } from "../../graph/emitter.ts";
import type { Model, ValueInfo } from "../../graph/model.ts";
import { extract } from "../../passes/extract.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../tensor/tensor.ts";
import { addPayoff, type PayoffGraph } from "../../valuation/payoff-graph.ts";
import type { GradientOptions } from "./gradient-options.ts";

/** Numbers in the shape and order of each weight, by the weight's name. */
export type WeightValues = ReadonlyMap<string, Float64Array>;

/**
 * Gradient of the mean loss over the data set with respect to weights. Batches are summed in double precision and in
 * order, so workers and timing leave the result alone.
 * @param names Names of initializers; those the loss does not depend on get zeros.
 * @throws {PrunerError} `payoff-not-differentiable`, `no-gradient`, and what the engine throws.
 */
export async function weightGradients(
  options: GradientOptions,
  names: readonly string[],
): Promise<WeightValues> {
  const payoff = payoffOf(options);
  const { model, gradientOf } = differentiate(payoff.model, { of: payoff.payoffs, wrt: names });
  return meanLossGradients(options, payoff, model, names, gradientOf);
}

/**
 * Hessian of the mean loss times a vector: the gradient of ⟨gradient, vector⟩, by differentiating the graph of the
 * gradient once more.
 * @param vector One number per weight; weights it leaves out count as zero.
 * @throws {PrunerError} As {@link weightGradients}; `no-gradient` also where the gradient of an operator has none itself.
 */
export async function hessianTimes(
  options: GradientOptions,
  names: readonly string[],
  vector: WeightValues,
): Promise<WeightValues> {
  const payoff = payoffOf(options);
  const first = differentiate(payoff.model, { of: payoff.payoffs, wrt: names });
  const emit = emitterFor(first.model.graph, "hessian/");
  const feeds: Record<string, Tensor> = {};
  const inputs: ValueInfo[] = [];
  const products = names.flatMap((name) => {
    const gradient = first.gradientOf.get(name);
    const values = vector.get(name);
    if (gradient === undefined || values === undefined) return [];
    const { shape, dtype } = payoff.model.graph.initializers.get(name)!;
    const input = emit.unique(`hessian/${name}`);
    inputs.push({ name: input, dtype, shape });
    feeds[input] = fromNumbers(dtype, shape, values);
    return [dot(emit, gradient, input)];
  });
  if (products.length === 0) return zerosFor(options, names);
  const total = products.reduce((sum, product) => emit.node("Add", [sum, product]));
  const { graph } = first.model;
  const whole: Model = {
    ...first.model,
    graph: {
      ...graph,
      nodes: [...graph.nodes, ...emit.nodes],
      initializers: new Map([...graph.initializers, ...emit.initializers]),
      inputs: [...graph.inputs, ...inputs],
    },
  };
  const second = differentiate(whole, { of: total, wrt: names });
  const batchSize = options.batchSize ?? Math.ceil(modestBatch(options.analysis) / shareOfBatch);
  return meanLossGradients({ ...options, batchSize }, payoff, second.model, names, second.gradientOf, feeds);
}

function payoffOf({ analysis, payoff, dataset }: GradientOptions): PayoffGraph {
  return addPayoff(differentiable(analysis.model, dataset.batch([0])), payoff, dataset.size);
}

/** Differentiating twice keeps some four times as many values, so that a batch has to be smaller. */
const shareOfBatch = 4;

/** Sum of the products of all elements, without axes. */
function dot(emit: Emitter, left: string, right: string): string {
  return emit.node("ReduceSum", [emit.node("Mul", [left, right])], { keepdims: 0 });
}

function zerosFor({ analysis }: GradientOptions, names: readonly string[]): Map<string, Float64Array> {
  const { initializers } = analysis.model.graph;
  return new Map(
    names.map((name) => {
      const size = initializers.get(name)!.shape.reduce((product, axis) => product * axis, 1);
      return [name, new Float64Array(size)];
    }),
  );
}

/** Runs all batches and adds up −gradient / examples: the loss is minus the payoff. */
async function meanLossGradients(
  options: GradientOptions,
  payoff: PayoffGraph,
  model: Model,
  names: readonly string[],
  gradientOf: ReadonlyMap<string, string>,
  constants: Readonly<Record<string, Tensor>> = {},
): Promise<WeightValues> {
  const { engine, dataset, ahead = 1, signal, onBatch } = options;
  const sums = zerosFor(options, names);
  const found = names.filter((name) => gradientOf.has(name));
  if (found.length === 0) return sums;
  const part = extract(model, new Map(), [], [...new Set(found.map((name) => gradientOf.get(name)!))]);
  const session = await engine.open(part, options.session);
  try {
    const work = (examples: Uint32Array) => {
      signal?.throwIfAborted();
      const feeds = { ...dataset.batch(examples), ...payoff.targets(examples), ...constants };
      return session.run(feedsFor(part, feeds));
    };
    const size = options.batchSize ?? modestBatch(options.analysis);
    let done = 0;
    for await (const results of mapInOrder(batches(dataset.size, { size }), work, ahead)) {
      for (const name of found) addTo(sums.get(name)!, results[gradientOf.get(name)!]!, -1 / dataset.size);
      done = Math.min(dataset.size, done + size);
      onBatch?.(done, dataset.size);
    }
  } finally {
    await session.close();
  }
  return sums;
}

function addTo(sums: Float64Array, gradient: Tensor, factor: number): void {
  const values = toNumbers(gradient);
  for (let k = 0; k < sums.length; k++) sums[k]! += factor * values[k]!;
}
