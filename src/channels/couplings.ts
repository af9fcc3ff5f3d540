/** @file What the rule of one operator may ask about its node, and what it may say. */
import { intAttribute } from "../graph/attributes.ts";
import { factorsOf } from "../graph/dims.ts";
import type { Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { isPlain, withinOf } from "../ops/label-blocks.ts";
import type { Couplings, Labels } from "../ops/operator.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { axisBlock, axisLabels, blockAlong, blockOnto, blocksOf, type Draft, lockValue } from "./draft.ts";
import { knownCut, takeCut } from "./grouped-cuts.ts";
import { tie } from "./tie.ts";

/** What the rule of one node says about that node alone. */
export interface Said {
  readonly released: Labels[];
  /** Inputs that the slicing rule writes anew. */
  readonly rewritten: Map<number, "all" | "numbers">;
}

/** The couplings of one node: what its rule says goes into the draft, and into `said` what concerns this node alone. */
export function couplingsFor(draft: Draft, node: Node, opset: number, said: Said): Couplings {
  const { classes, facts } = draft;
  const label = nodeLabel(node);
  const factOf = (name: string) => (name === "" ? undefined : (facts.get(name) ?? {}));
  const inputName = (input: number) => node.inputs[input] ?? "";
  const labelsOf = (input: number, axis: number) => axisLabels(draft, inputName(input), axis, node);
  const lock = (labels: Labels | undefined, reason: string) => {
    for (const one of labels ?? []) classes.lock(one, { node: label, reason });
  };
  const unify = (a: Labels | undefined, b: Labels | undefined, why = "it meets an axis that is fixed") => {
    if (a === b) return;
    if (a === undefined || b === undefined) lock(a ?? b, why);
    else if (a.length === b.length) tie(draft, node, "meet", a, b);
    else for (const labels of [a, b]) lock(labels, "it meets an axis of another size");
  };
  const isAlike = (labels: Labels) => labels.every((one) => draft.alike.has(one));
  return {
    node,
    opset,
    attentionCut: draft.attentionCut,
    knownCut: knownCut(draft.cuts, node),
    takeCut: () => takeCut(draft.cuts, node),
    inputs: node.inputs.map(factOf),
    outputs: node.outputs.map(factOf),
    labelsOf,
    axisBlock: (input, axis) => axisBlock(draft, inputName(input), axis, node),
    blockAlong: (input, axis) => blockAlong(draft, inputName(input), axis, node),
    blockOnto: (input, from, onto) => blockOnto(draft, inputName(input), from, onto, node),
    blocksOf: (input) => blocksOf(draft, inputName(input)),
    setOutput: (output, blocks) => {
      const name = node.outputs[output] ?? "";
      if (name !== "") draft.blocks.set(name, blocks);
    },
    unify,
    same: (a, b) => classes.find(a) === classes.find(b),
    release: (labels) => said.released.push(...(labels === undefined ? [] : [labels])),
    fresh: (size) => classes.fresh(size),
    alike(size) {
      const labels = classes.fresh(size);
      for (const one of labels) draft.alike.add(one);
      return labels;
    },
    isAlike,
    claimOf: (labels) => (isAlike(labels) ? 0 : 1 + weightsBehind(draft, labels)),
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
    readAround(input, axis) {
      const value = inputName(input);
      const block = axisBlock(draft, value, axis, node);
      if (block === undefined) return;
      const isLast = axis + 1 === facts.get(value)?.shape?.length;
      const isOpen = !isPlain(block) && isLast && typeof withinOf(block, 0)?.outer === "number";
      if (isOpen || labelsOf(input, axis) !== undefined) draft.reads.push({ node, input, value, axis });
    },
    readInside(output, axis) {
      const value = node.outputs[output]!;
      if (axisLabels(draft, value, axis, node) !== undefined)
        draft.reads.push({ node, input: -1, value, axis });
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
      const value = inputName(input);
      const rank = node.opType === "Shape" ? facts.get(value)?.shape?.length : undefined;
      const all = rank === undefined ? undefined : Array.from({ length: rank }, (_, axis) => axis);
      const axes = all?.slice(intAttribute(node, "start", 0), intAttribute(node, "end", all.length));
      for (const output of node.outputs)
        draft.measured.set(output, [axes === undefined ? { value } : { value, axes }]);
    },
    rewrites: (input, what = "all") => said.rewritten.set(input, what),
    isTold: (size) => size !== undefined && factorsOf(size).atoms.every((atom) => draft.told.has(atom)),
    isConstant: (input) => draft.origins.has(inputName(input)),
    isStored: (input) => draft.constants.has(inputName(input)),
  };
}

/** How many elements the weights have, so far, that make these channels. */
function weightsBehind({ sources, classes, constants }: Draft, labels: Labels): number {
  const wanted = new Set(Array.from(labels, (label) => classes.find(label)));
  const own = sources.filter((source) => source.labels.some((label) => wanted.has(classes.find(label))));
  return own.reduce((sum, { value }) => sum + sizeOf(constants.get(value)?.shape ?? []), 0);
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
