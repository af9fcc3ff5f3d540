/** @file Expand: axes of size 1 stretched to a target shape. */
import type { Dim, Node } from "../../graph/model.ts";
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
  const isWritten = after.every((size, axis) => typeof size === "number" || before[axis - offset] === size);
  c.rewrites(1, isWritten ? "all" : "numbers");
  c.setOutput(
    0,
    renumberBlocks(c.blocksOf(0), (axis) => (stretched(axis) ? undefined : axis + offset)),
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
  if (target.every((size) => typeof size === "number"))
    call.replaceInput(1, int64([target.length], target as number[]));
  else keepOpenSizes(call, target);
  return call.node;
}

/** Open sizes stay as they are computed; the others are written over: target × 0 + size. */
function keepOpenSizes(call: SliceCall, target: readonly Dim[]): void {
  const length = call.inputs[1]!.shape![0] as number;
  const named = target.slice(target.length - length);
  const list = (values: readonly number[]) => call.store(int64([length], values));
  const open = call.emit("Mul", [
    call.node.inputs[1]!,
    list(named.map((size) => (typeof size === "number" ? 0 : 1))),
  ]);
  const numbers = list(named.map((size) => (typeof size === "number" ? size : 0)));
  call.redirectInput(1, call.emit("Add", [open, numbers]));
}

export const expand: Operator = { infer: inferExpand, couple: coupleExpand, slice: sliceExpand };
