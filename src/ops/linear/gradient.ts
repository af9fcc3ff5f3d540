/** @file Gradients of Gemm and MatMul (and, beside them, Einsum): products with the other operand transposed. */
import { floatAttribute, intAttribute } from "../../graph/attributes.ts";
import { float } from "../../graph/emitter.ts";
import type { Dim } from "../../graph/model.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { reduceTo } from "../gradient-support/reduce-to.ts";
import { shapeOf } from "../shapes.ts";
import { einsumGradient } from "./einsum-gradient.ts";

/** alpha · A' · B' + beta · C, where ' is transposition if so told. */
const gemm: GradientRule = (call) => {
  const { emit, node } = call;
  const [a, b] = node.inputs as [string, string];
  const gradient = call.gradients[0]!;
  const [transA, transB] = [intAttribute(node, "transA", 0), intAttribute(node, "transB", 0)];
  const alpha = float(floatAttribute(node, "alpha", 1));
  const product = (left: string, right: string, turnLeft: number, turnRight: number): string =>
    emit.node("Gemm", [left, right], { alpha, transA: turnLeft, transB: turnRight });
  const toA = () => (transA === 0 ? product(gradient, b, 0, 1 - transB) : product(b, gradient, transB, 1));
  const toB = () => (transB === 0 ? product(a, gradient, 1 - transA, 0) : product(gradient, a, 1, transA));
  return [
    call.wants(0) ? toA() : undefined,
    call.wants(1) ? toB() : undefined,
    call.wants(2) ? gemmAddend(call) : undefined,
  ];
};

function gemmAddend(call: GradientCall): string {
  const beta = floatAttribute(call.node, "beta", 1);
  const total = reduceTo(call, call.gradients[0]!, call.outputs[0]?.shape, shapeOf(call, 2));
  return beta === 1 ? total : call.emit.node("Mul", [total, call.emit.scalar(beta, call.dtype)]);
}

/** An operand of a product with its matrix axes, whether or not the model wrote them. */
interface Matrix {
  readonly name: string;
  readonly shape: readonly Dim[];
}

/** Operands with one axis are a row on the left and a column on the right; their gradients lose that axis again. */
const matMul: GradientRule = (call) => {
  const { emit, node } = call;
  const [a, b] = [shapeOf(call, 0), shapeOf(call, 1)];
  if (a === undefined || b === undefined) return call.refuse("the shapes of its operands are not known");
  const [isRow, isColumn] = [a.length === 1, b.length === 1];
  const matrix = (input: number, shape: readonly Dim[], axis: number | undefined): Matrix =>
    axis === undefined
      ? { name: node.inputs[input]!, shape }
      : {
          name: emit.node("Unsqueeze", [node.inputs[input]!, emit.ints([axis])]),
          shape: shape.toSpliced(axis, 0, 1),
        };
  const left = matrix(0, a, isRow ? 0 : undefined);
  const right = matrix(1, b, isColumn ? 1 : undefined);
  const missing = [...(isRow ? [-2] : []), ...(isColumn ? [-1] : [])];
  const gradient =
    missing.length === 0
      ? call.gradients[0]!
      : emit.node("Unsqueeze", [call.gradients[0]!, emit.ints(missing)]);
  const lessAxis = (value: string, axis: number, drop: boolean): string =>
    drop ? emit.node("Squeeze", [value, emit.ints([axis])]) : value;
  return [
    call.wants(0) ? lessAxis(toLeft(call, left, right, gradient), 0, isRow) : undefined,
    call.wants(1) ? lessAxis(toRight(call, left, right, gradient), 1, isColumn) : undefined,
  ];
};

function toLeft(call: GradientCall, left: Matrix, right: Matrix, gradient: string): string {
  const product = call.emit.node("MatMul", [gradient, transposed(call, right)]);
  return reduceBatch(call, product, left);
}

/** A weight without batch axes takes one flat product, which sums over the batch by itself. */
function toRight(call: GradientCall, left: Matrix, right: Matrix, gradient: string): string {
  const { emit } = call;
  if (right.shape.length === 2) {
    const flat = (value: string): string =>
      left.shape.length === 2 ? value : emit.node("Flatten", [value], { axis: -1 });
    return emit.node("Gemm", [flat(left.name), flat(gradient)], { transA: 1 });
  }
  const product = emit.node("MatMul", [transposed(call, left), gradient]);
  return reduceBatch(call, product, right);
}

/** Sums over the leading axes along which an operand was repeated; its matrix axes are as they were. */
function reduceBatch(call: GradientCall, product: string, { shape }: Matrix): string {
  const [a, b, out] = [shapeOf(call, 0)!, shapeOf(call, 1)!, call.outputs[0]?.shape];
  const batch = out?.slice(0, Math.max(a.length, b.length, 2) - 2);
  const matrix = ["rows", "columns"];
  return reduceTo(call, product, batch && [...batch, ...matrix], [...shape.slice(0, -2), ...matrix]);
}

/** With the last two axes exchanged; the runtime joins this with the product. */
function transposed(call: GradientCall, { name, shape }: Matrix): string {
  const rank = shape.length;
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  return call.emit.node("Transpose", [name], { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
}

export const linearGradients: Readonly<Record<string, GradientRule>> = {
  Gemm: gemm,
  MatMul: matMul,
  Einsum: einsumGradient,
};
