/** @file Operators for which the order of positions along some axes matters: sums so far, the best few, triangles. */
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import type { Couplings, Fact, InferCall, Operator } from "../operator.ts";
import { fromFront, likeFirst, numbersOf, passThrough, shapeOf, untangledBlocks } from "../shapes.ts";

type Call = Pick<InferCall, "node" | "inputs">;

/** Channels on these axes stay, since all of them have a say in every position; other axes pass. */
function keepsOrder(axesOf: (call: Call, rank: number) => readonly number[] | undefined) {
  return (c: Couplings): void => {
    const rank = c.inputs[0]?.shape?.length;
    const axes = rank === undefined ? undefined : axesOf(c, rank);
    if (axes === undefined) {
      c.lockInput(0, "the axes it is ordered along are not known");
      return;
    }
    for (const axis of axes) c.lock(c.labelsOf(0, axis), `${c.node.opType} goes by the order along it`);
    passThrough(c);
  };
}

const sameShape = (call: InferCall): readonly Fact[] => [likeFirst(call, shapeOf(call, 0))];

export const cumSum: Operator = {
  infer: sameShape,
  couple: keepsOrder((call, rank) => numbersOf(call.inputs[1])?.map((axis) => fromFront(axis, rank))),
};

export const trilu: Operator = {
  infer: sameShape,
  couple: keepsOrder((_, rank) => [rank - 2, rank - 1]),
};

export const reverseSequence: Operator = {
  infer: sameShape,
  couple: keepsOrder(({ node }) => [intAttribute(node, "batch_axis", 1), intAttribute(node, "time_axis", 0)]),
};

/** Before operator set 10 the number is an attribute. */
function inferTopK(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const count = intAttribute(call.node, "k") ?? numbersOf(call.inputs[1])?.[0];
  const axis = topKAxis(call, x?.length ?? 0);
  const shape = x?.map((size, other): Dim => (other === axis ? count : size));
  return [likeFirst(call, shape), { dtype: "int64", shape }];
}

function topKAxis({ node }: Call, rank: number): number {
  return fromFront(intAttribute(node, "axis", -1), rank);
}

function coupleTopK(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  if (rank === undefined) {
    c.lockInput(0, "its rank is not known");
    return;
  }
  const axis = topKAxis(c, rank);
  const blocks = untangledBlocks(c, 0, new Set([axis]));
  c.lock(c.labelsOf(0, axis), "TopK compares along it");
  const others = blocks.filter(({ axes }) => !axes.includes(axis));
  for (const output of c.node.outputs.keys()) c.setOutput(output, others);
}

export const topK: Operator = { infer: inferTopK, couple: coupleTopK };

/** Before operator set 20 the axis is an attribute; the last axis holds one number or two, real and imaginary. */
function fourierAxis({ node, inputs }: Call, opset: number, rank: number): number | undefined {
  if (opset < 20) return fromFront(intAttribute(node, "axis", 1), rank);
  if ((node.inputs[2] ?? "") === "") return rank - 2;
  const [axis] = numbersOf(inputs[2]) ?? [];
  return axis === undefined ? undefined : fromFront(axis, rank);
}

function inferFourier(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const axis = x === undefined ? undefined : fourierAxis(call, call.opset, x.length);
  if (x === undefined || axis === undefined)
    return [
      likeFirst(
        call,
        x?.map(() => undefined),
      ),
    ];
  const asked = (call.node.inputs[1] ?? "") === "" ? x[axis] : numbersOf(call.inputs[1])?.[0];
  const isHalf = intAttribute(call.node, "onesided", 0) === 1;
  const half = typeof asked === "number" ? Math.floor(asked / 2) + 1 : undefined;
  const isInverse = intAttribute(call.node, "inverse", 0) === 1;
  const shape = x.map(
    (size, k): Dim => (k === axis ? (isHalf ? (isInverse ? undefined : half) : asked) : size),
  );
  shape[x.length - 1] = isHalf && isInverse ? 1 : 2;
  return [likeFirst(call, shape)];
}

export const fourier: Operator = {
  infer: inferFourier,
  couple: (c) =>
    keepsOrder((call, rank) => {
      const axis = fourierAxis(call, c.opset, rank);
      return axis === undefined ? undefined : [axis, rank - 1];
    })(c),
};

/** Cropped or padded to these sizes, all axes where none are named. */
function cropped({ node }: Call, rank: number): readonly number[] {
  const named = intsAttribute(node, "axes") ?? Array.from({ length: rank }, (_, axis) => axis);
  return named.map((axis) => fromFront(axis, rank));
}

export const centerCropPad: Operator = {
  infer: (call) => {
    const x = shapeOf(call, 0);
    if (x === undefined) return [likeFirst(call, undefined)];
    const sizes = call.inputs[1]?.elements ?? numbersOf(call.inputs[1]);
    const axes = cropped(call, x.length);
    return [
      likeFirst(
        call,
        x.map((size, axis): Dim => (axes.includes(axis) ? sizes?.[axes.indexOf(axis)] : size)),
      ),
    ];
  },
  couple: keepsOrder(cropped),
};
