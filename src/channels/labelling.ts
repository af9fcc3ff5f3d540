/** @file Walks a graph once, asks every operator how channels travel, and collects what they answer. */
import type { Graph, Model, Node, StoredTensor } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { capturedNames, namesReadBy, subgraphsOf } from "../graph/traversal.ts";
import { constantOf } from "../ops/constants/index.ts";
import { operatorOf } from "../ops/index.ts";
import type { Facts } from "../ops/infer.ts";
import type { Couplings, Fact, LabelBlock, Labels } from "../ops/operator.ts";
import { type ChannelClasses, channelClasses } from "./channel-classes.ts";

/** A place where channels come from: the output axis of a weight. */
export interface Source {
  readonly node: Node;
  readonly value: string;
  readonly axis: number;
  readonly labels: Labels;
}

/** A place where an absent channel has to read as zero. */
export interface Read {
  readonly node: Node;
  readonly input: number;
  readonly value: string;
  readonly axis: number;
}

/** Equally many of these labels must stay in each of `blocks` consecutive runs. */
export interface Balance {
  readonly node: Node;
  readonly labels: Labels;
  readonly blocks: number;
}

/** An axis of a constant whose size is a count of labels divided by a constant (grouped convolutions). */
export interface DerivedAxis {
  readonly nodes: ReadonlySet<Node>;
  readonly axis: number;
  readonly labels: Labels;
  readonly divisor: number;
}

export interface Labelling {
  readonly classes: ChannelClasses;
  /** Label blocks of every value that carries any; after the walk every block spans one axis. */
  readonly blocks: ReadonlyMap<string, readonly LabelBlock[]>;
  readonly constants: ReadonlyMap<string, StoredTensor>;
  readonly sources: readonly Source[];
  readonly reads: readonly Read[];
  readonly balances: readonly Balance[];
  /** By the name of the constant. */
  readonly derived: ReadonlyMap<string, DerivedAxis>;
}

interface Draft {
  readonly classes: ChannelClasses;
  readonly facts: Facts;
  readonly blocks: Map<string, readonly LabelBlock[]>;
  readonly constants: Map<string, StoredTensor>;
  readonly sources: Source[];
  readonly reads: Read[];
  readonly balances: Balance[];
  readonly derived: Map<string, DerivedAxis>;
  /** The stored constants behind each value that no data reach. */
  readonly origins: Map<string, readonly string[]>;
  /** The values whose sizes a value tells. */
  readonly measured: Map<string, readonly string[]>;
}

/** Labels every axis of a model along which something could be removed. */
export function labelChannels(model: Model, facts: Facts): Labelling {
  const { graph } = model;
  const draft: Draft = {
    classes: channelClasses(),
    facts,
    blocks: new Map(),
    constants: new Map(graph.initializers),
    sources: [],
    reads: [],
    balances: [],
    derived: new Map(),
    origins: new Map([...graph.initializers.keys()].map((name) => [name, [name]])),
    measured: new Map(),
  };
  for (const node of graph.nodes) coupleNode(draft, node, model.opsets.get(node.domain) ?? 1);
  for (const node of graph.nodes) lockCaptured(draft, node);
  for (const { name } of graph.outputs) {
    const reason = `it is the graph output "${name}"`;
    lockValue(draft, name, "graph output", reason);
    lockMeasured(draft, name, "graph output", `its size is told by the graph output "${name}"`);
  }
  lockOddReaders(draft, graph);
  separateBlocks(draft);
  return draft;
}

/** What the rule of one node says about that node alone. */
interface Said {
  readonly released: Labels[];
  /** Inputs that the slicing rule writes anew. */
  readonly rewritten: Set<number>;
}

