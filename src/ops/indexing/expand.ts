/** @file Expand: axes of size 1 stretched to a target shape. */
import type { Node } from "../../graph/model.ts";
import { alikeBlocks } from "../label-blocks.ts";
import type { Couplings, Fact, InferCall, Operator, SliceCall } from "../operator.ts";
import { broadcastShape, likeFirst, numbersOf, renumberBlocks, shapeOf } from "../shapes.ts";
import { needsSizes, writeSizes } from "./write-sizes.ts";

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
  const isStretched = (axis: number) => (before[axis - offset] ?? 1) === 1 && after[axis] !== 1;
  const isWritten = after.every(
    (size, axis) => c.isTold(size) || (size !== undefined && before[axis - offset] === size),
  );
  c.rewrites(1, isWritten ? "all" : "numbers");
  const blocks = renumberBlocks(c.blocksOf(0), (axis) =>
    isStretched(axis + offset) ? undefined : axis + offset,
  );
  const isDeclared = c.inputs[1]?.elements === undefined;
  c.setOutput(0, isDeclared ? blocks : [...blocks, ...alikeBlocks(c, after, isStretched)]);
}

function sliceExpand(call: SliceCall): Node {
  const after = call.shapeOfOutput(0);
  const before = call.shapeOfInput(0);
  if (after === undefined || before === undefined) return call.node;
  if (!needsSizes(call, 1, after)) return call.node;
  const offset = after.length - before.length;
  // Size 1 leaves an axis as it is, so axes that are not stretched need no number.
  const target = after.map((size, axis) => (size !== undefined && before[axis - offset] === size ? 1 : size));
  const isOpen = target.some((size) => typeof size !== "number");
  const length = isOpen ? (call.inputs[1]!.shape![0] as number) : target.length;
  writeSizes(call, 1, target.slice(target.length - length));
  return call.node;
}

export const expand: Operator = { infer: inferExpand, couple: coupleExpand, slice: sliceExpand };
