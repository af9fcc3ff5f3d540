/** @file Expand: axes of size 1 stretched to a target shape. */
import type { Node } from "../../graph/model.ts";
import { int64 } from "../../tensor/tensor.ts";
import type { Couplings, Fact, InferCall, Operator, SliceCall } from "../operator.ts";
import { isComputed } from "../reshaping/index.ts";
import { broadcastShape, likeFirst, numbersOf, renumberBlocks, shapeOf } from "../shapes.ts";

function inferExpand(call: InferCall): readonly Fact[] {
  const target = call.inputs[1]?.elements ?? numbersOf(call.inputs[1]);
  return [likeFirst(call, broadcastShape([shapeOf(call, 0), target]))];
}

function coupleExpand(c: Couplings): void {
  const before = c.inputs[0]?.shape;
  const after = c.outputs[0]?.shape;
  if (before === undefined || after === undefined) {
    c.lockInput(0, "the shape it is expanded to is not known");
    return;
  }
  const offset = after.length - before.length;
  const stretched = (axis: number) => before[axis] === 1 && after[axis + offset] !== 1;
  const writable = after.every((size, axis) => typeof size === "number" || before[axis - offset] === size);
  if (writable) c.rewrites(1);
  else
    for (const axis of namedAxes(c, before.length))
      c.lock(c.labelsOf(0, axis), "its size is named beside an open one");
  c.setOutput(
    0,
    renumberBlocks(c.blocksOf(0), (axis) => (stretched(axis) ? undefined : axis + offset)),
  );
}

/** Axes of the input, of `rank` axes, whose size the target names; where it says 1 the size is left as it is. */
function namedAxes(c: Couplings, rank: number): number[] {
  const target = c.inputs[1]?.elements ?? numbersOf(c.inputs[1]);
  const offset = (c.outputs[0]?.shape?.length ?? rank) - (target?.length ?? 0);
  const shift = (c.outputs[0]?.shape?.length ?? rank) - rank;
  return Array.from({ length: rank }, (_, axis) => axis).filter(
    (axis) => target?.[axis + shift - offset] !== 1,
  );
}

function sliceExpand(call: SliceCall): Node {
  const after = call.outputs[0]!.shape;
  const before = call.inputs[0]!.shape;
  if (after === undefined || before === undefined) return call.node;
  const kept = after.map((_, axis) => call.keptOfOutput(0, axis));
  if (kept.every((positions) => positions === undefined) && !isComputed(call.inputs[1])) return call.node;
  const offset = after.length - before.length;
  // Size 1 leaves an axis as it is, so axes that are not stretched need no number.
  const target = after.map((size, axis) => (before[axis - offset] === size ? 1 : size));
  if (target.some((size) => typeof size !== "number")) return call.node; // every labelled axis is left as it is
  call.replaceInput(1, int64([target.length], target as number[]));
  return call.node;
}

export const expand: Operator = { infer: inferExpand, couple: coupleExpand, slice: sliceExpand };
