/** @file What layers lose that can be cut in more than one way: grouped convolutions and group norms, each for itself, and attention. */
import type { Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";

/**
 * What a grouped convolution or group norm loses: equally many channels from each of its blocks, or whole blocks, whose input and
 * output channels then are one player.
 */
export type GroupedCut = "equal" | "blocks";

/** What an attention of several matrix products loses: whole heads, or the same positions of every head. */
export type AttentionCut = "heads" | "width";

/** What layers lose that can be cut in more than one way. */
export interface CutOptions {
  /** What grouped convolutions lose: all of them the same, or each what stands here. Default "equal". */
  readonly groupedCut?: GroupedCut | GroupedCuts | undefined;
  /** Default "heads". */
  readonly attentionCut?: AttentionCut | undefined;
}

/** By the label of the node, for every grouped convolution with several channels in a block. */
export type GroupedCuts = ReadonlyMap<string, GroupedCut>;

/** What was asked for, and what the walk over a graph found. */
export interface CutsDraft {
  readonly asked: GroupedCut | GroupedCuts;
  readonly found: Map<string, GroupedCut>;
}

/**
 * What an earlier form of the network decided for a node. Such a convolution stays one with blocks even when a single
 * block, or a single channel of each, is left of it; otherwise its channels would change groups between two rounds.
 */
export function knownCut({ asked }: CutsDraft, node: Node): GroupedCut | undefined {
  return typeof asked === "string" ? undefined : asked.get(nodeLabel(node));
}

/** What a grouped convolution loses, noted down. Nodes that nothing was said about lose equally. */
export function takeCut(draft: CutsDraft, node: Node): GroupedCut {
  const { asked, found } = draft;
  const cut = typeof asked === "string" ? asked : (knownCut(draft, node) ?? "equal");
  found.set(nodeLabel(node), cut);
  return cut;
}

/** Labels of the convolutions that lose whole blocks, in the order of the graph. */
export function wholeBlocksOf(cuts: GroupedCuts): string[] {
  return [...cuts].flatMap(([label, cut]) => (cut === "blocks" ? [label] : []));
}

/** The cuts under which these convolutions lose whole blocks and all others lose equally. */
export function cutsWith(wholeBlocks: Iterable<string>): GroupedCuts {
  return new Map([...wholeBlocks].map((label) => [label, "blocks" as const]));
}
