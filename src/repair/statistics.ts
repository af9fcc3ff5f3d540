/** @file Means and variances of what batch normalisations read, over calibration examples. */
import { PrunerError } from "../base/problem.ts";
import { intAttribute } from "../graph/attributes.ts";
import { emitterFor } from "../graph/emitter.ts";
import { type Model, type Node, nodeLabel } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { extract } from "../passes/extract.ts";

/** Mean and sum of squared deviations of each channel over `count` values. Shape [channels] each. */
export interface ChannelMoments {
  count: number;
  readonly mean: Float64Array;
  readonly squares: Float64Array;
}

/** Whether a node normalises with stored statistics. */
export function hasStatistics(node: Node): boolean {
  return (
    node.opType === "BatchNormalization" && node.domain === "" && intAttribute(node, "training_mode", 0) === 0
  );
}

/** Names of the outputs of {@link momentsModel}. */
export const momentOutputs = { mean: "repair_mean", variance: "repair_variance" } as const;

/**
 * The model up to a value, with mean and variance of each of its channels over the batch as outputs, [channels] each.
 * The variance is taken about the mean of the batch, so nothing is lost where channels lie far from zero.
 */
export function momentsModel(model: Model, facts: Facts, value: string): Model {
  const part = extract(model, facts, [], [value]);
  const emit = emitterFor(part.graph, "repair_");
  const rank = facts.get(value)?.shape?.length ?? 4;
  const x = emit.node("Cast", [value], { to: 1 });
  // channels first, everything else in one axis
  const order = [1, 0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2)];
  const rows = emit.node("Flatten", [emit.node("Transpose", [x], { perm: order })], { axis: 1 });
  const opset = model.opsets.get("") ?? 1;
  const meanOver = (name: string, keepdims: number): string =>
    opset < 18
      ? emit.node("ReduceMean", [name], { axes: [1], keepdims })
      : emit.node("ReduceMean", [name, emit.ints([1])], { keepdims });
  const mean = meanOver(rows, 1);
  const apart = emit.node("Sub", [rows, mean]);
  const variance = meanOver(emit.node("Mul", [apart, apart]), 0);
  const named = (from: string, to: string): Node => ({
    name: to,
    opType: "Identity",
    domain: "",
    inputs: [from],
    outputs: [to],
    attributes: new Map(),
  });
  const flat = emit.node("Reshape", [mean, emit.ints([-1])]);
  return {
    ...part,
    graph: {
      ...part.graph,
      nodes: [
        ...part.graph.nodes,
        ...emit.nodes,
        named(flat, momentOutputs.mean),
        named(variance, momentOutputs.variance),
      ],
      initializers: new Map([...part.graph.initializers, ...emit.initializers]),
      outputs: Object.values(momentOutputs).map((name) => ({ name, dtype: "float32" as const })),
    },
  };
}

/**
 * Adds the moments of a batch, in place.
 * @see Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
 */
export function addMoments(
  total: ChannelMoments,
  mean: ArrayLike<number>,
  variance: ArrayLike<number>,
  count: number,
): void {
  const sum = total.count + count;
  for (let k = 0; k < total.mean.length; k++) {
    const apart = mean[k]! - total.mean[k]!;
    total.mean[k] = total.mean[k]! + (apart * count) / sum;
    total.squares[k] =
      total.squares[k]! + variance[k]! * count + apart * apart * ((total.count * count) / sum);
  }
  total.count = sum;
}

export function noMoments(channels: number): ChannelMoments {
  return { count: 0, mean: new Float64Array(channels), squares: new Float64Array(channels) };
}

/** @throws {PrunerError} `activation-not-finite`. */
export function checkFinite(node: Node, values: Float64Array): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw new PrunerError("activation-not-finite", { node: nodeLabel(node), got: values[at]! });
}
