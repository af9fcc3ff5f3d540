/**
 * @file Makes channels silent by input: a multiplication with a mask where consumers read a group, after
 * normalisation and activation, so that a silenced channel leaves exactly what its removal would leave.
 */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Read } from "../channels/labelling.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Dim, Graph, Model, Node, ValueInfo } from "../graph/model.ts";
import { codeOf } from "../onnx/element-types.ts";
import { operatorOf } from "../ops/index.ts";
import { isPlain, withinOf } from "../ops/label-blocks.ts";
import type { LabelBlock, Mask } from "../ops/operator.ts";
import type { DType } from "../tensor/dtype.ts";
import { type BatchPlace, batchOf, batchPlaces } from "./batch-places.ts";

/** Name of the graph input that carries a group's mask, float32 of shape [rows, channels]; rows may be 1. */
export function maskInputName(group: string): string {
  return `mask:${group}`;
}

/** A place where channels are read through a mask. */
export interface Gate {
  /** The masked value, with the batch as its first axis. */
  readonly value: string;
  /** Axis of the channels in the masked value. */
  readonly axis: number;
  readonly read: Read;
}

interface Draft {
  readonly analysis: ChannelAnalysis;
  /** Column of each masked group's first channel in the joined masks. */
  readonly columns: ReadonlyMap<number, number>;
  readonly emit: Emitter;
  readonly places: ReadonlyMap<string, BatchPlace>;
  /** Masked version of a value along an axis. */
  readonly masked: Map<string, string>;
  readonly gates: Gate[];
  readonly gated: Set<Read>;
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
  const batch = batchOf(analysis.model, analysis.facts);
  const places = batch === undefined ? new Map() : batchPlaces(graph, analysis.facts, batch);
  const draft: Draft = { analysis, columns, emit, places, masked: new Map(), gates: [], gated: new Set() };
  const readsOf = readsByNode(analysis, groups);
  for (const node of graph.nodes) addMasked(draft, node, readsOf.get(node) ?? []);
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

/** The node itself where nothing it reads is masked; else the node behind masks, or what it becomes under masks. */
function addMasked(draft: Draft, node: Node, reads: readonly Read[]): void {
  const { emit, analysis } = draft;
  const rule = operatorOf(node)?.masked;
  if (reads.length === 0) emit.adopt(node);
  else if (rule === undefined) emit.adopt(maskedNode(draft, node, reads));
  else
    rule({
      node,
      opset: analysis.model.opsets.get(node.domain) ?? 1,
      standardOpset: analysis.model.opsets.get("") ?? 1,
      inputs: node.inputs.map((name) => (name === "" ? undefined : analysis.facts.get(name))),
      emit,
      finish: (value, output = 0) => handOn(emit, node, value, output),
      masks: reads.map(
        (read): Mask => ({
          input: read.input,
          axis: read.axis,
          times: (name, dtype) => maskedValue(draft, name, read, dtype),
          over: (name, axes, dtype) => perPresent(draft, name, read, axes, dtype),
        }),
      ),
    });
}

function handOn(emit: Emitter, { outputs }: Node, value: string, output: number): void {
  const name = outputs[output] ?? "";
  if (name === "") return;
  const identity = { opType: "Identity", domain: "", attributes: new Map() };
  emit.adopt({ ...identity, name, inputs: [value], outputs: [name] });
}

function maskedNode(draft: Draft, node: Node, reads: readonly Read[]): Node {
  const inputs = [...node.inputs];
  for (const read of reads) inputs[read.input] = maskedValue(draft, inputs[read.input]!, read);
  return { ...node, inputs };
}

/** `name` with the channels of a read silent; `name` has the shape of the value that is read. */
function maskedValue(draft: Draft, name: string, read: Read, dtype = dtypeOf(draft, read)): string {
  const key = `${name}\n${read.axis}`;
  const known = draft.masked.get(key);
  if (known !== undefined) return known;
  const { emit, analysis } = draft;
  const { shape } = analysis.facts.get(read.value)!;
  const view = apartView(draft, viewOf(draft, read.value, shape!, read.axis), read);
  const mask = shapedMask(draft, read, view.rank, view.axis);
  const factor = dtype === "float32" ? mask : emit.node("Cast", [mask], { to: codeOf(dtype) });
  const product = emit.node("Mul", [view.enter(name), factor], {}, `${name}_masked`);
  const out = view.leave(product);
  draft.masked.set(key, out);
  if (!draft.gated.has(read)) draft.gates.push({ value: product, axis: view.axis, read });
  draft.gated.add(read); // what a rule masks beyond what is read is inside its node
  return out;
}

/** A sum over the axis of a read and others, [..., 1, ...], divided by how many channels are there. */
function perPresent(
  draft: Draft,
  name: string,
  read: Read,
  axes: readonly number[],
  dtype = dtypeOf(draft, read),
): string {
  const { emit, analysis } = draft;
  const shape = analysis.facts.get(read.value)!.shape!.map((size, k) => (axes.includes(k) ? 1 : size));
  const view = viewOf(draft, read.value, shape, read.axis);
  const count = perLabel(draft, read, presentCount(draft, read, view.rank));
  const divisor = dtype === "float32" ? count : emit.node("Cast", [count], { to: codeOf(dtype) });
  return view.leave(emit.node("Div", [view.enter(name), divisor]));
}

/** The block that is read. */
function blockOf({ analysis }: Draft, { value, axis }: Read): LabelBlock {
  return analysis.labelling.blocks.get(value)!.find(({ axes }) => axes[0] === axis)!;
}

/** A count of labels as one of positions: each label has as many as surround it. */
function perLabel(draft: Draft, read: Read, count: string): string {
  const block = blockOf(draft, read);
  if (isPlain(block)) return count;
  const { emit } = draft;
  const size = emit.node("Gather", [emit.node("Shape", [read.value]), emit.ints([read.axis])], { axis: 0 });
  const each = emit.node("Div", [size, emit.ints([block.labels.length])]);
  return emit.node("Mul", [count, emit.node("Cast", [each], { to: codeOf("float32") })]);
}

/** How many positions of an axis are there, [rows, 1, ..., 1], and one where none is. */
function presentCount(draft: Draft, read: Read, rank: number): string {
  const { emit, analysis } = draft;
  const mask = pickedMask(draft, read).mask;
  const sum =
    (analysis.model.opsets.get("") ?? 1) < 13
      ? emit.node("ReduceSum", [mask], { axes: [1], keepdims: 1 })
      : emit.node("ReduceSum", [mask, emit.ints([1])], { keepdims: 1 });
  const count = emit.node("Max", [sum, emit.scalar(1)]);
  if (rank === 2) return count;
  const shape = Array.from({ length: rank }, (_, k) => (k === 0 ? -1 : 1));
  return emit.node("Reshape", [count, emit.ints(shape)]);
}

function dtypeOf({ analysis }: Draft, { value }: Read): DType {
  return analysis.facts.get(value)!.dtype ?? "float32";
}

/** A value with the batch as its first axis. */
interface View {
  readonly rank: number;
  readonly axis: number;
  enter(name: string): string;
  leave(name: string): string;
}

/** Moves the batch to the front, and takes it out of an axis it shares. Values without a batch are left as they are. */
function viewOf(draft: Draft, value: string, shape: readonly Dim[], axis: number): View {
  const { emit, places } = draft;
  const batch = draft.analysis.model.graph.inputs[0]!.name;
  const plain: View = { rank: shape.length, axis, enter: (name) => name, leave: (name) => name };
  const place = places.get(value);
  if (place === undefined || (place.axis === 0 && place.outer === 1 && place.inner === 1)) return plain;
  const isAlone = place.outer === 1 && place.inner === 1;
  const sizes = shape.flatMap((_, k) =>
    k === place.axis && !isAlone ? splitSizes(emit, place, batch) : [{ axis: k }],
  );
  const rank = sizes.length;
  const at = place.axis + (isAlone ? 0 : 1);
  const own = axis > place.axis && !isAlone ? axis + 2 : axis;
  const perm = [at, ...Array.from({ length: rank }, (_, k) => k).filter((k) => k !== at)];
  let original = "";
  return {
    rank,
    axis: perm.indexOf(own),
    enter(name) {
      original = name;
      const split = isAlone ? name : emit.node("Reshape", [name, target(emit, sizes, shape, name)]);
      return emit.node("Transpose", [split], { perm });
    },
    leave(name) {
      const back = emit.node("Transpose", [name], { perm: perm.map((_, k) => perm.indexOf(k)) });
      return isAlone ? back : emit.node("Reshape", [back, emit.node("Shape", [original])]);
    },
  };
}

/** Takes channels out of a last axis that they share with an open size behind them, [..., outer, channels, inner]. */
function apartView(draft: Draft, view: View, read: Read): View {
  const block = blockOf(draft, read);
  const outer = withinOf(block, 0)?.outer;
  if (typeof outer !== "number") return view;
  const { emit } = draft;
  const zeros = new Array<number>(view.axis).fill(0);
  let whole = "";
  return {
    rank: view.rank + 2,
    axis: view.axis + 1,
    enter(name) {
      whole = view.enter(name);
      return emit.node("Reshape", [whole, emit.ints([...zeros, outer, block.labels.length, -1])]);
    },
    leave: (name) => view.leave(emit.node("Reshape", [name, emit.node("Shape", [whole])])),
  };
}

/** A size of a target: that of an axis, a number, or one measured elsewhere, by the name of its value. */
type Size = { readonly axis: number } | { readonly value: number | string };

/** An axis that the batch shares, as three; where the others are numbers the batch is the rest, else it is measured. */
function splitSizes(emit: Emitter, { outer, inner }: BatchPlace, input: string): Size[] {
  if (typeof outer === "number" && typeof inner === "number")
    return [{ value: outer }, { value: -1 }, { value: inner }];
  const batch = emit.node("Gather", [emit.node("Shape", [input]), emit.ints([0])], { axis: 0 });
  const orRest = (size: Dim) => ({ value: typeof size === "number" ? size : -1 });
  return [orRest(outer), { value: batch }, orRest(inner)];
}

/** Sizes as the second input of a Reshape of `name`, which has the given shape. */
function target(emit: Emitter, sizes: readonly Size[], shape: readonly Dim[], name: string): string {
  const known = sizes.map((size) => ("value" in size ? size.value : shape[size.axis]));
  if (known.every((size) => typeof size === "number")) return emit.ints(known);
  const measured = emit.node("Shape", [name]);
  const parts = sizes.map((size, k) => {
    const own = known[k];
    if (typeof own === "number") return emit.ints([own]);
    if ("value" in size) return size.value as string;
    return emit.node("Gather", [measured, emit.ints([size.axis])], { axis: 0 });
  });
  return emit.node("Concat", parts, { axis: 0 });
}

/** The mask of one axis as a tensor [rows, 1, ..., size, ..., 1] that multiplies a value with the batch in front. */
function shapedMask(draft: Draft, read: Read, rank: number, axis: number): string {
  const { emit } = draft;
  const { mask, size } = pickedMask(draft, read);
  if (rank === 2 && axis === 1) return mask;
  const shape = Array.from({ length: rank }, (_, k) => (k === axis ? size : k === 0 ? -1 : 1));
  return emit.node("Reshape", [mask, emit.ints(shape)]);
}

/** The mask of every position of an axis that is read, [rows, size]. */
function pickedMask(draft: Draft, read: Read): { readonly mask: string; readonly size: number } {
  const { at, whole } = columnsOf(draft, read);
  const mask = whole ?? draft.emit.node("Gather", [joinedMasks(draft), draft.emit.ints(at)], { axis: 1 });
  return { mask, size: at.length };
}

/** Column of the joined masks for each position, and the one mask input that equals it where there is one. */
function columnsOf(draft: Draft, read: Read): { readonly at: number[]; readonly whole: string | undefined } {
  const { analysis, columns } = draft;
  const { labels } = blockOf(draft, read);
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
