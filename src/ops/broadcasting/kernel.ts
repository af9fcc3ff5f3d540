/** @file Operators over several operands broadcast to one shape. */
import { intAttribute } from "../../graph/attributes.ts";
import { allocate, isFloat } from "../../tensor/dtype.ts";
import { toNumbers } from "../../tensor/tensor.ts";
import type { Kernel } from "../kernel.ts";
import { broadcastPositions, broadcastShape } from "../kernel-support/broadcast.ts";
import { required, unsupported } from "../kernel-support/call.ts";
import { broadcastMap } from "../kernel-support/elementwise.ts";

/** The result has the element type of the first operand. */
function binary(f: (a: number, b: number) => number): Kernel {
  return (call) => {
    const [a, b] = [required(call, 0), required(call, 1)];
    return [broadcastMap(call, [a, b], a.dtype, f)];
  };
}

function comparison(f: (a: number, b: number) => boolean): Kernel {
  return (call) => [
    broadcastMap(call, [required(call, 0), required(call, 1)], "bool", (a, b) => Number(f(a, b))),
  ];
}

/** One or more operands, folded from the left. */
function fold(
  f: (a: number, b: number) => number,
  finish = (total: number, _count: number) => total,
): Kernel {
  return (call) => {
    const operands = call.inputs.map((_, position) => required(call, position));
    const { dtype } = required(call, 0);
    return [
      broadcastMap(call, operands, dtype, (...values) =>
        finish(
          values.reduce((a, b) => f(a, b)),
          values.length,
        ),
      ),
    ];
  };
}

/** Integers divide towards zero. @throws {PrunerError} `kernel-unsupported` for an integer divided by zero. */
const div: Kernel = (call) => {
  const [a, b] = [required(call, 0), required(call, 1)];
  if (isFloat(a.dtype)) return [broadcastMap(call, [a, b], a.dtype, (x, y) => x / y)];
  if (toNumbers(b).includes(0)) throw unsupported(call, "an integer divided by zero");
  return [broadcastMap(call, [a, b], a.dtype, (x, y) => Math.trunc(x / y))];
};

/** fmod = 1: the sign of the dividend, as in C; fmod = 0: the sign of the divisor, as in Python. */
const mod: Kernel = (call) => {
  const [a, b] = [required(call, 0), required(call, 1)];
  if (!isFloat(a.dtype) && toNumbers(b).includes(0)) throw unsupported(call, "an integer divided by zero");
  const asInC = intAttribute(call.node, "fmod", 0) !== 0;
  return [broadcastMap(call, [a, b], a.dtype, (x, y) => (asInC ? x % y : x - y * Math.floor(x / y)))];
};

/** x where x is not negative, slope · x elsewhere; the slope broadcasts to x and not the other way round. */
const pRelu: Kernel = (call) => {
  const [x, slope] = [required(call, 0), required(call, 1)];
  return [broadcastMap(call, [x, slope], x.dtype, (value, factor) => (value < 0 ? value * factor : value))];
};

/** Picks elements without looking at them, so any element type keeps its exact bits. */
const where: Kernel = (call) => {
  const [condition, yes, no] = [required(call, 0), required(call, 1), required(call, 2)];
  const shape = broadcastShape([condition.shape, yes.shape, no.shape]);
  if (shape === undefined) throw unsupported(call, "shapes that do not broadcast");
  const [at, yesAt, noAt] = [condition, yes, no].map((operand) => broadcastPositions(operand.shape, shape));
  const out = allocate(yes.dtype, at!.length);
  for (let k = 0; k < out.length; k++) {
    out[k] = condition.data[at![k]!] !== 0 ? yes.data[yesAt![k]!]! : no.data[noAt![k]!]!;
  }
  return [{ dtype: yes.dtype, shape, data: out }];
};

export const broadcastingKernels: Readonly<Record<string, Kernel>> = {
  Add: binary((a, b) => a + b),
  And: binary((a, b) => a & b),
  Div: div,
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  Max: fold(Math.max),
  Mean: fold(
    (a, b) => a + b,
    (total, count) => total / count,
  ),
  Min: fold(Math.min),
  Mod: mod,
  Mul: binary((a, b) => a * b),
  Or: binary((a, b) => a | b),
  PRelu: pRelu,
  Pow: binary((a, b) => a ** b),
  Sub: binary((a, b) => a - b),
  Sum: fold((a, b) => a + b),
  Where: where,
  Xor: binary((a, b) => a ^ b),
};
