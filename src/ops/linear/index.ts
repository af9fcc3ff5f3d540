/** @file Gemm and MatMul: dense layers, and products of activations as in attention. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { blockOn, firmOf, unifyBlocks } from "../label-blocks.ts";
import type { CostTerm, Couplings, Fact, InferCall, LabelBlock, Operator } from "../operator.ts";
import { blockFor, broadcastShape, likeFirst, shapeOf } from "../shapes.ts";
import { einsum } from "./einsum.ts";
import { experts } from "./experts.ts";

interface GemmAxes {
  readonly rows: number;
  readonly leftInner: number;
  readonly rightInner: number;
  readonly columns: number;
}

function gemmAxes(node: InferCall["node"]): GemmAxes {
  const transA = intAttribute(node, "transA", 0);
  const transB = intAttribute(node, "transB", 0);
  return { rows: transA, leftInner: 1 - transA, rightInner: transB, columns: 1 - transB };
}

function inferGemm(call: InferCall): readonly Fact[] {
  const axes = gemmAxes(call.node);
  return [likeFirst(call, [shapeOf(call, 0)?.[axes.rows], shapeOf(call, 1)?.[axes.columns]])];
}

function coupleGemm(c: Couplings): void {
  const axes = gemmAxes(c.node);
  const rows = c.axisBlock(0, axes.rows);
  c.unify(
    c.labelsOf(0, axes.leftInner),
    c.labelsOf(1, axes.rightInner),
    "the weights read a channel that is fixed",
  );
  c.read(0, axes.leftInner);
  const columns = c.isConstant(1) ? c.produce(1, axes.columns) : c.labelsOf(1, axes.columns);
  coupleAddend(c, rows, columns);
  c.setOutput(0, [...blockOn(0, rows), ...blockFor(1, columns)]);
}

/** The third operand broadcasts to [rows, columns]. */
function coupleAddend(c: Couplings, rows: LabelBlock | undefined, columns: Int32Array | undefined): void {
  const shape = c.inputs[2]?.shape;
  if (shape === undefined) return;
  const [own, other] = [shape.length - 1, shape.length - 2];
  if (own >= 0 && shape[own] !== 1) c.unify(c.labelsOf(2, own), columns);
  if (other >= 0 && shape[other] !== 1)
    unifyBlocks(c, c.axisBlock(2, other), rows, "it meets an axis that is fixed");
}

function gemmMacs(call: InferCall): readonly CostTerm[] {
  const axes = gemmAxes(call.node);
  const [a, b] = call.node.inputs as [string, string];
  return [
    {
      coefficient: 1,
      axes: [
        { value: a, axis: axes.rows },
        { value: b, axis: axes.rightInner },
        { value: b, axis: axes.columns },
      ],
    },
  ];
}

/** Axes of one operand: those that pair up as in broadcasting, and the two that are multiplied. */
interface OperandAxes {
  readonly batch: readonly number[];
  readonly first: number;
  readonly last: number;
}

/** Where the axes of an operand of this rank lie; onnxruntime's FusedMatMul may have them in another order. */
function operandAxes({ node }: Pick<InferCall, "node">, which: "A" | "B", rank: number): OperandAxes {
  const isFused = node.opType === "FusedMatMul" || node.opType === "TransposeMatMul";
  const isSwapped = isFused && intAttribute(node, `trans${which}`, 0) === 1;
  const isTurned = isFused && intAttribute(node, `transBatch${which}`, 0) === 1;
  const batch = Array.from({ length: Math.max(0, rank - 2) }, (_, k) => (isTurned ? k + 1 : k));
  const [first, last] = [isTurned ? 0 : rank - 2, rank - 1];
  return isSwapped ? { batch, first: last, last: first } : { batch, first, last };
}

function inferMatMul(call: InferCall): readonly Fact[] {
  const a = shapeOf(call, 0);
  const b = shapeOf(call, 1);
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0)
    return [likeFirst(call, undefined)];
  const left = operandAxes(call, "A", a.length);
  const right = operandAxes(call, "B", b.length);
  const batch = broadcastShape([left.batch.map((axis) => a[axis]), right.batch.map((axis) => b[axis])]);
  const tail: Dim[] = [...(a.length > 1 ? [a[left.first]] : []), ...(b.length > 1 ? [b[right.last]] : [])];
  return [likeFirst(call, batch === undefined ? undefined : [...batch, ...tail])];
}

/**
 * The inner axes are one set of channels; leading axes pair up as in broadcasting; rows come from the left operand
 * and columns from the right. A block over a leading and an inner axis (heads) is tied to its
 * leading axis, or to the inner one where attention is to lose width.
 */
