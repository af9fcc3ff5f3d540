/** @file Reads the rows of a layer's input and target inside the graph, and sums their products there. */
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Model, Node } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { extract } from "../passes/extract.ts";
import { float32, type Tensor, tensor } from "../tensor/tensor.ts";
import type { Layer } from "./layers.ts";

/** Which rows are read of a value: the same for the original network and the pruned one. */
export interface TargetRows {
  readonly value: string;
  readonly channelAxis: number;
  /** Channels that are left in the pruned network; all when absent. */
  readonly kept?: Int32Array | undefined;
}

/** Names of inputs and outputs of probes. */
export const probeNames = {
  rows: "repair_rows",
  sources: "repair_sources",
  ones: "repair_ones",
  wanted: "repair_wanted",
  gram: "repair_gram",
  cross: "repair_cross",
  squares: "repair_squares",
} as const;

/** Rows of one target in the original network, by position in the list. */
export function wantedName(k: number): string {
  return `repair_wanted_${k}`;
}

function rowsName(k: number): string {
  return `repair_rows_${k}`;
}

/** The value as rows of channels, [examples * positions, channels], in 32-bit floats. */
function asRows(emit: Emitter, facts: Facts, value: string, channelAxis: number, channels: number): string {
  const rank = facts.get(value)!.shape!.length;
  let rows = emit.node("Cast", [value], { to: 1 });
  if (channelAxis !== rank - 1) {
    const order = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== channelAxis);
    rows = emit.node("Transpose", [rows], { perm: [...order, channelAxis] });
  }
  return emit.node("Reshape", [rows, emit.ints([-1, channels])]);
}

function withNodes(
  part: Model,
  emit: Emitter,
  outputs: readonly (readonly [string, string])[],
  inputs: Model["graph"]["inputs"],
): Model {
  const named = outputs.map(
    ([from, to]): Node => ({
      name: to,
      opType: "Identity",
      domain: "",
      inputs: [from],
      outputs: [to],
      attributes: new Map(),
    }),
  );
  return {
    ...part,
    graph: {
      ...part.graph,
      nodes: [...part.graph.nodes, ...emit.nodes, ...named],
      initializers: new Map([...part.graph.initializers, ...emit.initializers]),
      inputs: [...part.graph.inputs, ...inputs],
      outputs: outputs.map(([, name]) => ({ name, dtype: "float32" as const })),
    },
  };
}

/** The original network up to several targets, with the listed rows of each as outputs. */
export function wantedModel(model: Model, facts: Facts, targets: readonly TargetRows[]): Model {
  const part = extract(model, facts, [], [...new Set(targets.map(({ value }) => value))]);
  const emit = emitterFor(part.graph, "repair_");
  const outputs = targets.map(({ value, channelAxis, kept }, k): readonly [string, string] => {
    const channels = facts.get(value)!.shape![channelAxis] as number;
    const rows = asRows(emit, facts, value, channelAxis, channels);
    const taken = emit.node("Gather", [rows, rowsName(k)], { axis: 0 });
    return [
      kept === undefined ? taken : emit.node("Gather", [taken, emit.ints([...kept])], { axis: 1 }),
      wantedName(k),
    ];
  });
  const inputs = targets.map((_, k) => ({ name: rowsName(k), dtype: "int32" as const, shape: [undefined] }));
  return withNodes(part, emit, outputs, inputs);
}

export function wantedFeeds(rows: readonly Int32Array[]): Record<string, Tensor> {
  return Object.fromEntries(rows.map((own, k) => [rowsName(k), tensor("int32", [own.length], own)]));
}

/**
 * The pruned network up to a layer and its target, with sums over the rows fed: of X'X and of X'R, where a row of X is what one
 * output position reads, with a one at its end, and R what the target lacks; and of R². Shapes [groups, features, features],
 * [groups, features, outputs], [groups, 1, outputs], features = taps * inputs + 1.
 */
