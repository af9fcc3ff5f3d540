/** @file Operators on two or more tensors with numpy-style broadcasting: residual adds, gates, biases, masks. */
import { addDims, divideDims, multiplyDims } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import { blockOn, firmOf, isLaidAlike, unifyBlocks } from "../label-blocks.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator } from "../operator.ts";
import { broadcastShape, numbersOf } from "../shapes.ts";

function infer(dtype: "first" | "last" | "bool") {
  return (call: InferCall): Fact[] => {
    const facts = call.inputs;
    return [
      {
        dtype: dtype === "bool" ? "bool" : facts.at(dtype === "first" ? 0 : -1)?.dtype,
        shape: broadcastShape(facts.map((fact) => fact?.shape)),
        elements: arithmeticOnSizes(call),
      },
    ];
  };
}

const onSizes: Readonly<Record<string, (...sizes: readonly Dim[]) => Dim>> = {
  Add: addDims,
  Mul: multiplyDims,
  Div: divideDims,
  Sub: (a, b) => (typeof b === "number" ? addDims(a, -b) : undefined),
  Equal: equalDims,
  Where: (condition, yes, no) => (typeof condition === "number" ? (condition === 0 ? no : yes) : undefined),
};

/** Sizes are never negative, so a symbol differs from every negative number. */
function equalDims(a: Dim, b: Dim): Dim {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return 1;
  if (typeof a === "number" && typeof b === "number") return 0;
  return [a, b].some((size) => typeof size === "number" && size < 0) ? 0 : undefined;
}

/** A short constant of truth values, as conditions on sizes are. */
function flagsOf(fact: Fact | undefined): readonly Dim[] | undefined {
  return fact?.dtype === "bool" && (fact.shape?.length ?? 2) <= 1 ? numbersOf(fact) : undefined;
}

/** Arithmetic on symbolic sizes, as exporters write around Reshape, Expand and Slice. */
function arithmeticOnSizes(call: InferCall): Dim[] | undefined {
  const operation = onSizes[call.node.opType];
  if (operation === undefined) return undefined;
  const parts = call.inputs.map((fact) => fact?.elements ?? flagsOf(fact));
  const length = Math.max(...parts.map((part) => part?.length ?? 0));
  if (parts.some((part) => part === undefined || (part.length !== 1 && part.length !== length)))
    return undefined;
  return Array.from({ length }, (_, k) =>
    operation(...parts.map((part) => part![part!.length === 1 ? 0 : k])),
  );
}

/**
 * Positions that meet are one channel, except where one operand has size 1 and is repeated. Blocks over several
 * axes are kept whole when every operand that spans these axes carries the same block, else tied to single axes.
 */
export function coupleBroadcast(c: Couplings): void {
  c.setOutput(
    0,
    meetingBlocks(
      c,
      c.node.inputs.map((_, k) => k),
    ),
  );
}

/** Blocks of the value that some of a node's inputs are broadcast to. */
export function meetingBlocks(c: Couplings, all: readonly number[]): LabelBlock[] {
  const inputs = all.filter((input) => (c.node.inputs[input] ?? "") !== "");
  const shapes = inputs.map((input) => c.inputs[input]?.shape);
  if (shapes.includes(undefined)) {
    for (const input of inputs) c.lockInput(input, "the shapes it meets are not known");
    return [];
  }
  const rank = Math.max(...shapes.map((shape) => shape!.length));
  const whole = wholeBlocks(c, inputs, rank);
  alignToPartners(c, inputs, rank, whole);
  const covered = new Set(whole.flatMap((block) => block.axes));
  const blocks: LabelBlock[] = [...whole];
  for (let axis = 0; axis < rank; axis++) {
    if (!covered.has(axis)) blocks.push(...blockOn(axis, coupleAxis(c, inputs, axis, rank)));
  }
  return blocks;
}

/** Several-axis blocks of the first operand that every other operand shares or does not span at all. */
function wholeBlocks(c: Couplings, inputs: readonly number[], rank: number): LabelBlock[] {
  const candidates = inputs.flatMap((k) =>
    c
      .blocksOf(k)
      .filter((block) => block.axes.length > 1)
      .map((block) => shifted(block, rank - c.inputs[k]!.shape!.length)),
  );
  const kept: LabelBlock[] = [];
  for (const candidate of candidates) {
    if (kept.some((block) => block.axes.some((axis) => candidate.axes.includes(axis)))) continue;
    const partners = inputs.map((k) => partnerOf(c, k, rank, candidate));
    if (partners.includes("conflict")) continue;
    for (const partner of partners) if (partner instanceof Int32Array) c.unify(candidate.labels, partner);
    kept.push(candidate);
  }
  return kept;
}

