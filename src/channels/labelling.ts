/** @file Walks a graph once, asks every operator how channels travel, and collects what they answer. */
import type { Model, Node, StoredTensor } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { constantOf } from "../ops/constants/index.ts";
import { operatorOf } from "../ops/index.ts";
import type { Facts } from "../ops/infer.ts";
import type { Couplings, LabelBlock, Labels } from "../ops/operator.ts";
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
  readonly value: string;
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
  readonly derived: readonly DerivedAxis[];
}

interface Draft {
  readonly classes: ChannelClasses;
  readonly facts: Facts;
  readonly blocks: Map<string, readonly LabelBlock[]>;
  readonly constants: Map<string, StoredTensor>;
  readonly sources: Source[];
  readonly reads: Read[];
  readonly balances: Balance[];
  readonly derived: DerivedAxis[];
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
    derived: [],
  };
  for (const node of graph.nodes) coupleNode(draft, node, model.opsets.get(node.domain) ?? 1);
  for (const node of graph.nodes) lockCaptured(draft, node);
  for (const output of graph.outputs)
    lockValue(draft, output.name, "graph output", `it is the graph output "${output.name}"`);
  separateBlocks(draft);
  return draft;
}

function coupleNode(draft: Draft, node: Node, opset: number): void {
  const constant = node.opType === "Constant" && node.domain === "" ? constantOf(node) : undefined;
  if (constant !== undefined) {
    draft.constants.set(node.outputs[0]!, constant);
    return;
  }
  const operator = operatorOf(node);
  if (operator === undefined) {
    const reason = `operator ${node.domain === "" ? "" : `${node.domain}.`}${node.opType} has no channel rule`;
    for (const name of node.inputs) lockValue(draft, name, nodeLabel(node), reason);
    return;
  }
  operator.couple(couplingsFor(draft, node, opset));
}

/** What the body of an If, Loop or Scan takes from outside stays as it is. */
function lockCaptured(draft: Draft, node: Node): void {
  for (const attribute of node.attributes.values()) {
    const graphs =
      attribute.kind === "graph" ? [attribute.value] : attribute.kind === "opaque" ? attribute.graphs : [];
    for (const graph of graphs) {
      for (const inner of graph.nodes) {
        for (const name of inner.inputs)
          lockValue(draft, name, nodeLabel(node), `the body of ${node.opType} reads it`);
        lockCaptured(draft, inner);
      }
      for (const output of graph.outputs)
        lockValue(draft, output.name, nodeLabel(node), `the body of ${node.opType} reads it`);
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

function couplingsFor(draft: Draft, node: Node, opset: number): Couplings {
  const { classes, facts } = draft;
  const label = nodeLabel(node);
  const factOf = (name: string) => (name === "" ? undefined : (facts.get(name) ?? {}));
  const inputName = (input: number) => node.inputs[input] ?? "";
  const labelsOf = (input: number, axis: number) => axisLabels(draft, inputName(input), axis);
  const lock = (labels: Labels | undefined, reason: string) => {
    for (const one of labels ?? []) classes.lock(one, { node: label, reason });
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
    unify(a, b, why) {
      if (a === b) return;
      if (a === undefined || b === undefined) {
        lock(a ?? b, why ?? "it meets an axis that is fixed");
        return;
      }
      if (a.length !== b.length) {
        lock(a, "it meets an axis of another size");
        return lock(b, "it meets an axis of another size");
      }
      for (let k = 0; k < a.length; k++) classes.union(a[k]!, b[k]!);
    },
    same: (a, b) => classes.find(a) === classes.find(b),
    fresh: (size) => classes.fresh(size),
    produce(input, axis) {
      const labels = labelsOf(input, axis);
      if (labels !== undefined) draft.sources.push({ node, value: inputName(input), axis, labels });
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
      if (labels !== undefined) draft.derived.push({ value: inputName(input), axis, labels, divisor });
    },
    isConstant: (input) => draft.constants.has(inputName(input)),
  };
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