function coupleNode(draft: Draft, node: Node, opset: number): void {
  const constant = node.opType === "Constant" && node.domain === "" ? constantOf(node) : undefined;
  if (constant !== undefined) {
    draft.constants.set(node.outputs[0]!, constant);
    draft.origins.set(node.outputs[0]!, [node.outputs[0]!]);
    return;
  }
  const said: Said = { released: [], rewritten: new Set() };
  const operator = operatorOf(node);
  if (operator === undefined) {
    const reason = `operator ${node.domain === "" ? "" : `${node.domain}.`}${node.opType} has no channel rule`;
    for (const name of node.inputs) lockValue(draft, name, nodeLabel(node), reason);
  } else {
    const firstRead = draft.reads.length;
    operator.couple(couplingsFor(draft, node, opset, said));
    lockHidden(draft, node, draft.reads.slice(firstRead), said.released);
    followConstants(draft, node);
  }
  followSizes(draft, node, said.rewritten);
}

/** Labels a node takes in must come out again, be read as channels or be released; what vanishes inside it stays. */
function lockHidden(draft: Draft, node: Node, reads: readonly Read[], released: readonly Labels[]): void {
  if (node.inputs.every((name) => !draft.blocks.has(name))) return;
  const { classes } = draft;
  const open = new Set<number>();
  for (const labels of released) for (const label of labels) open.add(classes.find(label));
  for (const name of node.outputs)
    for (const { labels } of draft.blocks.get(name) ?? [])
      for (const label of labels) open.add(classes.find(label));
  for (const { value, axis } of reads)
    for (const label of axisLabels(draft, value, axis) ?? []) open.add(classes.find(label));
  for (const name of draft.measured.has(node.outputs[0] ?? "") ? [] : node.inputs) {
    for (const { labels } of draft.blocks.get(name) ?? []) {
      if (labels.length === 1) continue; // alone on its axis it stays in any case
      for (const label of labels) {
        if (open.has(classes.find(label))) continue;
        classes.lock(label, { node: nodeLabel(node), reason: `${node.opType} does not hand it on` });
      }
    }
  }
}

/** What is computed from constants alone is a constant as well. */
function followConstants({ origins }: Draft, node: Node): void {
  const behind = new Set<string>();
  for (const name of node.inputs) {
    if (name === "") continue;
    const own = origins.get(name);
    if (own === undefined) return;
    for (const origin of own) behind.add(origin);
  }
  if (behind.size > 0) for (const name of node.outputs) origins.set(name, [...behind]);
}

/**
 * A size read at run time would shrink with the channels, while everything computed from it has to stay. That holds
 * where its value is known (it is then written down) or where the slicing rule writes it anew; symbols such as the
 * batch do not change. Any other use of a size locks what was measured.
 */
function followSizes(draft: Draft, node: Node, rewritten: ReadonlySet<number>): void {
  const { facts, measured } = draft;
  const stillSizes = node.outputs.every((name) => name === "" || isKnown(facts.get(name)));
  node.inputs.forEach((name, input) => {
    const behind = measured.get(name);
    const fact = facts.get(name);
    if (behind === undefined || fact?.constant !== undefined || isSymbolic(fact)) return;
    if (rewritten.has(input) && isKnown(fact)) return;
    if (!stillSizes) lockMeasured(draft, name, nodeLabel(node), `${node.opType} computes with its size`);
    for (const output of stillSizes ? node.outputs : [])
      measured.set(output, [...new Set([...(measured.get(output) ?? []), ...behind])]);
  });
}

function isKnown(fact: Fact | undefined): boolean {
  return fact?.elements?.every((element) => element !== undefined) ?? false;
}

/** Whether all elements are names or products of names, in which no number can hide. */
function isSymbolic(fact: Fact | undefined): boolean {
  return (
    fact?.elements?.every((element) => typeof element === "string" && /^[\p{L}_][^()[\]]*$/u.test(element)) ??
    false
  );
}

function lockMeasured(draft: Draft, name: string, node: string, reason: string): void {
  for (const value of draft.measured.get(name) ?? []) lockValue(draft, value, node, reason);
}

