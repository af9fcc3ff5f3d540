/** @file Reductions and softmaxes: which axes they mix over, and which sums leave room for absent channels. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import type { Couplings, Fact, InferCall, MaskCall, Operator } from "../operator.ts";
import { presentMean } from "../present-mean.ts";
import { axesOf, fromFront, likeFirst, passThrough, renumberBlocks, shapeOf } from "../shapes.ts";

/** What a reduction folds. */
export interface Reduced {
  readonly axes: ReadonlySet<number>;
  readonly keep: boolean;
}

/** The axes, counted from the front, that a reduction of a value with `rank` axes folds; undefined when not known. */
export function reducedAxes(call: Pick<InferCall, "node" | "inputs">, rank: number): Reduced | undefined {
  const { given, axes } = axesOf(call, 1);
  if (given && axes === undefined) return undefined;
  const keep = intAttribute(call.node, "keepdims", 1) === 1;
  const none = axes === undefined || axes.length === 0;
  if (none && intAttribute(call.node, "noop_with_empty_axes", 0) === 1) return { axes: new Set(), keep };
  const list = none
    ? Array.from({ length: rank }, (_, axis) => axis)
    : axes.map((axis) => fromFront(axis, rank));
  return { axes: new Set(list), keep };
}

function inferReduce(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const reduced = x === undefined ? undefined : reducedAxes(call, x.length);
  if (x === undefined || reduced === undefined) return [likeFirst(call, undefined)];
  return [likeFirst(call, reducedShape(x, reduced))];
}

function reducedShape(x: readonly Dim[], { axes, keep }: Reduced): Dim[] {
  return x.flatMap((size, axis): Dim[] => (axes.has(axis) ? (keep ? [1] : []) : [size]));
}

/**
 * Sums see an absent channel as zero, which is what its removal leaves. Means are taken over the channels that are there.
 * Extremes and products know no such value.
 */
function coupleReduce(canMiss: boolean) {
  return (c: Couplings): void => {
    const rank = c.inputs[0]?.shape?.length;
    const reduced = rank === undefined ? undefined : reducedAxes(c, rank);
    if (rank === undefined || reduced === undefined) {
      c.lockInput(0, "the axes it is reduced over are not known");
      return;
    }
    for (const axis of reduced.axes) {
      const labels = c.labelsOf(0, axis);
      if (canMiss) c.read(0, axis);
      else c.lock(labels, `${c.node.opType} mixes over it`);
    }
    setReduced(c, rank, reduced);
  };
}

/** The mean written out as one over the channels that are there. */
function maskedMean(call: MaskCall): void {
  const rank = call.inputs[0]!.shape!.length;
  const { axes, keep } = reducedAxes(call, rank)!;
  const mean = presentMean(call, call.node.inputs[0]!, [...axes]);
  call.finish(keep ? mean : squeezed(call, mean, [...axes]));
}

function squeezed({ emit, standardOpset }: MaskCall, name: string, axes: readonly number[]): string {
  if (standardOpset < 13) return emit.node("Squeeze", [name], { axes });
  return emit.node("Squeeze", [name, emit.ints(axes)]);
}

function setReduced(c: Couplings, rank: number, { axes, keep }: Reduced): void {
  const left = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !axes.has(axis));
  c.setOutput(
    0,
    renumberBlocks(c.blocksOf(0), (axis) => {
      if (axes.has(axis)) return undefined;
      return keep ? axis : left.indexOf(axis);
    }),
  );
}

function argReduced(call: Pick<InferCall, "node">, rank: number): Reduced {
  const axis = fromFront(intAttribute(call.node, "axis", 0), rank);
  return { axes: new Set([axis]), keep: intAttribute(call.node, "keepdims", 1) === 1 };
}

const arg: Operator = {
  infer: (call) => {
    const x = shapeOf(call, 0);
    return [
      { dtype: "int64", shape: x === undefined ? undefined : reducedShape(x, argReduced(call, x.length)) },
    ];
  },
  couple: (c) => {
    const rank = c.inputs[0]?.shape?.length;
    if (rank === undefined) {
      c.lockInput(0, "its rank is not known");
      return;
    }
    const reduced = argReduced(c, rank);
    for (const axis of reduced.axes) c.lock(c.labelsOf(0, axis), `${c.node.opType} compares along it`);
    setReduced(c, rank, reduced);
  },
};

/** Before operator set 13 a softmax runs over all axes from `axis` on; since then over that axis alone. */
const softmax: Operator = {
  infer: (call) => [likeFirst(call, shapeOf(call, 0))],
  couple: (c) => {
    const rank = c.inputs[0]?.shape?.length;
    if (rank === undefined) {
      c.lockInput(0, "its rank is not known");
      return;
    }
    const axis = fromFront(intAttribute(c.node, "axis", c.opset < 13 ? 1 : -1), rank);
    for (let k = axis; k < (c.opset < 13 ? rank : axis + 1); k++)
      c.lock(c.labelsOf(0, k), `${c.node.opType} mixes over it`);
    passThrough(c);
  },
};

const sum: Operator = { infer: inferReduce, couple: coupleReduce(true) };
const mean: Operator = { infer: inferReduce, couple: coupleReduce(true), masked: maskedMean };
const mixing: Operator = { infer: inferReduce, couple: coupleReduce(false) };

export const reduction: Readonly<Record<string, Operator>> = {
  ReduceSum: sum,
  ReduceL1: sum,
  ReduceL2: sum,
  ReduceSumSquare: sum,
  ReduceMean: mean,
  ReduceMax: mixing,
  ReduceMin: mixing,
  ReduceProd: mixing,
  ReduceLogSum: mixing,
  ReduceLogSumExp: mixing,
  ArgMax: arg,
  ArgMin: arg,
  Softmax: softmax,
  LogSoftmax: softmax,
  Hardmax: softmax,
};
