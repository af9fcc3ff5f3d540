/**
 * @file Makes channels silent by input: a multiplication with a mask where consumers read a group, after
 * normalisation and activation, so that a silenced channel leaves exactly what its removal would leave.
 */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Read } from "../channels/labelling.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Graph, Model, Node, ValueInfo } from "../graph/model.ts";
import { codeOf } from "../onnx/element-types.ts";

/** Name of the graph input that carries a group's mask, float32 of shape [rows, channels]; rows may be 1. */
export function maskInputName(group: string): string {
  return `mask:${group}`;
}

/** A place where channels are read through a mask. */
export interface Gate {
  /** The masked value. */
  readonly value: string;
  readonly read: Read;
}

interface Draft {
  readonly analysis: ChannelAnalysis;
  /** Column of each masked group's first channel in the joined masks. */
  readonly columns: ReadonlyMap<number, number>;
  readonly emit: Emitter;
  /** Masked version of a value along an axis. */
  readonly masked: Map<string, string>;
  readonly gates: Gate[];
  joined?: string;
}

/**
 * Adds a mask input for each of the given groups. Everything else keeps its name; values that are read masked get a
 * sibling with the suffix "_masked" (and a number where that name is taken).
 * @param groups Indexes into `analysis.groups`.
 */
export function insertMasks(analysis: ChannelAnalysis, groups: readonly number[]): Model {
  return insertGates(analysis, groups).model;
}

/** As {@link insertMasks}, and says where the masks act. */
export function insertGates(
  analysis: ChannelAnalysis,
  groups: readonly number[],
): { readonly model: Model; readonly gates: readonly Gate[] } {
  const columns = new Map<number, number>();
  let width = 0;
  for (const group of groups) {
    columns.set(group, width);
    width += analysis.groups[group]!.channels;
  }
  const { graph } = analysis.model;
  const emit = emitterFor(graph, "masks_");
  const draft: Draft = { analysis, columns, emit, masked: new Map(), gates: [] };
  const readsOf = readsByNode(analysis, groups);
  for (const node of graph.nodes) emit.adopt(maskedNode(draft, node, readsOf.get(node) ?? []));
  const inputs = groups.map((group): ValueInfo => {
    const { id, channels } = analysis.groups[group]!;
    return { name: maskInputName(id), dtype: "float32", shape: ["mask_rows", channels] };
  });
  const masked: Graph = {
    ...graph,
    nodes: emit.nodes,
    initializers: new Map([...graph.initializers, ...emit.initializers]),
    inputs: [...graph.inputs, ...inputs],
  };
  return { model: { ...analysis.model, graph: masked }, gates: draft.gates };
}

function readsByNode(analysis: ChannelAnalysis, groups: readonly number[]): Map<Node, Read[]> {
  const reads = new Map<Node, Set<Read>>();
  for (const group of groups) {
    for (const read of analysis.groups[group]!.reads) {
      reads.set(read.node, (reads.get(read.node) ?? new Set()).add(read));
    }
  }
  return new Map([...reads].map(([node, set]) => [node, [...set]]));
}

function maskedNode(draft: Draft, node: Node, reads: readonly Read[]): Node {
  if (reads.length === 0) return node;
  const inputs = [...node.inputs];
  for (const read of reads) inputs[read.input] = maskedValue(draft, inputs[read.input]!, read);
  return { ...node, inputs };
}

function maskedValue(draft: Draft, name: string, read: Read): string {
  const key = `${name}\n${read.axis}`;
  const known = draft.masked.get(key);
  if (known !== undefined) return known;
  const { dtype = "float32", shape } = draft.analysis.facts.get(read.value)!;
  const mask = shapedMask(draft, read, shape!.length);
  const factor = dtype === "float32" ? mask : draft.emit.node("Cast", [mask], { to: codeOf(dtype) });
  const out = draft.emit.node("Mul", [name, factor], {}, `${name}_masked`);
  draft.masked.set(key, out);
  draft.gates.push({ value: out, read });
  return out;
}

/** The mask of one axis as a tensor [rows, 1, ..., size, ..., 1] that multiplies the value. */
function shapedMask(draft: Draft, read: Read, rank: number): string {
  const { emit } = draft;
  const { at, whole } = columnsOf(draft, read);
  const source = whole ?? emit.node("Gather", [joinedMasks(draft), emit.ints(at)], { axis: 1 });
  if (rank === 2 && read.axis === 1) return source;
  const shape = Array.from({ length: rank }, (_, axis) =>
    axis === read.axis ? at.length : axis === 0 ? -1 : 1,
  );
  return emit.node("Reshape", [source, emit.ints(shape)]);
}

/** Column of the joined masks for each position, and the one mask input that equals it where there is one. */
function columnsOf(draft: Draft, read: Read): { readonly at: number[]; readonly whole: string | undefined } {
  const { analysis, columns } = draft;
  const labels = analysis.labelling.blocks.get(read.value)!.find(({ axes }) => axes[0] === read.axis)!.labels;
  const places = Array.from(labels, (label) => analysis.placeOf(label));
  const at = places.map((place) => {
    const first = place === undefined ? undefined : columns.get(place.group);
    return first === undefined ? onesColumn(draft) : first + place!.channel;
  });
  const group = places[0]?.group;
  const isWhole =
    group !== undefined &&
    columns.has(group) &&
    analysis.groups[group]!.channels === places.length &&
    places.every((place, k) => place?.group === group && place.channel === k);
  return { at, whole: isWhole ? maskInputName(analysis.groups[group]!.id) : undefined };
}

function onesColumn({ analysis, columns }: Draft): number {
  return [...columns.keys()].reduce((width, group) => width + analysis.groups[group]!.channels, 0);
}

/** All masks side by side, with a last column of ones for positions that are never silent. */
function joinedMasks(draft: Draft): string {
  if (draft.joined !== undefined) return draft.joined;
  const { emit, columns, analysis } = draft;
  const names = [...columns.keys()].map((group) => maskInputName(analysis.groups[group]!.id));
  const column = emit.node("Gather", [names[0]!, emit.ints([0])], { axis: 1 }); // [rows, 1]
  const ones = emit.node("Add", [emit.node("Mul", [column, emit.scalar(0)]), emit.scalar(1)]);
  draft.joined = emit.node("Concat", [...names, ones], { axis: 1 });
  return draft.joined;
}
