/** @file Applies a plan: weights are cut, sizes rewritten, dead nodes dropped. The result is an ordinary, smaller model. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type KeptAxes, keptAxes } from "../channels/kept.ts";
import type { KeepMasks } from "../channels/plan.ts";
import { factorsOf } from "../graph/dims.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import {
  type Dim,
  type Graph,
  type Model,
  type Node,
  type StoredTensor,
  stored,
  type ValueInfo,
} from "../graph/model.ts";
import { capturedNames, subgraphsOf } from "../graph/traversal.ts";
import { operatorOf } from "../ops/index.ts";
import type { SliceCall } from "../ops/operator.ts";
import { dropDeadNodes } from "../passes/drop-dead-nodes.ts";
import { foldSizes } from "../passes/fold-sizes.ts";
import { int64, type Tensor, takeAlong } from "../tensor/tensor.ts";

/**
 * Removes the channels a plan does not keep. Names of values, nodes and weights stay; initializers that become a
 * node's own get a name derived from the old one.
 * @throws {PrunerError} `nothing-removed` when the plan keeps everything.
 */
export function sliceModel(analysis: ChannelAnalysis, masks: KeepMasks): Model {
  const axes = keptAxes(analysis, masks);
  const kept = axes.positions;
  if (kept.size === 0) throw new PrunerError("nothing-removed", {});
  const { model, facts } = foldSizes(analysis.model, analysis.facts, kept);
  const initializers = new Map<string, StoredTensor>();
  for (const [name, tensor] of model.graph.initializers) initializers.set(name, cut(tensor, kept.get(name)));
  const draft: Draft = {
    analysis: { ...analysis, facts },
    model,
    axes,
    initializers,
    emit: emitterFor(model.graph, "sliced_"),
    readers: readerCounts(model.graph),
    replacements: new Map(),
    told: new Map(),
  };
  const nodes = underOldNames(
    draft,
    model.graph.nodes.flatMap((node) => sliceNode(draft, node)),
  );
  const graph: Graph = { ...model.graph, nodes, initializers, valueInfo: freshValueInfo(model.graph, axes) };
  return dropDeadNodes({ ...model, graph }, analysis.model);
}

function cut(tensor: StoredTensor, kept: ReadonlyMap<number, Int32Array> | undefined): StoredTensor {
  if (kept === undefined) return tensor;
  let value: Tensor = tensor.load();
  for (const [axis, positions] of kept) value = takeAlong(value, axis, positions);
  return stored(value, tensor.origin);
}

interface Draft {
  readonly analysis: ChannelAnalysis;
  readonly model: Model;
  readonly axes: KeptAxes;
  readonly initializers: Map<string, StoredTensor>;
  /** Makes nodes and constants that the slice adds. */
  readonly emit: Emitter;
  /** How many node inputs, bodies and graph outputs read each value. */
  readonly readers: ReadonlyMap<string, number>;
  /** What has taken the place of a constant, for nodes that want the same in its place. */
  readonly replacements: Map<string, { readonly name: string; readonly value: Tensor }[]>;
  /** Names of sizes that were written down or read from graph inputs. */
  readonly told: Map<Dim, string>;
}

function readerCounts(graph: Graph): Map<string, number> {
  const readers = new Map<string, number>();
  const add = (name: string) => readers.set(name, (readers.get(name) ?? 0) + 1);
  for (const { name } of graph.outputs) add(name);
  for (const node of graph.nodes) {
    for (const name of node.inputs) add(name);
    for (const body of subgraphsOf(node)) for (const name of capturedNames(body)) add(name);
  }
  return readers;
}

/** The node as it should be, behind nodes that it needs. */
function sliceNode(draft: Draft, node: Node): readonly Node[] {
  const { analysis, model, axes, emit } = draft;
  const kept = axes.positions;
  const held = analysis.labelling.constants.get(node.outputs[0] ?? "");
  if (node.opType === "Constant" && held !== undefined) {
    const changed = kept.get(node.outputs[0]!);
    return [changed === undefined ? node : sliceConstant(node, cut(held, changed))];
  }
  const operator = operatorOf(node);
  if (operator?.slice === undefined) return [node];
  const emitted = emit.nodes.length;
  const inputs = [...node.inputs];
  const factOf = (name: string) => (name === "" ? undefined : analysis.facts.get(name));
  const shapeLeft = (name: string) =>
    factOf(name)?.shape?.map((size, axis) => axes.sizes.get(name)?.get(axis) ?? size);
  const call: SliceCall = {
    node,
    opset: model.opsets.get(node.domain) ?? 1,
    standardOpset: model.opsets.get("") ?? 1,
    inputs: node.inputs.map(factOf),
    outputs: node.outputs.map(factOf),
    keptOfInput: (input, axis) => kept.get(node.inputs[input] ?? "")?.get(axis),
    keptOfOutput: (output, axis) => kept.get(node.outputs[output] ?? "")?.get(axis),
    shapeOfInput: (input) => shapeLeft(node.inputs[input] ?? ""),
    shapeOfOutput: (output) => shapeLeft(node.outputs[output] ?? ""),
    constant: (input) => analysis.labelling.constants.get(node.inputs[input] ?? "")?.load(),
    replaceInput(input, value) {
      while (inputs.length <= input) inputs.push("");
      inputs[input] = replacement(draft, inputs[input]!, value, `${node.outputs[0]}_input_${input}`);
    },
    redirectInput(input, name) {
      while (inputs.length <= input) inputs.push("");
      inputs[input] = name;
    },
    emit: (opType, from, attributes) => emit.node(opType, from, attributes),
    emitLike(from) {
      const name = emit.unique(`sliced_${node.opType}`);
      emit.adopt({ ...node, name, inputs: from, outputs: [name] });
      return name;
    },
    store: (value) => storedConstant(draft, value),
    sizeFromInputs: (size) => sizeFromInputs(draft, size),
    omitInput(input) {
      inputs[input] = "";
      while (inputs.at(-1) === "") inputs.pop();
    },
  };
  const sliced = operator.slice(call);
  const result = inputs.join("\n") === node.inputs.join("\n") ? sliced : { ...sliced, inputs };
  return [...emit.nodes.slice(emitted), result];
}