function coupleMatMul(c: Couplings): void {
  const a = c.inputs[0]?.shape;
  const b = c.inputs[1]?.shape;
  if (a === undefined || b === undefined || a.length < 2 || b.length < 2) {
    const why = `${c.node.opType} needs operands of known rank with two axes or more`;
    for (const input of [0, 1]) c.lockInput(input, why);
    return;
  }
  const left = operandAxes(c, "A", a.length);
  const right = operandAxes(c, "B", b.length);
  if (c.attentionCut === "width") cutHeadWidth(c, left, right);
  alignFeatures(c, left, right);
  const rank = Math.max(a.length, b.length);
  const blocks: LabelBlock[] = [];
  for (let axis = 0; axis < rank - 2; axis++)
    blocks.push(...coupleBatchAxis(c, axis - rank + 2, left, right));
  c.unify(
    c.labelsOf(0, left.last),
    c.labelsOf(1, right.first),
    "it is multiplied with an axis that is fixed",
  );
  if (c.isConstant(0)) c.read(1, right.first);
  else c.read(0, left.last);
  if (c.isConstant(0) && !c.isConstant(1)) c.produce(0, left.first);
  if (c.isConstant(1)) c.produce(1, right.last);
  const rows = c.axisBlock(0, left.first);
  const columns = c.axisBlock(1, right.last);
  c.setOutput(0, [...blocks, ...blockOn(rank - 2, rows), ...blockOn(rank - 1, columns)]);
}

/**
 * Channels over heads and positions in them are those of the positions, the same in every head. Where a single position is
 * left, its axis has size 1, and the heads alone carry labels.
 */
function cutHeadWidth(c: Couplings, left: OperandAxes, right: OperandAxes): void {
  const inner = [
    [0, left, left.last],
    [1, right, right.first],
    [1, right, right.last],
  ] as const;
  for (const [input, { batch }, axis] of inner) {
    const block = c.blocksOf(input).find(({ axes }) => axes.length > 1 && axes.includes(axis));
    if (block?.axes.some((one) => batch.includes(one)) === true) c.blockAlong(input, axis);
    else if (block === undefined && c.inputs[input]!.shape![axis] === 1)
      for (const heads of batch.slice(-1)) c.blockOnto(input, heads, axis);
  }
}

/**
 * Rows of channels that are multiplied with each other, as interactions of embeddings are, have the same channels in every
 * row: whole rows are what the product tells apart.
 */
function alignFeatures(c: Couplings, left: OperandAxes, right: OperandAxes): void {
  const spans = (input: number, axes: readonly number[]) =>
    c.blocksOf(input).some((block) => axes.every((axis) => block.axes.includes(axis)));
  if (!spans(0, [left.first, left.last]) || !spans(1, [right.first, right.last])) return;
  c.blockAlong(0, left.last);
  c.blockAlong(1, right.first);
}

/** @param fromBack Place among the leading axes, counted from their end: -1 is the last. */
function coupleBatchAxis(
  c: Couplings,
  fromBack: number,
  left: OperandAxes,
  right: OperandAxes,
): LabelBlock[] {
  const [a, b] = [left.batch.at(fromBack), right.batch.at(fromBack)];
  const hasLeft = a !== undefined && c.inputs[0]!.shape![a] !== 1;
  const hasRight = b !== undefined && c.inputs[1]!.shape![b] !== 1;
  let block = hasLeft ? c.axisBlock(0, a) : hasRight ? c.axisBlock(1, b) : undefined;
  if (hasLeft && hasRight) {
    const other = c.axisBlock(1, b);
    unifyBlocks(c, block, other, "it is multiplied with an axis that is fixed");
    block = firmOf(c, block, other);
  }
  const axis = Math.max(left.batch.length, right.batch.length) + fromBack;
  return blockOn(axis, block);
}

function matMulMacs(
  call: InferCall & { readonly outputs: readonly (Fact | undefined)[] },
): readonly CostTerm[] {
  const a = call.inputs[0]?.shape;
  const out = call.outputs[0]?.shape;
  if (a === undefined || out === undefined) return [];
  const axes = out.map((_, axis) => ({ value: call.node.outputs[0]!, axis }));
  const inner = { value: call.node.inputs[0]!, axis: operandAxes(call, "A", a.length).last };
  return [{ coefficient: 1, axes: [...axes, inner] }];
}

const matMul: Operator = { infer: inferMatMul, macs: matMulMacs, couple: coupleMatMul };

const gemm: Operator = { infer: inferGemm, macs: gemmMacs, couple: coupleGemm };

export const linear: Readonly<Record<string, Operator>> = {
  Gemm: gemm,
  MatMul: matMul,
  Einsum: einsum,
};

/** Of onnxruntime's own operator set. */
export const contribLinear: Readonly<Record<string, Operator>> = {
  FusedGemm: gemm,
  FusedMatMul: matMul,
  TransposeMatMul: matMul,
  MoE: experts,
};
