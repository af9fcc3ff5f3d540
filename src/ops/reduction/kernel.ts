/** @file Operators that fold axes away, and the soft maxima along them. */
import { intAttribute } from "../../graph/attributes.ts";
import { fromNumbers, sizeOf, type Tensor, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { axisOf, intsOf, required } from "../kernel-support/call.ts";
import { around } from "../kernel-support/move.ts";

/**
 * A fold of the listed axes (attribute or input). When none are listed, of all axes, or with
 * `noop_with_empty_axes` of every element by itself (so that ReduceL1 is |x|).
 */
function reduce(f: (values: Float64Array) => number): Kernel {
  return (call) => {
    const x = required(call, 0);
    const rank = x.shape.length;
    const listed = intsOf(call, 1, "axes") ?? [];
    const elementwise = listed.length === 0 && intAttribute(call.node, "noop_with_empty_axes", 0) !== 0;
    const all = listed.length === 0 && !elementwise;
    const axes = new Set(all ? x.shape.keys() : listed.map((axis) => axisOf(call, axis, rank)));
    const { runs, kept } = gathered(x, axes);
    const full = x.shape.map((size, axis) => (axes.has(axis) ? 1 : size));
    const shape = intAttribute(call.node, "keepdims", 1) !== 0 ? full : kept;
    return [fromNumbers(x.dtype, shape, runs.map(f))];
  };
}

/** The elements that fold into each output element, in order. */
function gathered(x: Tensor, axes: ReadonlySet<number>): { runs: Float64Array[]; kept: number[] } {
  const kept = x.shape.filter((_, axis) => !axes.has(axis));
  const folded = sizeOf(x.shape) / Math.max(1, sizeOf(kept));
  const runs = Array.from({ length: sizeOf(kept) }, () => new Float64Array(folded));
  const filled = new Uint32Array(runs.length);
  const values = toNumbers(x);
  const at = x.shape.map(() => 0);
  for (const value of values) {
    const run = at.reduce(
      (sum, position, axis) => (axes.has(axis) ? sum : sum * x.shape[axis]! + position),
      0,
    );
    runs[run]![filled[run]!++] = value;
    for (let axis = at.length - 1; axis >= 0 && ++at[axis]! === x.shape[axis]; axis--) at[axis] = 0;
  }
  return { runs, kept };
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
const squares = (values: Float64Array): number => values.reduce((a, b) => a + b * b, 0);

/** log Σ e^x without overflow. */
function logSumExp(values: Float64Array): number {
  const top = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(values.reduce((total, value) => total + Math.exp(value - top), 0));
}

/** Position of the best element along one axis; ties go to the first unless `select_last_index`. */
function positionOfBest(better: (a: number, b: number) => boolean): Kernel {
  return (call) => {
    const x = required(call, 0);
    const axis = axisOf(call, intAttribute(call.node, "axis", 0), x.shape.length);
    const last = intAttribute(call.node, "select_last_index", 0) !== 0;
    const { runs, kept } = gathered(x, new Set([axis]));
    const winners = runs.map((run) =>
      run.reduce(
        (best, value, k) => (better(value, run[best]!) || (last && value === run[best]) ? k : best),
        0,
      ),
    );
    const full = x.shape.map((size, a) => (a === axis ? 1 : size));
    return [fromNumbers("int64", intAttribute(call.node, "keepdims", 1) !== 0 ? full : kept, winners)];
  };
}

/** Along one axis from opset 13 on; before, over all axes from `axis` on, flattened. */
function softened(f: (value: number, logTotal: number) => number): Kernel {
  return (call) => {
    const x = required(call, 0);
    const values = toNumbers(x);
    const out = new Float64Array(values.length);
    const { outer, size, inner } = extentOf(call, x);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const at = (k: number) => (o * size + k) * inner + i;
        const total = logSumExp(Float64Array.from({ length: size }, (_, k) => values[at(k)]!));
        for (let k = 0; k < size; k++) out[at(k)] = f(values[at(k)]!, total);
      }
    }
    return [fromNumbers(x.dtype, x.shape, out)];
  };
}

function extentOf(call: KernelCall, x: Tensor): { outer: number; size: number; inner: number } {
  const flattens = call.opset < 13;
  const axis = axisOf(call, intAttribute(call.node, "axis", flattens ? 1 : -1), x.shape.length);
  if (!flattens) return around(x.shape, axis);
  return { outer: sizeOf(x.shape.slice(0, axis)), size: sizeOf(x.shape.slice(axis)), inner: 1 };
}

export const reductionKernels: Readonly<Record<string, Kernel>> = {
  ArgMax: positionOfBest((a, b) => a > b),
  ArgMin: positionOfBest((a, b) => a < b),
  LogSoftmax: softened((value, logTotal) => value - logTotal),
  ReduceL1: reduce((values) => values.reduce((a, b) => a + Math.abs(b), 0)),
  ReduceL2: reduce((values) => Math.sqrt(squares(values))),
  ReduceLogSum: reduce((values) => Math.log(sum(values))),
  ReduceLogSumExp: reduce(logSumExp),
  ReduceMax: reduce((values) => values.reduce((a, b) => Math.max(a, b), -Infinity)),
  ReduceMean: reduce((values) => sum(values) / values.length),
  ReduceMin: reduce((values) => values.reduce((a, b) => Math.min(a, b), Infinity)),
  ReduceProd: reduce((values) => values.reduce((a, b) => a * b, 1)),
  ReduceSum: reduce(sum),
  ReduceSumSquare: reduce(squares),
  Softmax: softened((value, logTotal) => Math.exp(value - logTotal)),
};
