/** @file One step of the walk: what a node does to the labels it takes in. */
import type { Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { constantOf } from "../ops/constants/index.ts";
import { operatorOf } from "../ops/index.ts";
import type { Labels } from "../ops/operator.ts";
import { couplingsFor, type Said } from "./couplings.ts";
import { blocksOf, type Draft, lockValue } from "./draft.ts";
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
  const said: Said = { released: [], rewritten: new Map() };
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
  const shown = new Set<Labels>(released);
  for (const name of node.outputs) for (const { labels } of draft.blocks.get(name) ?? []) shown.add(labels);
  for (const { value, axis } of reads) {
    const block = blocksOf(draft, value).find(({ axes }) => axes[0] === axis);
    if (block !== undefined) shown.add(block.labels);
  }
  const doubtful = doubtfulLabels(draft, node, shown);
  if (doubtful.length === 0) return;
  const { classes } = draft;
  const open = new Set<number>();
  for (const labels of shown) for (const label of labels) open.add(classes.find(label));
  for (const labels of doubtful) {
    for (const label of labels) {
      if (open.has(classes.find(label))) continue;
      classes.lock(label, { node: nodeLabel(node), reason: `${node.opType} does not hand it on` });
    }
  }
}

/** Labels of the inputs that are not shown as they are; one alone on its axis stays in any case. */
function doubtfulLabels(draft: Draft, node: Node, shown: ReadonlySet<Labels>): Labels[] {
  if (draft.measured.has(node.outputs[0] ?? "")) return [];
  return node.inputs.flatMap((name) =>
    (draft.blocks.get(name) ?? [])
      .map(({ labels }) => labels)
      .filter((labels) => labels.length > 1 && !shown.has(labels)),
  );
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
