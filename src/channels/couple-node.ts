/** @file One step of the walk: what a node does to the labels it takes in. */
import type { Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { constantOf } from "../ops/constants/index.ts";
import { operatorOf } from "../ops/index.ts";
import type { Labels } from "../ops/operator.ts";
import { couplingsFor, type Said } from "./couplings.ts";
import { axisLabels, type Draft, lockValue } from "./draft.ts";
import type { Read } from "./labelling.ts";
import { followSizes } from "./measured-sizes.ts";

/** Lets the rule of a node speak, and locks what it neither hands on nor explains; a node without a rule locks all it reads. */
export function coupleNode(draft: Draft, node: Node, opset: number): void {
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
    for (const label of axisLabels(draft, value, axis, node) ?? []) open.add(classes.find(label));
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
