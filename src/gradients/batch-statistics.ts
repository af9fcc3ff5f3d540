/**
 * @file Batch normalisation as it trains: with mean and variance of the batch instead of the running ones.
 *
 * The runtime's own BatchNormalization has no training mode, so the moments are computed by nodes in front of it and
 * fed in as its mean and variance. Differentiated one by one those nodes would cost several passes over the
 * activations; as a composite they cost one.
 */
import { floatAttribute } from "../graph/attributes.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import { type Model, nodeLabel } from "../graph/model.ts";
import type { GradientRule } from "../ops/gradient.ts";
import { type Facts, inferFacts } from "../ops/infer.ts";
import type { Composite } from "./differentiate.ts";

/** One normalisation that sees its batch. */
export interface BatchStatistics {
  /** Label of the node. */
  readonly node: string;
  /** Values of shape [channels]: mean and (biased) variance of the batch over examples and positions. */
  readonly mean: string;
  readonly variance: string;
  /** Initializers with the running statistics. */
  readonly runningMean: string;
  readonly runningVariance: string;
  /** Share of the running statistics that stays at each update. */
  readonly momentum: number;
  /** Positions per example that the statistics go over; undefined when the file leaves them open. */
  readonly positions: number | undefined;
}

export interface WithBatchStatistics {
  readonly model: Model;
  readonly composites: readonly Composite[];
  readonly statistics: readonly BatchStatistics[];
}

/**
 * Lets every BatchNormalization with stored running statistics normalise by its batch. Normalisations whose statistics
 * are computed, or whose input has no known rank, stay as they are. Those left in training mode by an export do the same
 * as the others then: the nodes in front of them take the moments.
 */
export function useBatchStatistics(model: Model, facts: Facts = inferFacts(model)): WithBatchStatistics {
  const { graph } = model;
  const emit = emitterFor(graph, "batch/");
  const composites: Composite[] = [];
  const statistics: BatchStatistics[] = [];
  for (const node of graph.nodes) {
    const fact = facts.get(node.inputs[0] ?? "");
    const isStored = [3, 4].every((input) => graph.initializers.has(node.inputs[input] ?? ""));
    if (
      node.opType !== "BatchNormalization" ||
      node.domain !== "" ||
      !isStored ||
      fact?.shape === undefined
    ) {
      emit.adopt(node);
      continue;
    }
    const first = emit.nodes.length;
    const [mean, variance] = moments(emit, node.inputs[0]!, fact.shape.length);
    composites.push({
      nodes: emit.nodes.slice(first),
      inputs: [node.inputs[0]!],
      outputs: [mean, variance],
      gradient: momentsGradient,
    });
    emit.adopt({
      ...node,
      inputs: [...node.inputs.slice(0, 3), mean, variance],
      outputs: node.outputs.slice(0, 1),
      attributes: new Map([...node.attributes].filter(([name]) => name !== "training_mode")),
    });
    const spatial = fact.shape.slice(2);
    statistics.push({
      node: nodeLabel(node),
      mean,
      variance,
      runningMean: node.inputs[3]!,
      runningVariance: node.inputs[4]!,
      momentum: floatAttribute(node, "momentum", 0.9),
      positions: spatial.every((size) => typeof size === "number")
        ? (spatial as number[]).reduce((product, size) => product * size, 1)
        : undefined,
    });
  }
  const initializers = new Map([...graph.initializers, ...emit.initializers]);
  return {
    model: { ...model, graph: { ...graph, nodes: emit.nodes, initializers } },
    composites,
    statistics,
  };
}

/** Mean and biased variance over all axes but the channels, in two passes, which keeps small variances beside large means. */
function moments(emit: Emitter, x: string, rank: number): [string, string] {
  const axes = emit.ints(axesOf(rank));
  const mean = emit.node("ReduceMean", [x, axes], { keepdims: 0 });
  const shape = emit.ints(channelShape(rank));
  const centred = emit.node("Sub", [x, emit.node("Reshape", [mean, shape])]);
  const variance = emit.node("ReduceMean", [emit.node("Mul", [centred, centred]), axes], { keepdims: 0 });
  return [mean, variance];
}

const axesOf = (rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== 1);
const channelShape = (rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => (axis === 1 ? -1 : 1));

/**
 * With g and h the gradients of mean m and variance v over M elements: (g + 2 h (x - m)) / M. That is a
 * BatchNormalization with mean m, unit variance, scale 2 h / M and bias g / M: one pass.
 */
const momentsGradient: GradientRule = (call) => {
  const { emit, node, gradients, dtype } = call;
  const [x] = node.inputs as [string];
  const [mean] = node.outputs as [string];
  const [g, h] = gradients;
  const count = emit.node("Cast", [emit.node("Div", [emit.node("Size", [x]), emit.node("Size", [mean])])], {
    to: dtype === "float64" ? 11 : 1,
  });
  const zero = emit.node("Sub", [mean, mean]);
  const bias = g === undefined ? zero : emit.node("Div", [g, count]);
  const scale = h === undefined ? zero : emit.node("Div", [emit.node("Add", [h, h]), count]);
  const one = emit.node("Add", [zero, emit.scalar(1, dtype)]);
  return [
    emit.node("BatchNormalization", [x, scale, bias, mean, one], { epsilon: { kind: "float", value: 0 } }),
  ];
};