/** Weights of a grouped convolution that something else reads too cannot be cut for that convolution alone. */
function lockOddReaders({ derived, classes }: Draft, graph: Graph): void {
  const reason = "something else reads the weights of this grouped convolution";
  const lockFor = (name: string, reader?: Node) => {
    const own = derived.get(name);
    if (own === undefined || (reader !== undefined && own.nodes.has(reader))) return;
    const [first] = own.nodes;
    for (const label of own.labels) classes.lock(label, { node: nodeLabel(first!), reason });
  };
  for (const { name } of graph.outputs) lockFor(name);
  for (const node of graph.nodes) for (const name of namesReadBy(node)) lockFor(name, node);
}

/** What the body of an If, Loop or Scan takes from outside stays as it is. */
function lockCaptured(draft: Draft, node: Node): void {
  const label = nodeLabel(node);
  for (const body of subgraphsOf(node)) {
    for (const name of capturedNames(body)) {
      lockValue(draft, name, label, `the body of ${node.opType} reads it`);
      lockMeasured(draft, name, label, `the body of ${node.opType} computes with its size`);
    }
  }
}

function lockValue(draft: Draft, name: string, node: string, reason: string): void {
  for (const block of blocksOf(draft, name)) {
    for (const label of block.labels) draft.classes.lock(label, { node, reason });
  }
}

/** Blocks of a value; a constant gets labels for each of its axes when first asked. */
function blocksOf(draft: Draft, name: string): readonly LabelBlock[] {
  const known = draft.blocks.get(name);
  if (known !== undefined) return known;
  const constant = draft.constants.get(name);
  if (constant === undefined) return [];
  const blocks = constant.shape.map((size, axis) => ({ axes: [axis], labels: draft.classes.fresh(size) }));
  draft.blocks.set(name, blocks);
  return blocks;
}

function couplingsFor(draft: Draft, node: Node, opset: number, said: Said): Couplings {
  const { classes, facts } = draft;
  const label = nodeLabel(node);
  const factOf = (name: string) => (name === "" ? undefined : (facts.get(name) ?? {}));
  const inputName = (input: number) => node.inputs[input] ?? "";
  const labelsOf = (input: number, axis: number) => axisLabels(draft, inputName(input), axis);
  const lock = (labels: Labels | undefined, reason: string) => {
    for (const one of labels ?? []) classes.lock(one, { node: label, reason });
  };
  const unify = (a: Labels | undefined, b: Labels | undefined, why = "it meets an axis that is fixed") => {
    if (a === b) return;
    if (a === undefined || b === undefined) lock(a ?? b, why);
    else if (a.length === b.length) for (let k = 0; k < a.length; k++) classes.union(a[k]!, b[k]!);
    else for (const labels of [a, b]) lock(labels, "it meets an axis of another size");
  };
  return {
    node,
    opset,
    inputs: node.inputs.map(factOf),
    outputs: node.outputs.map(factOf),
    labelsOf,
    blocksOf: (input) => blocksOf(draft, inputName(input)),
    setOutput: (output, blocks) => {
      const name = node.outputs[output] ?? "";
      if (name !== "") draft.blocks.set(name, blocks);
    },
    unify,
    same: (a, b) => classes.find(a) === classes.find(b),
    release: (labels) => said.released.push(...(labels === undefined ? [] : [labels])),
    fresh: (size) => classes.fresh(size),
    produce(input, axis) {
      const labels = labelsOf(input, axis);
      if (labels !== undefined)
        draft.sources.push({ node, labels, ...storedAxis(draft, inputName(input), axis, labels) });
      return labels;
    },
    read(input, axis) {
      if (labelsOf(input, axis) !== undefined)
        draft.reads.push({ node, input, value: inputName(input), axis });
    },
    lock,
    lockInput: (input, reason) => lockValue(draft, inputName(input), label, reason),
    balance: (labels, blocks) => draft.balances.push({ node, labels, blocks }),
    countsOf(input, axis, labels, divisor) {
      if (labels === undefined) return;
      const sharer = draft.derived.get(inputName(input));
      if (sharer !== undefined) unify(sharer.labels, labels);
      const nodes = new Set([...(sharer?.nodes ?? []), node]);
      draft.derived.set(inputName(input), { nodes, axis, labels, divisor });
    },
    measure(input) {
      for (const output of node.outputs) draft.measured.set(output, [inputName(input)]);
    },
    rewrites: (input) => said.rewritten.add(input),
    isConstant: (input) => draft.origins.has(inputName(input)),
    isStored: (input) => draft.constants.has(inputName(input)),
  };
}