function storedConstant({ emit, initializers }: Draft, value: Tensor): string {
  const name = emit.constant(value);
  initializers.set(name, stored(value));
  return name;
}

/** A product of sizes of graph inputs, as a list of one. */
function sizeFromInputs(draft: Draft, size: Dim): string | undefined {
  if (size === undefined) return undefined;
  const { factor, atoms } = factorsOf(size);
  const axes = atoms.map((atom) => axisOfInput(draft, atom));
  if (axes.includes(undefined)) return undefined;
  const known = draft.told.get(size);
  if (known !== undefined) return known;
  const { emit } = draft;
  const list = (value: number) => storedConstant(draft, int64([1], [value]));
  const measured = axes.map((found) =>
    emit.node("Gather", [emit.node("Shape", [found!.name]), list(found!.axis)], { axis: 0 }),
  );
  const parts = factor === 1 && measured.length > 0 ? measured : [list(factor), ...measured];
  const name = parts.reduce((product, part) => emit.node("Mul", [product, part]));
  draft.told.set(size, name);
  return name;
}

function axisOfInput({ model, analysis }: Draft, size: Dim): { name: string; axis: number } | undefined {
  for (const { name } of model.graph.inputs) {
    const axis = analysis.facts.get(name)?.shape?.indexOf(size) ?? -1;
    if (axis >= 0) return { name, axis };
  }
  return undefined;
}

/** A Constant node that holds what is left. Lists of numbers become a tensor. */
function sliceConstant(node: Node, value: StoredTensor): Node {
  const attributes = new Map([["value", { kind: "tensor", value } as const]]);
  return { ...node, attributes };
}

/**
 * Name of an initializer that holds the new value. One nobody else reads keeps its name; nodes that shared the old one
 * and want the same new value share it again.
 */
function replacement(draft: Draft, old: string, value: Tensor, base: string): string {
  const { initializers, readers, replacements, analysis } = draft;
  const origin = analysis.labelling.constants.get(old)?.origin;
  if (initializers.has(old) && readers.get(old) === 1) {
    initializers.set(old, stored(value, origin));
    return old;
  }
  const known = replacements.get(old) ?? [];
  const same = known.find((other) => isSame(other.value, value));
  if (same !== undefined) return same.name;
  let name = base;
  for (let k = 2; initializers.has(name) || analysis.facts.has(name); k++) name = `${base}_${k}`;
  initializers.set(name, stored(value, origin));
  replacements.set(old, [...known, { name, value }]);
  return name;
}

/**
 * A replacement that everything that read the old constant has taken gets the old name: groups are called after weights,
 * and keep their names from one slice to the next.
 */
function underOldNames(
  { model, initializers, replacements }: Draft,
  nodes: readonly Node[],
): readonly Node[] {
  const read = (node: Node) => [
    ...node.inputs,
    ...subgraphsOf(node).flatMap((body) => [...capturedNames(body)]),
  ];
  const stillRead = new Set([...nodes.flatMap(read), ...model.graph.outputs.map(({ name }) => name)]);
  const renamed = new Map<string, string>();
  for (const [old, [only, ...others]] of replacements) {
    if (only === undefined || others.length > 0 || stillRead.has(old) || !initializers.has(old)) continue;
    renamed.set(only.name, old);
    initializers.set(old, initializers.get(only.name)!);
    initializers.delete(only.name);
  }
  if (renamed.size === 0) return nodes;
  return nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => renamed.get(name) ?? name) }));
}

function isSame(a: Tensor, b: Tensor): boolean {
  return (
    a.dtype === b.dtype &&
    a.shape.join() === b.shape.join() &&
    a.data.every((element, k) => element === b.data[k])
  );
}

/** Declared shapes of values whose sizes changed are brought up to date. */
function freshValueInfo(graph: Graph, { sizes }: KeptAxes): ReadonlyMap<string, ValueInfo> {
  return new Map(
    [...graph.valueInfo].map(([name, info]) => {
      const changed = sizes.get(name);
      if (changed === undefined || info.shape === undefined) return [name, info];
      return [name, { ...info, shape: info.shape.map((dim, axis) => changed.get(axis) ?? dim) }];
    }),
  );
}
