/** @file Walks a graph once, asks every operator how channels travel, and collects what they answer. */
import type { Graph, Model, Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { namesReadBy } from "../graph/traversal.ts";
import type { Facts } from "../ops/infer.ts";
import { coupleNode } from "./couple-node.ts";
import { type Draft, lockValue, newDraft } from "./draft.ts";
import type { CutOptions, GroupedCuts } from "./grouped-cuts.ts";
import type { Labelling } from "./labelling.ts";
import { lockCaptured } from "./lock-captured.ts";
import { lockMeasured } from "./measured-sizes.ts";
import { separateBlocks } from "./separate-blocks.ts";

/**
 * Labels every axis of a model along which something could be removed.
 * @param cuts What layers are to lose that can be cut in more than one way.
 * @returns The labels, and what each grouped convolution loses.
 */
export function labelChannels(
  model: Model,
  facts: Facts,
  cuts: CutOptions = {},
): { readonly labelling: Labelling; readonly groupedCut: GroupedCuts } {
  const { graph } = model;
  const draft = newDraft(graph, facts, cuts);
  for (const node of graph.nodes) coupleNode(draft, node, model.opsets.get(node.domain) ?? 1);
  for (const node of graph.nodes) lockCaptured(draft, node);
  lockOutputs(draft, graph);
  lockOddReaders(draft, graph);
  separateBlocks(draft, graph);
  return { labelling: draft, groupedCut: draft.cuts.found };
}

/** What leaves the model keeps its size. */
function lockOutputs(draft: Draft, { outputs }: Graph): void {
  for (const { name } of outputs) {
    lockValue(draft, name, "graph output", `it is the graph output "${name}"`);
    lockMeasured(draft, name, "graph output", `its size is told by the graph output "${name}"`);
  }
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
