/**
 * @file Makes channels silent by input: a multiplication with a mask where consumers read a group, after
 * normalisation and activation, so that a silenced channel leaves exactly what its removal would leave.
 */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Read } from "../channels/labelling.ts";
import {
  type Graph,
  type Model,
  type Node,
  type StoredTensor,
  stored,
  type ValueInfo,
} from "../graph/model.ts";
import { float32, int64 } from "../tensor/tensor.ts";

/** Name of the graph input that carries a group's mask, float32 of shape [rows, channels]; rows may be 1. */
export function maskInputName(group: string): string {
  return `mask:${group}`;
}

/** Element types other than float32 that products can have, by their number in the ONNX schema. */
const castNumbers: Readonly<Record<string, number>> = {
  int32: 6,
  int64: 7,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};

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
  readonly nodes: Node[];
  readonly initializers: Map<string, StoredTensor>;
  /** Masked version of a value along an axis. */
  readonly masked: Map<string, string>;
  readonly gates: Gate[];
  joined?: string;
}

/**
 * Adds a mask input for each of the given groups. Everything else keeps its name; values that are read masked get a
 * sibling with the suffix "_masked".
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
  const draft: Draft = {
    analysis,
    columns,
    nodes: [],
    initializers: new Map(graph.initializers),
    masked: new Map(),
    gates: [],
  };
  const readsOf = readsByNode(analysis, groups);
  for (const node of graph.nodes) draft.nodes.push(maskedNode(draft, node, readsOf.get(node) ?? []));
  const inputs = groups.map((group): ValueInfo => {
    const { id, channels } = analysis.groups[group]!;
    return { name: maskInputName(id), dtype: "float32", shape: ["mask_rows", channels] };
  });
  const masked: Graph = {
    ...graph,
    nodes: draft.nodes,
    initializers: draft.initializers,
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
  const out = `${name}_masked${read.axis === 1 ? "" : `_${read.axis}`}`;
  const fact = draft.analysis.facts.get(read.value)!;
  let mask = shapedMask(draft, read, out, fact.shape!.length);
  const type = castNumbers[fact.dtype ?? "float32"];
  if (type !== undefined) mask = cast(draft, mask, out, type);
  add(draft, "Mul", [name, mask], out);
  draft.masked.set(key, out);
  draft.gates.push({ value: out, read });
  return out;
}

/** The mask of one axis as a tensor [rows, 1, ..., size, ..., 1] that multiplies the value. */
function shapedMask(draft: Draft, read: Read, out: string, rank: number): string {
  const columns = columnsOf(draft, read);
  const shape = Array.from({ length: rank }, (_, axis) =>
    axis === read.axis ? columns.at.length : axis === 0 ? -1 : 1,
  );
  let source = columns.whole;
  if (source === undefined) {
    draft.initializers.set(`${out}_columns`, stored(int64([columns.at.length], columns.at)));
    source = `${out}_mask`;
    add(draft, "Gather", [joinedMasks(draft), `${out}_columns`], source, { axis: 1 });
  }
  if (rank === 2 && read.axis === 1) return source;
  draft.initializers.set(`${out}_shape`, stored(int64([rank], shape)));
  add(draft, "Reshape", [source, `${out}_shape`], `${out}_shaped`);
  return `${out}_shaped`;
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
  const names = [...draft.columns.keys()].map((group) => maskInputName(draft.analysis.groups[group]!.id));
  draft.initializers.set("masks_first", stored(int64([1], [0])));
  draft.initializers.set("masks_zero", stored(float32([], [0])));
  draft.initializers.set("masks_one", stored(float32([], [1])));
  add(draft, "Gather", [names[0]!, "masks_first"], "masks_column", { axis: 1 });
  add(draft, "Mul", ["masks_column", "masks_zero"], "masks_zeros");
  add(draft, "Add", ["masks_zeros", "masks_one"], "masks_ones");
  add(draft, "Concat", [...names, "masks_ones"], "masks_joined", { axis: 1 });
  draft.joined = "masks_joined";
  return draft.joined;
}

function cast(draft: Draft, name: string, out: string, to: number): string {
  add(draft, "Cast", [name], `${out}_cast`, { to });
  return `${out}_cast`;
}

function add(
  draft: Draft,
  opType: string,
  inputs: readonly string[],
  output: string,
  ints: Readonly<Record<string, number>> = {},
): void {
  const attributes = new Map(
    Object.entries(ints).map(([name, value]) => [name, { kind: "int", value } as const]),
  );
  draft.nodes.push({ name: output, opType, domain: "", inputs, outputs: [output], attributes });
}
