/** @file Where a constant can be added to a layer's output without a new node. */
import { floatAttribute } from "../graph/attributes.ts";
import type { Graph, Node, StoredTensor } from "../graph/model.ts";
import { usersOf } from "../graph/traversal.ts";
import { sizeOf, toNumbers } from "../tensor/tensor.ts";
import type { Draft } from "./draft.ts";
import type { Layer } from "./layers.ts";
import { hasStatistics } from "./statistics.ts";

/** An input of a node that shifts a layer's output, channel by channel. */
export interface ShiftPlace {
  /** A value the node makes. */
  readonly output: string;
  readonly input: number;
  /** What is there; undefined where the input is still free. */
  readonly current: StoredTensor | undefined;
  /** Change of the layer's output per change of the constant. */
  readonly factor: number;
}

/**
 * The layer's own bias, or the mean of the batch normalisation behind it, or the constant of an Add behind it; a
 * convolution without any of them, or a Gemm, gets a bias. Undefined where none of this is possible.
 */
export function shiftPlaceOf(layer: Layer, graph: Graph, draft: Draft): ShiftPlace | undefined {
  const { node, kind } = layer;
  const output = node.outputs[0]!;
  const channels = layer.groups * layer.outputs;
  const own = kind === "MatMul" ? "" : (node.inputs[2] ?? "");
  const beta = kind === "Gemm" ? floatAttribute(node, "beta", 1) : 1;
  const current = draft.constant(own);
  if (own !== "") {
    const fits = current !== undefined && beta !== 0 && lastAxisFits(current, channels);
    return fits ? { output, input: 2, current, factor: beta } : undefined;
  }
  const behind = shiftBehind(graph, output, channels, draft);
  if (behind !== undefined || kind === "MatMul" || beta === 0) return behind;
  return { output, input: 2, current: undefined, factor: beta };
}

/** A constant with one element per channel on its last axis, or one for all. */
function lastAxisFits({ shape }: StoredTensor, channels: number): boolean {
  const size = sizeOf(shape);
  return size === 1 || (size === channels && shape.at(-1) === channels);
}

function shiftBehind(graph: Graph, value: string, channels: number, draft: Draft): ShiftPlace | undefined {
  const readers = usersOf(graph).get(value) ?? [];
  const next = readers[0];
  const isOutput = graph.outputs.some(({ name }) => name === value);
  if (next === undefined || readers.length > 1 || isOutput) return undefined;
  const output = next.outputs[0]!;
  if (hasStatistics(next) && next.inputs[0] === value) {
    const current = draft.constant(next.inputs[3]!);
    return current && { output, input: 3, current, factor: -1 };
  }
  return addedTo(next, value, channels, draft);
}

function addedTo(next: Node, value: string, channels: number, draft: Draft): ShiftPlace | undefined {
  if (next.opType !== "Add" || next.domain !== "") return undefined;
  const input = next.inputs[0] === value ? 1 : 0;
  const current = draft.constant(next.inputs[input]!);
  if (current === undefined || !lastAxisFits(current, channels) || current.shape.length > 1) return undefined;
  return { output: next.outputs[0]!, input, current, factor: 1 };
}

/** Shifts a layer's output by one number per channel. */
export function applyShift(draft: Draft, place: ShiftPlace, shift: Float64Array, like: StoredTensor): void {
  const { output, input, current, factor } = place;
  const before = current === undefined ? undefined : toNumbers(current.load());
  const at = (channel: number): number =>
    before === undefined ? 0 : before[before.length === 1 ? 0 : channel]!;
  const values = shift.map((by, channel) => at(channel) + by / factor);
  draft.replace(output, input, [values.length], values, current ?? like);
}
