/** @file What the output of a layer is held against: the same value of the original network, or the sum it goes into. */
import { floatAttribute } from "../graph/attributes.ts";
import type { Graph, Node } from "../graph/model.ts";
import { producersOf, usersOf } from "../graph/traversal.ts";
import type { Facts } from "../ops/infer.ts";
import { toNumbers } from "../tensor/tensor.ts";
import type { Draft } from "./draft.ts";
import { isConsumer, type Layer } from "./layers.ts";
import { hasStatistics } from "./statistics.ts";

/** A value that depends on a layer's output channel by channel, with a constant slope. */
export interface Target {
  readonly value: string;
  /** Change of the value per change of the layer's output, shape [output channels]. */
  readonly slope: Float64Array;
}

/** How a value changes with one that a node makes from it; undefined when not by a constant slope per channel. */
function slopeThrough(node: Node, channels: number, draft: Draft): Float64Array | undefined {
  if (node.domain !== "") return undefined;
  const ones = (): Float64Array => new Float64Array(channels).fill(1);
  if (node.opType === "Identity") return ones();
  if (node.opType === "Add") {
    const isShift = node.inputs.some((name) => draft.constant(name) !== undefined);
    return isShift ? ones() : undefined;
  }
  if (!hasStatistics(node)) return undefined;
  const [scale, , , variance] = node.inputs.slice(1).map((name) => draft.constant(name));
  if (scale === undefined || variance === undefined) return undefined;
  const epsilon = floatAttribute(node, "epsilon", 1e-5);
  const spread = toNumbers(variance.load());
  return toNumbers(scale.load()).map((factor, k) => factor / Math.sqrt(spread[k]! + epsilon));
}

/**
 * The sum behind a layer, where there is one, else the layer's output behind its normalisation and constants. Held against
 * the original sum, the layer makes up for what the other side of the sum lost before it. It does so only where it is
 * the last layer that goes into the sum: what comes later has its own turn.
 */
export function targetOf(layer: Layer, graph: Graph, facts: Facts, draft: Draft): Target {
  const users = usersOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const channels = layer.groups * layer.outputs;
  let value = layer.node.outputs[0]!;
  let slope = new Float64Array(channels).fill(1);
  const shape = facts.get(value)?.shape?.join();
  for (;;) {
    const readers = users.get(value) ?? [];
    const [next] = readers;
    if (next === undefined || readers.length > 1 || outputs.has(value)) return { value, slope };
    const through = slopeThrough(next, channels, draft);
    const result = next.outputs[0]!;
    if (facts.get(result)?.shape?.join() !== shape) return { value, slope };
    if (through === undefined) {
      const other =
        next.opType === "Add" && next.domain === "" ? next.inputs.find((name) => name !== value) : undefined;
      if (other === undefined || isLaterThan(graph, other, layer.node)) return { value, slope };
      return { value: result, slope };
    }
    slope = slope.map((factor, k) => factor * through[k]!);
    value = result;
  }
}

/** Whether a layer that stands after this one makes the value, along channel-wise steps. */
function isLaterThan(graph: Graph, value: string, layer: Node): boolean {
  const producers = producersOf(graph);
  const at = (node: Node): number => graph.nodes.indexOf(node);
  for (let node = producers.get(value); node !== undefined; node = producers.get(node.inputs[0] ?? "")) {
    if (isConsumer(node))
      return at(node) > at(graph.nodes.find(({ outputs }) => outputs[0] === layer.outputs[0])!);
  }
  return false;
}