/**
 * A block over several axes that meets channels on one of them alone is tied to that axis: scores of several branches in a
 * row, [branches, channels], meet channels on the second one. Constants have labels on every axis and say nothing. Where
 * attention is to lose width, heads and positions that meet anything but their like are those of the positions.
 */
function alignToPartners(
  c: Couplings,
  inputs: readonly number[],
  rank: number,
  whole: readonly LabelBlock[],
): void {
  const isWhole = (axes: readonly number[], by: number) =>
    whole.some((block) => block.axes.join() === axes.map((axis) => axis + by).join());
  const offset = (input: number) => rank - c.inputs[input]!.shape!.length;
  const partners = new Set<number>();
  for (const input of inputs.filter((one) => !c.isConstant(one)))
    for (const { axes, labels } of c.blocksOf(input))
      if (axes.length === 1 && !c.isAlike(labels)) partners.add(axes[0]! + offset(input));
  for (const input of inputs) {
    for (const { axes } of c.blocksOf(input)) {
      if (axes.length === 1) continue;
      const met = axes.filter((axis) => partners.has(axis + offset(input)));
      if (met.length === 1) c.blockAlong(input, met[0]!);
      else if (c.attentionCut === "width" && !isWhole(axes, offset(input))) c.blockAlong(input, axes.at(-1)!);
    }
  }
}

function shifted(block: LabelBlock, by: number): LabelBlock {
  return { ...block, axes: block.axes.map((axis) => axis + by) };
}

function partnerOf(
  c: Couplings,
  input: number,
  rank: number,
  wanted: LabelBlock,
): Int32Array | "absent" | "conflict" {
  const shape = c.inputs[input]!.shape!;
  const offset = rank - shape.length;
  const spans = wanted.axes.some((axis) => axis >= offset && shape[axis - offset] !== 1);
  if (!spans) return "absent";
  const found = c.blocksOf(input).find((block) => shifted(block, offset).axes.join() === wanted.axes.join());
  return found !== undefined && isLaidAlike(found, wanted) ? found.labels : "conflict";
}

function coupleAxis(
  c: Couplings,
  inputs: readonly number[],
  axis: number,
  rank: number,
): LabelBlock | undefined {
  let block: LabelBlock | undefined;
  let partners = 0;
  for (const input of inputs) {
    const shape = c.inputs[input]!.shape!;
    const own = axis - (rank - shape.length);
    if (own < 0 || shape[own] === 1) continue;
    const next = c.axisBlock(input, own);
    if (partners++ === 0) block = next;
    else {
      unifyBlocks(c, block, next, "it meets an axis that is fixed");
      block = firmOf(c, block, next);
    }
  }
  if (partners === 0) sizeOneLabels(c, inputs, axis, rank);
  return block;
}

/** Where every operand has size 1, blocks that span the axis are tied all the same. */
function sizeOneLabels(c: Couplings, inputs: readonly number[], axis: number, rank: number): void {
  for (const input of inputs) {
    const own = axis - (rank - c.inputs[input]!.shape!.length);
    if (own >= 0) {
      c.axisBlock(input, own);
      return;
    }
  }
}

const arithmetic =
  "Add Sub Mul Div Pow Mod Min Max Sum Mean BitShift BitwiseAnd BitwiseOr BitwiseXor PRelu".split(" ");
const logic = "And Or Xor Equal Greater Less GreaterOrEqual LessOrEqual".split(" ");

export const broadcasting: Readonly<Record<string, Operator>> = {
  ...Object.fromEntries(arithmetic.map((name) => [name, { infer: infer("first"), couple: coupleBroadcast }])),
  ...Object.fromEntries(logic.map((name) => [name, { infer: infer("bool"), couple: coupleBroadcast }])),
  Where: { infer: infer("last"), couple: coupleBroadcast },
};

/** Of onnxruntime's own operator set: a bias and an activation in one. */
export const contribBroadcasting: Readonly<Record<string, Operator>> = Object.fromEntries(
  ["BiasGelu", "FastGelu"].map((name) => [name, { infer: infer("first"), couple: coupleBroadcast }]),
);
