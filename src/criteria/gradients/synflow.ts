/** @file Synaptic flow: how much of what passes through the network passes through a weight; needs no data. */
import { PrunerError } from "../../base/problem.ts";
import type { ChannelAnalysis } from "../../channels/groups.ts";
import { referenceEngine } from "../../engine/reference/reference.ts";
import { differentiable, feedsFor } from "../../gradients/differentiable.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import { type Model, type StoredTensor, stored } from "../../graph/model.ts";
import { extract } from "../../passes/extract.ts";
import { liftConstants } from "../../passes/lift-constants.ts";
import { isFloat } from "../../tensor/dtype.ts";
import { fromNumbers, sizeOf, type Tensor, toNumbers } from "../../tensor/tensor.ts";
import { inDouble } from "./in-double.ts";
import { layerWeights } from "./producer-weights.ts";
import { type WeightRule, weightCriterion } from "./weight-criterion.ts";
import type { WeightValues } from "./weight-gradients.ts";

const measured = new WeakMap<ChannelAnalysis, Promise<WeightValues>>();

/**
 * |w| · ∂R/∂|w| of every weight, where R is the sum of the outputs for an input of ones when all parameters, biases and
 * the numbers of batch normalisations included, are replaced by their absolute values.
 */
export const synflowRule: WeightRule = {
  name: "synflow",
  needs: "weights",
  values: (analysis) => {
    const flows = measured.get(analysis) ?? synapticFlow(analysis);
    measured.set(analysis, flows);
    return flows;
  },
};

/**
 * Score of channel c: Σ over producers p, Σ over the weights w of filter c of p of |w| · ∂R/∂|w|. As in the authors'
 * code, batch normalisation keeps its form with absolute parameters and other activations than ReLU stay; but the upper
 * bound of ReLU6 is lifted, for everything would run into it and no flow were left. R grows with every layer (beyond
 * float32 in deep networks), so it runs in double precision in the interpreter. The paper removes
 * weights in a hundred rounds; this is the score of one. A softmax at the end is left out, its outputs add up to one.
 */
export const synflow = weightCriterion(synflowRule, {
  title: "SynFlow",
  reference:
    "Tanaka, Kunin, Yamins & Ganguli, Pruning neural networks without any data by iteratively conserving synaptic flow, NeurIPS 2020, arXiv:2006.05467",
  description: "flow through the weights that make the channel, all weights positive, for an input of ones",
});

async function synapticFlow(analysis: ChannelAnalysis): Promise<WeightValues> {
  const names = layerWeights(analysis);
  const ones = onesFor(analysis);
  const model = unbounded(differentiable(positive(analysis.model), ones));
  const { model: whole, gradientOf } = differentiate(model, { of: flowOutput(model), wrt: names });
  const found = names.filter((name) => gradientOf.has(name));
  const outputs = [...new Set(found.map((name) => gradientOf.get(name)!))];
  const part = inDouble(extract(whole, new Map(), [], outputs));
  const session = await referenceEngine.open(part);
  const results = await session.run(feedsFor(part, ones));
  const flows = new Map(
    names.map((name) => {
      const weights = toNumbers(analysis.model.graph.initializers.get(name)!.load());
      const gradient = gradientOf.get(name);
      if (gradient === undefined) return [name, weights.map(() => 0)];
      const slopes = toNumbers(results[gradient]!);
      return [name, weights.map((weight, k) => Math.abs(weight) * slopes[k]!)];
    }),
  );
  refuseUnless(flows, analysis);
  return flows;
}

function refuseUnless(flows: WeightValues, { groups }: ChannelAnalysis): void {
  if ([...flows.values()].some((flow) => flow.some((value) => value !== 0))) return;
  throw new PrunerError("criterion-not-applicable", {
    criterion: "synflow",
    group: groups[0]?.id ?? "",
    detail:
      "no flow comes through the network, since an activation saturates or a layer's parameters are all zero",
  });
}

/** ReLU6 as ReLU. A bounded value that others are multiplied by, as in a hard sigmoid, keeps its bound. */
function unbounded(model: Model): Model {
  const { graph } = model;
  const factors = new Set(
    graph.nodes.flatMap(({ opType, inputs }) => (opType === "Mul" || opType === "Div" ? inputs : [])),
  );
  const nodes = graph.nodes.map((node) => {
    const lifts = node.opType === "Clip" && node.domain === "" && !factors.has(node.outputs[0]!);
    return lifts ? { ...node, inputs: node.inputs.slice(0, 2) } : node;
  });
  return { ...model, graph: { ...graph, nodes } };
}

/** Parameters without their signs. Numbers that have no axes are not parameters but part of a formula. */
function positive(given: Model): Model {
  const model = liftConstants(given);
  const { graph } = model;
  const initializers = [...graph.initializers].map(([name, tensor]) => [name, absolute(tensor)] as const);
  return { ...model, graph: { ...graph, initializers: new Map(initializers) } };
}

function absolute(tensor: StoredTensor): StoredTensor {
  if (!isFloat(tensor.dtype) || tensor.shape.length === 0) return tensor;
  const value = tensor.load();
  return stored(fromNumbers(value.dtype, value.shape, toNumbers(value).map(Math.abs)));
}

/** The first output, or the logits it is the softmax of. */
function flowOutput({ graph }: Model): string {
  const output = graph.outputs[0]!.name;
  const maker = graph.nodes.find(({ outputs }) => outputs.includes(output));
  const isSoftmax = maker?.opType === "Softmax" || maker?.opType === "LogSoftmax";
  return isSoftmax ? maker.inputs[0]! : output;
}

/** One example of ones. @throws {PrunerError} `input-size-open`. */
function onesFor({ model, facts }: ChannelAnalysis): Record<string, Tensor> {
  return Object.fromEntries(
    model.graph.inputs.map(({ name, dtype }) => {
      const shape = (facts.get(name)?.shape ?? [undefined, undefined]).map((size, axis) => {
        if (typeof size === "number") return size;
        if (axis === 0) return 1;
        throw new PrunerError("input-size-open", { input: name });
      });
      return [name, fromNumbers(dtype ?? "float32", shape, new Float64Array(sizeOf(shape)).fill(1))];
    }),
  );
}