export function sumsModel(
  model: Model,
  facts: Facts,
  layer: Layer,
  taps: readonly number[],
  target: TargetRows,
): Model {
  const { node, groups, outputs } = layer;
  const part = extract(model, facts, [], [...new Set([node.inputs[0]!, target.value])]);
  const emit = emitterFor(part.graph, "repair_");
  const features = featuresOf(emit, facts, layer, taps);
  const turned = emit.node("Transpose", [features], { perm: [0, 2, 1] });
  const got = emit.node(
    "Gather",
    [asRows(emit, facts, target.value, target.channelAxis, groups * outputs), probeNames.rows],
    { axis: 0 },
  );
  const lacking = emit.node("Sub", [probeNames.wanted, got]);
  const apart = byGroup(emit, lacking, [-1, groups, outputs], [1, 0, 2], undefined);
  const ones = emit.node("Transpose", [probeNames.ones], { perm: [0, 2, 1] });
  const results = [
    [emit.node("MatMul", [turned, features]), probeNames.gram],
    [emit.node("MatMul", [turned, apart]), probeNames.cross],
    [emit.node("MatMul", [ones, emit.node("Mul", [apart, apart])]), probeNames.squares],
  ] as const;
  const sources = { name: probeNames.sources, dtype: "int32", shape: [undefined] } as const;
  return withNodes(part, emit, results, [
    { name: probeNames.rows, dtype: "int32", shape: [undefined] },
    ...(taps.length === 0 ? [] : [sources]),
    { name: probeNames.ones, dtype: "float32", shape: [groups, undefined, 1] },
    { name: probeNames.wanted, dtype: "float32", shape: [undefined, groups * outputs] },
  ]);
}

/** What each output position reads, with a one at its end: shape [groups, rows, taps * inputs + 1]. */
function featuresOf(emit: Emitter, facts: Facts, layer: Layer, taps: readonly number[]): string {
  const { node, groups, inputs } = layer;
  if (taps.length === 0) return probeNames.ones;
  const channels = groups * inputs;
  let x = asRows(emit, facts, node.inputs[0]!, layer.channelAxis, channels);
  if (layer.positions.source !== undefined) {
    const zero = emit.constant(float32([1, channels], new Float32Array(channels)));
    x = emit.node("Concat", [x, zero], { axis: 0 });
  }
  const read = emit.node("Gather", [x, probeNames.sources], { axis: 0 });
  const split = [-1, taps.length, groups, inputs];
  const rows = byGroup(emit, read, split, [2, 0, 1, 3], [groups, -1, taps.length * inputs]);
  return emit.node("Concat", [rows, probeNames.ones], { axis: 2 });
}

/** Splits rows into the groups of a layer, the group first. */
function byGroup(
  emit: Emitter,
  rows: string,
  split: readonly number[],
  order: readonly number[],
  joined: readonly number[] | undefined,
): string {
  const apart = emit.node("Transpose", [emit.node("Reshape", [rows, emit.ints(split)])], { perm: order });
  return joined === undefined ? apart : emit.node("Reshape", [apart, emit.ints(joined)]);
}

/** Inputs of {@link sumsModel} for one batch. */
export function sumsFeeds(
  layer: Layer,
  taps: readonly number[],
  rows: Int32Array,
  examples: number,
  wanted: Float32Array,
): Record<string, Tensor> {
  const { groups } = layer;
  const ones = new Float32Array(groups * rows.length).fill(1);
  const sources = sourceRows(layer, taps, rows, examples);
  return {
    [probeNames.rows]: tensor("int32", [rows.length], rows),
    ...(taps.length > 0 && { [probeNames.sources]: tensor("int32", [sources.length], sources) }),
    [probeNames.ones]: float32([groups, rows.length, 1], ones),
    [probeNames.wanted]: float32([rows.length, wanted.length / rows.length], wanted),
  };
}

/** Input row of each output row and tap; the row behind the last stands for padding. */
function sourceRows(
  { positions }: Layer,
  taps: readonly number[],
  rows: Int32Array,
  examples: number,
): Int32Array {
  const { source, inputs, outputs, images } = positions;
  if (source === undefined) return rows;
  const all = source.length / outputs;
  const padding = examples * images * inputs;
  const from = new Int32Array(rows.length * taps.length);
  rows.forEach((row, k) => {
    const image = Math.floor(row / outputs);
    taps.forEach((tap, j) => {
      const at = source[(row % outputs) * all + tap]!;
      from[k * taps.length + j] = at < 0 ? padding : image * inputs + at;
    });
  });
  return from;
}