/** The axis of a stored weight that carries these labels; the value itself when the weight was mixed on its way. */
function storedAxis(
  draft: Draft,
  name: string,
  axis: number,
  labels: Labels,
): { readonly value: string; readonly axis: number } {
  const { classes } = draft;
  for (const value of draft.origins.get(name) ?? []) {
    const found = blocksOf(draft, value).find(
      (block) =>
        block.labels.length === labels.length &&
        block.labels.every((label, k) => classes.find(label) === classes.find(labels[k]!)),
    );
    if (found !== undefined) return { value, axis: value === name ? axis : found.axes[0]! };
  }
  return { value: name, axis };
}

/** Labels of one axis; a block over several axes is first tied so that it fits its leading axis. */
function axisLabels(draft: Draft, name: string, axis: number): Labels | undefined {
  const block = blocksOf(draft, name).find(({ axes }) => axes.includes(axis));
  if (block === undefined) return undefined;
  if (block.axes.length === 1) return block.labels;
  const size = draft.facts.get(name)!.shape![block.axes[0]!] as number;
  const step = block.labels.length / size;
  const leading = new Int32Array(size);
  for (let k = 0; k < size; k++) {
    leading[k] = block.labels[k * step]!;
    for (let other = 1; other < step; other++)
      draft.classes.union(leading[k]!, block.labels[k * step + other]!);
  }
  replaceBlock(draft, name, block, { axes: [block.axes[0]!], labels: leading });
  return axis === block.axes[0] ? leading : undefined;
}

function replaceBlock(draft: Draft, name: string, old: LabelBlock, next: LabelBlock): void {
  draft.blocks.set(
    name,
    blocksOf(draft, name).map((block) => (block === old ? next : block)),
  );
}

/**
 * Blocks that still span several axes must stay rectangular when channels go. Where the channels already depend on
 * one axis alone nothing is needed; otherwise positions of the last axis are tied across the others.
 */
function separateBlocks(draft: Draft): void {
  for (const [name, blocks] of draft.blocks) {
    for (const block of blocks)
      if (block.axes.length > 1) replaceBlock(draft, name, block, separated(draft, name, block));
  }
}

function separated(draft: Draft, name: string, block: LabelBlock): LabelBlock {
  const sizes = block.axes.map((axis) => draft.facts.get(name)!.shape![axis] as number);
  const { classes } = draft;
  for (let at = 0; at < sizes.length; at++) {
    const inner = sizes.slice(at + 1).reduce((product, size) => product * size, 1);
    const positionOn = (k: number) => Math.floor(k / inner) % sizes[at]!;
    const labels = new Int32Array(sizes[at]!).fill(-1);
    const alone = block.labels.every((label, k) => {
      const position = positionOn(k);
      if (labels[position] === -1) labels[position] = label;
      return classes.find(labels[position]!) === classes.find(label);
    });
    if (alone) return { axes: [block.axes[at]!], labels };
  }
  const last = sizes.at(-1)!;
  const labels = block.labels.slice(0, last);
  block.labels.forEach((label, k) => {
    classes.union(labels[k % last]!, label);
  });
  return { axes: [block.axes.at(-1)!], labels };
}
