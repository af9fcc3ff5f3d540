/** @file A labelling in the making: what the walk over a graph has found so far. */
import type { Graph, Node, StoredTensor } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import type { LabelBlock, Labels } from "../ops/operator.ts";
import { type ChannelClasses, channelClasses } from "./channel-classes.ts";
import type { Balance, DerivedAxis, Read, Source, Tie } from "./labelling.ts";
import { tie } from "./tie.ts";

/** What is known so far, at some point of the walk. */
export interface Draft {
  readonly classes: ChannelClasses;
  readonly facts: Facts;
  readonly blocks: Map<string, readonly LabelBlock[]>;
  readonly constants: Map<string, StoredTensor>;
  readonly sources: Source[];
  readonly reads: Read[];
  readonly balances: Balance[];
  readonly ties: Tie[];
  readonly derived: Map<string, DerivedAxis>;
  /** The stored constants behind each value that no data reach. */
  readonly origins: Map<string, readonly string[]>;
  /** The values whose sizes a value tells. */
  readonly measured: Map<string, readonly string[]>;
}

/** Before the walk: the stored constants are known, and nothing is labelled yet. */
export function newDraft({ initializers }: Graph, facts: Facts): Draft {
  return {
    classes: channelClasses(),
    facts,
    blocks: new Map(),
    constants: new Map(initializers),
    sources: [],
    reads: [],
    balances: [],
    ties: [],
    derived: new Map(),
    origins: new Map([...initializers.keys()].map((name) => [name, [name]])),
    measured: new Map(),
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

/** Labels of one axis; a block over several axes is first tied so that it fits its leading axis, for `node` wants it so. */
export function axisLabels(draft: Draft, name: string, axis: number, node: Node): Labels | undefined {
  const block = blocksOf(draft, name).find(({ axes }) => axes.includes(axis));
  if (block === undefined) return undefined;
  if (block.axes.length === 1) return block.labels;
  const size = draft.facts.get(name)!.shape![block.axes[0]!] as number;
  const step = block.labels.length / size;
  const leading = Int32Array.from({ length: size }, (_, k) => block.labels[k * step]!);
  const firstOfRow = block.labels.map((_, k) => leading[Math.floor(k / step)]!);
  tie(draft, node, "rectangle", firstOfRow, block.labels);
  replaceBlock(draft, name, block, { axes: [block.axes[0]!], labels: leading });
  return axis === block.axes[0] ? leading : undefined;
}

/** Puts `next` in the place of `old` among the blocks of a value. */
export function replaceBlock(draft: Draft, name: string, old: LabelBlock, next: LabelBlock): void {
  draft.blocks.set(
    name,
    blocksOf(draft, name).map((block) => (block === old ? next : block)),
  );
}

/** Keeps every channel of a value. */
export function lockValue(draft: Draft, name: string, node: string, reason: string): void {
  for (const block of blocksOf(draft, name)) {
    for (const label of block.labels) draft.classes.lock(label, { node, reason });
  }
}
