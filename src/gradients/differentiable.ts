/** @file Brings a network into the form that is differentiated, and feeds it. */
import type { ChannelAnalysis } from "../channels/groups.ts";
import { concreteShape } from "../graph/dims.ts";
import type { Model } from "../graph/model.ts";
import { raiseOpset } from "../passes/raise-opset.ts";
import { toFloat32 } from "../passes/to-float32.ts";
import { bytesPerElement } from "../tensor/dtype.ts";
import { fromNumbers, sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";

/**
 * The same network in float32 and in an operator set that gradient rules write. Names stay.
 * @param feeds Some examples; sizes beside the batch that the model leaves open become those of the examples.
 * @throws {PrunerError} `model-version`, `opset-not-raised`.
 */
export function differentiable(model: Model, feeds: Readonly<Record<string, Pick<Tensor, "shape">>>): Model {
  const { graph } = model;
  const inputs = graph.inputs.map((input) => {
    const sizes = feeds[input.name]?.shape;
    if (sizes === undefined) return input;
    return { ...input, shape: sizes.map((size, axis) => (axis === 0 ? input.shape?.[0] : size)) };
  });
  return raiseOpset(toFloat32({ ...model, graph: { ...graph, inputs } }));
}

/** What a model reads of the given feeds, in the element types it has. */
export function feedsFor({ graph }: Model, feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const own: Record<string, Tensor> = {};
  for (const { name, dtype } of graph.inputs) {
    const given = feeds[name];
    if (given === undefined) continue;
    const isSame = dtype === undefined || dtype === given.dtype;
    own[name] = isSame ? given : fromNumbers(dtype, given.shape, toNumbers(given));
  }
  return own;
}

/** Bytes of activations that one run of forward and backward pass may keep. */
const activationBytes = 256 * 2 ** 20;
const largestBatch = 128;

/**
 * Examples per run so that the values a backward pass needs stay within some hundred MiB: the batch depends on the
 * network alone, never on the machine, for sums in float32 depend on it.
 */
export function modestBatch({ model, facts }: Pick<ChannelAnalysis, "model" | "facts">): number {
  let bytes = 0;
  for (const { outputs } of model.graph.nodes) {
    for (const name of outputs) {
      const fact = facts.get(name);
      const shape = concreteShape(fact?.shape?.slice(1));
      if (shape !== undefined) bytes += 2 * sizeOf(shape) * bytesPerElement(fact?.dtype ?? "float32");
    }
  }
  return Math.min(largestBatch, Math.max(1, Math.floor(activationBytes / Math.max(1, bytes))));
}
