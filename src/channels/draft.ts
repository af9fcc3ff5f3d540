/** @file A labelling in the making: what the walk over a graph has found so far. */
import type { Dim, Graph, Node, StoredTensor } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { blockWithin, extentOf, isPlain, withinOf } from "../ops/label-blocks.ts";
import type { LabelBlock, Labels } from "../ops/operator.ts";
import { type ChannelClasses, channelClasses } from "./channel-classes.ts";
import type { AttentionCut, CutOptions, CutsDraft } from "./grouped-cuts.ts";
import type { Balance, DerivedAxis, Read, Source, Tie } from "./labelling.ts";
import { tie } from "./tie.ts";

/** Sizes of a value: of these axes, one element for each and in this order, or of any. */
export interface Measure {
  readonly value: string;
  readonly axes?: readonly number[];
}

/** What is known so far, at some point of the walk. */
export interface Draft {
  readonly cuts: CutsDraft;
  readonly attentionCut: AttentionCut;
  readonly classes: ChannelClasses;
  readonly facts: Facts;
  readonly blocks: Map<string, readonly LabelBlock[]>;
  readonly constants: Map<string, StoredTensor>;
  readonly sources: Source[];
  readonly reads: Read[];
  readonly balances: Balance[];
  readonly ties: Tie[];
  readonly derived: Map<string, DerivedAxis>;
  /** Labels of positions that are all alike, which become whatever they meet. */
  readonly alike: Set<number>;
  /** The stored constants behind each value that no data reach. */
  readonly origins: Map<string, readonly string[]>;
  /** Open sizes that inputs of the graph have. */
  readonly told: ReadonlySet<Dim>;
  /** Whose sizes a value tells. */
  readonly measured: Map<string, readonly Measure[]>;
  /** Values told by sizes of which an element was reckoned out of others, not copied. */
  readonly reckoned: Set<string>;
}

/** Before the walk: the stored constants are known, and nothing is labelled yet. */
export function newDraft(
  { initializers, inputs }: Graph,
  facts: Facts,
  { groupedCut = "equal", attentionCut = "heads" }: CutOptions,
): Draft {
  return {
    cuts: { asked: groupedCut, found: new Map() },
    attentionCut,
    classes: channelClasses(),
    facts,
    blocks: new Map(),
    constants: new Map(initializers),
    sources: [],
    reads: [],
    balances: [],
    ties: [],
    derived: new Map(),
    alike: new Set(),
    origins: new Map([...initializers.keys()].map((name) => [name, [name]])),
    told: new Set(inputs.flatMap(({ name }) => facts.get(name)?.shape ?? [])),
    measured: new Map(),
    reckoned: new Set(),
  };
}

/** Blocks of a value; a constant gets labels for each of its axes when first asked. */
export function blocksOf(draft: Draft, name: string): readonly LabelBlock[] {
  const known = draft.blocks.get(name);
  if (known !== undefined) return known;
  const constant = draft.constants.get(name);
  if (constant === undefined) return [];
  const blocks = constant.shape.map((size, axis) => ({ axes: [axis], labels: draft.classes.fresh(size) }));
  draft.blocks.set(name, blocks);
  return blocks;
}

/**
 * Block on one axis; one over several axes is first tied so that it fits its leading axis, for `node` wants it so. Where
 * attention loses width, one over heads and positions is tied to the positions if these are asked for.
 */
export function axisBlock(draft: Draft, name: string, axis: number, node: Node): LabelBlock | undefined {
  const block = blocksOf(draft, name).find(({ axes }) => axes.includes(axis));
  if (block === undefined || block.axes.length === 1) return block;
  if (draft.attentionCut === "width" && axis !== block.axes[0]) return blockAlong(draft, name, axis, node);
  const leading = blockAlong(draft, name, block.axes[0]!, node);
  return axis === block.axes[0] ? leading : undefined;
}

/** Block on one axis; one over several axes is first tied so that it fits that axis. */
export function blockAlong(draft: Draft, name: string, axis: number, node: Node): LabelBlock | undefined {
  const block = blocksOf(draft, name).find(({ axes }) => axes.includes(axis));
  if (block === undefined || block.axes.length === 1) return block;
  const shape = draft.facts.get(name)!.shape!;
  const sizes = block.axes.map((_, k) => extentOf(block, k, shape));
  const at = block.axes.indexOf(axis);
  const inner = sizes.slice(at + 1).reduce((product, size) => product * size, 1);
  const positionOn = (k: number) => Math.floor(k / inner) % sizes[at]!;
  const labels = Int32Array.from({ length: sizes[at]! }, (_, position) => block.labels[position * inner]!);
  const first = block.labels.map((_, k) => labels[positionOn(k)]!);
  tie(draft, node, "rectangle", first, block.labels);
  const alone = blockWithin([axis], labels, [withinOf(block, at)]);
  replaceBlock(draft, name, block, alone);
  return alone;
}

/** All labels on one axis made one channel, the only position of another axis, which has size 1. */
export function blockOnto(draft: Draft, name: string, from: number, onto: number, node: Node): void {
  const block = blocksOf(draft, name).find(({ axes }) => axes.length === 1 && axes[0] === from);
  if (block === undefined) return;
  const labels = block.labels.slice(0, 1);
  tie(draft, node, "rectangle", new Int32Array(block.labels.length).fill(labels[0]!), block.labels);
  replaceBlock(draft, name, block, { axes: [onto], labels });
}

/** As {@link axisBlock} for nodes that want labels to be positions; labels beside an open size on their axis are locked. */
export function axisLabels(draft: Draft, name: string, axis: number, node: Node): Labels | undefined {
  const block = axisBlock(draft, name, axis, node);
  if (block === undefined || isPlain(block)) return block?.labels;
  const lock = {
    node: nodeLabel(node),
    reason: `${node.opType} works on an axis it shares with an open size`,
  };
  for (const label of block.labels) draft.classes.lock(label, lock);
  return undefined;
}

/** Puts `next` in the place of `old` among the blocks of a value. */
export function replaceBlock(draft: Draft, name: string, old: LabelBlock, next: LabelBlock): void {
  draft.blocks.set(
    name,
    blocksOf(draft, name).map((block) => (block === old ? next : block)),
  );
}

/** Keeps every channel of a value, or of some of its axes. */
export function lockValue(
  draft: Draft,
  name: string,
  node: string,
  reason: string,
  axes?: readonly number[],
): void {
  for (const block of blocksOf(draft, name)) {
    if (axes !== undefined && !block.axes.some((axis) => axes.includes(axis))) continue;
    for (const label of block.labels) draft.classes.lock(label, { node, reason });
  }
}
