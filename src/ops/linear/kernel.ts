/** @file Gemm, MatMul and Einsum. */
import { floatAttribute, intAttribute, stringAttribute } from "../../graph/attributes.ts";
import { fromNumbers, sizeOf, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel } from "../kernel.ts";
import { broadcastPositions, broadcastShape, positionsBySteps } from "../kernel-support/broadcast.ts";
import { required, unsupported } from "../kernel-support/call.ts";

/** alpha · A' · B' + beta · C, with C broadcast to [M, N]. */
const gemm: Kernel = (call) => {
  const { node, inputs } = call;
  const [a, b, c] = [required(call, 0), required(call, 1), inputs[2]];
  const [transA, transB] = [intAttribute(node, "transA", 0) !== 0, intAttribute(node, "transB", 0) !== 0];
  const [alpha, beta] = [floatAttribute(node, "alpha", 1), floatAttribute(node, "beta", 1)];
  const [rows, depth] = transA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
  const [depthB, columns] = transB ? [b.shape[1]!, b.shape[0]!] : [b.shape[0]!, b.shape[1]!];
  if (depth !== depthB) throw unsupported(call, `inner sizes ${depth} and ${depthB}`);
  const [as, bs] = [toNumbers(a), toNumbers(b)];
  const bias = c === undefined ? undefined : toNumbers(c);
  const biasAt = c === undefined ? undefined : broadcastPositions(c.shape, [rows, columns]);
  const out = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) {
        sum += as[transA ? k * rows + i : i * depth + k]! * bs[transB ? j * depth + k : k * columns + j]!;
      }
      const at = i * columns + j;
      out[at] = alpha * sum + (bias === undefined ? 0 : beta * bias[biasAt![at]!]!);
    }
  }
  return [fromNumbers(a.dtype, [rows, columns], out)];
};

/** NumPy's matmul: leading axes broadcast, operands with one axis are a row or a column. */
const matMul: Kernel = (call) => {
  const [a, b] = [required(call, 0), required(call, 1)];
  const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const [rows, depth] = [left.at(-2)!, left.at(-1)!];
  const columns = right.at(-1)!;
  const batch = broadcastShape([left.slice(0, -2), right.slice(0, -2)]);
  if (batch === undefined || right.at(-2) !== depth) {
    throw unsupported(call, `shapes [${a.shape.join(", ")}] and [${b.shape.join(", ")}]`);
  }
  const [leftAt, rightAt] = [left, right].map((shape) => broadcastPositions(shape.slice(0, -2), batch));
  const [as, bs] = [toNumbers(a), toNumbers(b)];
  const out = new Float64Array(sizeOf(batch) * rows * columns);
  for (let n = 0; n < sizeOf(batch); n++) {
    const [startA, startB] = [leftAt![n]! * rows * depth, rightAt![n]! * depth * columns];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < depth; k++) sum += as[startA + i * depth + k]! * bs[startB + k * columns + j]!;
        out[(n * rows + i) * columns + j] = sum;
      }
    }
  }
  const matrix = [...(a.shape.length === 1 ? [] : [rows]), ...(b.shape.length === 1 ? [] : [columns])];
  return [fromNumbers(a.dtype, [...batch, ...matrix], out)];
};

/** Sums of products over named axes, by visiting every combination of them. */
const einsum: Kernel = (call) => {
  const equation = stringAttribute(call.node, "equation", "").replaceAll(" ", "");
  const [left, right] = equation.split("->") as [string, string | undefined];
  const terms = left.split(",");
  if (equation.includes(".")) throw unsupported(call, `the ellipsis in "${equation}"`);
  const operands = terms.map((_, position) => required(call, position));
  const sizes = new Map<string, number>();
  terms.forEach((term, t) => {
    if (term.length !== operands[t]!.shape.length) throw unsupported(call, `"${term}" on input ${t}`);
    for (const [axis, letter] of [...term].entries()) sizes.set(letter, operands[t]!.shape[axis]!);
  });
  const output = right ?? lettersUsedOnce(terms);
  const letters = [...output, ...[...sizes.keys()].filter((letter) => !output.includes(letter))];
  const shape = letters.map((letter) => sizes.get(letter)!);
  const positions = operands.map((operand, t) => stepsThrough(terms[t]!, operand.shape, letters, shape));
  const numbers = operands.map(toNumbers);
  const outShape = shape.slice(0, output.length);
  const inner = sizeOf(shape.slice(output.length));
  const out = new Float64Array(sizeOf(outShape));
  for (let at = 0; at < sizeOf(shape); at++) {
    let product = 1;
    for (let t = 0; t < terms.length; t++) product *= numbers[t]![positions[t]![at]!]!;
    out[Math.floor(at / inner)]! += product;
  }
  return [fromNumbers(operands[0]!.dtype, outShape, out)];
};

function lettersUsedOnce(terms: readonly string[]): string {
  const all = [...terms.join("")];
  return all
    .filter((letter) => all.filter((other) => other === letter).length === 1)
    .sort()
    .join("");
}

/** Where a term's operand is read while all letters are walked in row-major order. */
function stepsThrough(
  term: string,
  operandShape: readonly number[],
  letters: readonly string[],
  shape: readonly number[],
): Int32Array {
  const steps = new Array<number>(letters.length).fill(0);
  let step = 1;
  for (let axis = term.length - 1; axis >= 0; axis--) {
    steps[letters.indexOf(term[axis]!)]! += step; // a letter used twice walks the diagonal
    step *= operandShape[axis]!;
  }
  return positionsBySteps(shape, steps);
}

export const linearKernels: Readonly<Record<string, Kernel>> = { Einsum: einsum, Gemm: gemm, MatMul: matMul };
