/** @file Gemm and MatMul: dense layers, and products of activations as in attention. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { blockOn, unifyBlocks } from "../label-blocks.ts";
import type { CostTerm, Couplings, Fact, InferCall, LabelBlock, Operator } from "../operator.ts";
import { blockFor, broadcastShape, likeFirst, shapeOf } from "../shapes.ts";

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

function inferMatMul(call: InferCall): readonly Fact[] {
  const a = shapeOf(call, 0);
  const b = shapeOf(call, 1);
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0)
    return [likeFirst(call, undefined)];
  const batch = broadcastShape([a.slice(0, -2), b.slice(0, -2)]);
  const tail: Dim[] = [...(a.length > 1 ? [a.at(-2)] : []), ...(b.length > 1 ? [b.at(-1)] : [])];
  return [likeFirst(call, batch === undefined ? undefined : [...batch, ...tail])];
}

/**
 * The inner axes are one set of channels; leading axes pair up as in broadcasting; rows come from the left operand
 * and columns from the right. A block over a leading and an inner axis (heads) is tied to its leading axis.
 */
function coupleMatMul(c: Couplings): void {
  const a = c.inputs[0]?.shape;
  const b = c.inputs[1]?.shape;
  if (a === undefined || b === undefined || a.length < 2 || b.length < 2) {
    c.lockInput(0, "MatMul needs operands of known rank with two axes or more");
    c.lockInput(1, "MatMul needs operands of known rank with two axes or more");
    return;
  }
  const rank = Math.max(a.length, b.length);
  const blocks: LabelBlock[] = [];
  for (let axis = 0; axis < rank - 2; axis++) blocks.push(...coupleBatchAxis(c, axis, rank, a, b));
  const inner = c.labelsOf(0, a.length - 1);
  c.unify(inner, c.labelsOf(1, b.length - 2), "it is multiplied with an axis that is fixed");
  if (c.isConstant(0)) c.read(1, b.length - 2);
  else c.read(0, a.length - 1);
  if (c.isConstant(0)) c.produce(0, a.length - 2);
  const rows = c.axisBlock(0, a.length - 2);
  const columns = c.isConstant(1) ? c.produce(1, b.length - 1) : c.labelsOf(1, b.length - 1);
  c.setOutput(0, [...blocks, ...blockOn(rank - 2, rows), ...blockFor(rank - 1, columns)]);
}

function coupleBatchAxis(
  c: Couplings,
  axis: number,
  rank: number,
  a: readonly Dim[],
  b: readonly Dim[],
): LabelBlock[] {
  const left = axis - (rank - a.length);
  const right = axis - (rank - b.length);
  const hasLeft = left >= 0 && a[left] !== 1;
  const hasRight = right >= 0 && b[right] !== 1;
  const block = hasLeft ? c.axisBlock(0, left) : hasRight ? c.axisBlock(1, right) : undefined;
  if (hasLeft && hasRight)
    unifyBlocks(c, block, c.axisBlock(1, right), "it is multiplied with an axis that is fixed");
  return blockOn(axis, block);
}

function matMulMacs(
  call: InferCall & { readonly outputs: readonly (Fact | undefined)[] },
): readonly CostTerm[] {
  const a = call.inputs[0]?.shape;
  const out = call.outputs[0]?.shape;
  if (a === undefined || out === undefined) return [];
  const axes = out.map((_, axis) => ({ value: call.node.outputs[0]!, axis }));
  return [{ coefficient: 1, axes: [...axes, { value: call.node.inputs[0]!, axis: a.length - 1 }] }];
}

export const linear: Readonly<Record<string, Operator>> = {
  Gemm: { infer: inferGemm, macs: gemmMacs, couple: coupleGemm },
  MatMul: { infer: inferMatMul, macs: matMulMacs, couple: coupleMatMul },
};
