/** @file Blocks over several axes, brought to one axis each once the walk is over. */
import type { Graph, Node } from "../graph/model.ts";
import { producersOf } from "../graph/traversal.ts";
import { blockWithin, extentOf, withinOf } from "../ops/label-blocks.ts";
import type { LabelBlock } from "../ops/operator.ts";
import { type Draft, replaceBlock } from "./draft.ts";
import { tie } from "./tie.ts";

/**
 * Blocks that still span several axes must stay rectangular when channels go. Where the channels already depend on
 * one axis alone nothing is needed; otherwise positions of the last axis are tied across the others.
 */
export function separateBlocks(draft: Draft, graph: Graph): void {
  const producers = producersOf(graph);
  for (const [name, blocks] of draft.blocks) {
    for (const block of blocks)
      if (block.axes.length > 1)
        replaceBlock(draft, name, block, separated(draft, name, block, producers.get(name)!));
  }
}

function separated(draft: Draft, name: string, block: LabelBlock, node: Node): LabelBlock {
  const shape = draft.facts.get(name)!.shape!;
  const sizes = block.axes.map((_, k) => extentOf(block, k, shape));
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
    if (alone) return blockWithin([block.axes[at]!], labels, [withinOf(block, at)]);
  }
  const last = sizes.at(-1)!;
  const labels = block.labels.slice(0, last);
  const inFirst = block.labels.map((_, k) => labels[k % last]!);
  tie(draft, node, "rectangle", inFirst, block.labels);
  return blockWithin([block.axes.at(-1)!], labels, [withinOf(block, sizes.length - 1)]);
}
