/** @file Reductions and softmaxes: which axes they mix over, and which sums leave room for absent channels. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { codeOf } from "../../onnx/element-types.ts";
import { isFloat } from "../../tensor/dtype.ts";
import type { Couplings, Fact, InferCall, MaskCall, Operator } from "../operator.ts";
import { presentMean } from "../present-mean.ts";
import { far, presentOnly } from "../present-only.ts";
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
 * Sums see an absent channel as zero, which is what its removal leaves. Everything else is taken over the channels that
 * are there.
 */
function coupleReduce(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  const reduced = rank === undefined ? undefined : reducedAxes(c, rank);
  if (rank === undefined || reduced === undefined) {
    c.lockInput(0, "the axes it is reduced over are not known");
    return;
  }
  besideAxes(c, reduced.axes);
  for (const axis of reduced.axes) readChannels(c, axis);
  setReduced(c, rank, reduced);
}

/** Whole numbers cannot be masked. */
function readChannels(c: Couplings, axis: number): void {
  const { dtype } = c.inputs[0]!;
  if (dtype === undefined || isFloat(dtype)) c.read(0, axis);
  else c.lock(c.labelsOf(0, axis), `${c.node.opType} mixes over it`);
}

/** The mean written out as one over the channels that are there. */
function maskedMean(call: MaskCall): void {
  const rank = call.inputs[0]!.shape!.length;
  const { axes, keep } = reducedAxes(call, rank)!;
  const mean = presentMean(call, call.node.inputs[0]!, [...axes]);
  call.finish(keep ? mean : squeezed(call, mean, [...axes]));
}

/**
 * The same reduction where absent channels read as a number that changes nothing.
 * @param distance In units of {@link far}, for extremes: what is taken over no channel at all is zero.
 */
function maskedWith({ distance, neutral = 0 }: { readonly distance?: number; readonly neutral?: number }) {
  return (call: MaskCall): void => {
    const { node, emit } = call;
    const { axes, keep } = reducedAxes(call, call.inputs[0]!.shape!.length)!;
    const list = [...axes];
    const { value, isThere } = presentOnly(
      call,
      list,
      distance === undefined ? neutral : distance * far(call),
    );
    const attributes = Object.fromEntries([...node.attributes, ["keepdims", 1] as const]);
    const made = emit.node(node.opType, [value, ...node.inputs.slice(1)], attributes);
    const result = distance === undefined ? made : emit.node("Mul", [made, anyOf(call, isThere, list)]);
    call.finish(keep ? result : squeezed(call, result, list));
  };
}

/** One where anything is there along the axes, else zero. */
function anyOf(
  { emit, standardOpset, inputs }: MaskCall,
  condition: string,
  axes: readonly number[],
): string {
  const share = emit.node("Cast", [condition], { to: codeOf(inputs[0]?.dtype ?? "float32") });
  if (standardOpset < 18) return emit.node("ReduceMax", [share], { axes, keepdims: 1 });
  return emit.node("ReduceMax", [share, emit.ints(axes)], { keepdims: 1 });
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

/** Channels over several axes of which a node mixes some, as it mixes branches, are those of the others. */
function besideAxes(c: Couplings, mixed: ReadonlySet<number>): void {
  for (const { axes } of c.blocksOf(0)) {
    const other = axes.findLast((axis) => !mixed.has(axis));
    if (axes.length > 1 && other !== undefined && axes.some((axis) => mixed.has(axis)))
      c.blockAlong(0, other);
  }
}

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
    const end = c.opset < 13 ? rank : axis + 1;
    if (end - axis === 1) besideAxes(c, new Set([axis]));
    for (let k = axis; k < end; k++) {
      if (end - axis === 1 && c.node.opType !== "Hardmax") readChannels(c, k);
      else c.lock(c.labelsOf(0, k), `${c.node.opType} mixes over it`);
    }
    passThrough(c);
  },
  masked: (call) => {
    const axes = call.masks.map(({ axis }) => axis);
    const { value } = presentOnly(call, axes, -far(call));
    call.emit.adopt({ ...call.node, inputs: [value] });
  },
};

const reduced = (masked?: (call: MaskCall) => void): Operator => ({
  infer: inferReduce,
  couple: coupleReduce,
  ...(masked !== undefined && { masked }),
});
const sum = reduced();

export const reduction: Readonly<Record<string, Operator>> = {
  ReduceSum: sum,
  ReduceL1: sum,
  ReduceL2: sum,
  ReduceSumSquare: sum,
  ReduceMean: reduced(maskedMean),
  ReduceMax: reduced(maskedWith({ distance: -1 })),
  ReduceMin: reduced(maskedWith({ distance: 1 })),
  ReduceProd: reduced(maskedWith({ neutral: 1 })),
  ReduceLogSum: sum,
  ReduceLogSumExp: reduced(maskedWith({ distance: -1 })),
  ArgMax: arg,
  ArgMin: arg,
  Softmax: softmax,
  LogSoftmax: softmax,
  Hardmax: softmax,
};
