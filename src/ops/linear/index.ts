/** @file Gemm and MatMul: dense layers, and products of activations as in attention. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { blockOn, unifyBlocks } from "../label-blocks.ts";
import type { CostTerm, Couplings, Fact, InferCall, LabelBlock, Operator } from "../operator.ts";
import { blockFor, broadcastShape, likeFirst, shapeOf } from "../shapes.ts";
import { einsum } from "./einsum.ts";

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

/** The last two axes of both operands; onnxruntime's FusedMatMul may swap them. */
interface MatMulAxes {
  readonly rows: number;
  readonly leftInner: number;
  readonly rightInner: number;
  readonly columns: number;
}

function matMulAxes(node: InferCall["node"], a: readonly Dim[], b: readonly Dim[]): MatMulAxes {
  const isFused = node.opType === "FusedMatMul";
  const transA = isFused ? intAttribute(node, "transA", 0) : 0;
  const transB = isFused ? intAttribute(node, "transB", 0) : 0;
  return {
    rows: a.length - 2 + transA,
    leftInner: a.length - 1 - transA,
    rightInner: b.length - 2 + transB,
    columns: b.length - 1 - transB,
  };
}

function inferMatMul(call: InferCall): readonly Fact[] {
  const a = shapeOf(call, 0);
  const b = shapeOf(call, 1);
  if (intAttribute(call.node, "transBatchA", 0) + intAttribute(call.node, "transBatchB", 0) > 0)
    return [likeFirst(call, undefined)];
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0)
    return [likeFirst(call, undefined)];
  const batch = broadcastShape([a.slice(0, -2), b.slice(0, -2)]);
  const { rows, columns } = matMulAxes(call.node, a, b);
  const tail: Dim[] = [...(a.length > 1 ? [a[rows]] : []), ...(b.length > 1 ? [b[columns]] : [])];
  return [likeFirst(call, batch === undefined ? undefined : [...batch, ...tail])];
}

/**
 * The inner axes are one set of channels; leading axes pair up as in broadcasting; rows come from the left operand
 * and columns from the right. A block over a leading and an inner axis (heads) is tied to its leading axis.
 */
function coupleMatMul(c: Couplings): void {
  const a = c.inputs[0]?.shape;
  const b = c.inputs[1]?.shape;
  if (
    a === undefined ||
    b === undefined ||
    a.length < 2 ||
    b.length < 2 ||
    c.outputs[0]?.shape === undefined
  ) {
    const why = `${c.node.opType} needs operands of known rank with two axes or more`;
    for (const input of [0, 1]) c.lockInput(input, why);
    return;
  }
  const axes = matMulAxes(c.node, a, b);
  const rank = Math.max(a.length, b.length);
  const blocks: LabelBlock[] = [];
  for (let axis = 0; axis < rank - 2; axis++) blocks.push(...coupleBatchAxis(c, axis, rank, a, b));
  const inner = c.labelsOf(0, axes.leftInner);
  c.unify(inner, c.labelsOf(1, axes.rightInner), "it is multiplied with an axis that is fixed");
  if (c.isConstant(0)) c.read(1, axes.rightInner);
  else c.read(0, axes.leftInner);
  if (c.isConstant(0)) c.produce(0, axes.rows);
  if (c.isConstant(1)) c.produce(1, axes.columns);
  const rows = c.axisBlock(0, axes.rows);
  const columns = c.axisBlock(1, axes.columns);
  c.setOutput(0, [...blocks, ...blockOn(rank - 2, rows), ...blockOn(rank - 1, columns)]);
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
  const b = call.inputs[1]?.shape;
  const out = call.outputs[0]?.shape;
  if (a === undefined || b === undefined || out === undefined) return [];
  const axes = out.map((_, axis) => ({ value: call.node.outputs[0]!, axis }));
  const inner = { value: call.node.inputs[0]!, axis: matMulAxes(call.node, a, b).leftInner };
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
export const contribLinear: Readonly<Record<string, Operator>> = { FusedGemm: gemm, FusedMatMul: matMul };
