/** @file Operators that move, merge and split axes without touching elements. */
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import { divideDims, productOf } from "../../graph/dims.ts";
import type { Dim, Node } from "../../graph/model.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator, SliceCall } from "../operator.ts";
import { axesOf, fromFront, likeFirst, numbersOf, renumberBlocks, shapeOf } from "../shapes.ts";
import { regroup } from "./regroup.ts";
import { givenSizes, targetSizes, writeTarget } from "./write-target.ts";

function inferFlatten(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  if (x === undefined) return [likeFirst(call, undefined)];
  const axis = fromFront(intAttribute(call.node, "axis", 1), x.length);
  return [likeFirst(call, [productOf(x.slice(0, axis)), productOf(x.slice(axis))])];
}

/** Target sizes as given, 0 and -1 included; undefined when not known at all. */
function targetOf(call: InferCall): readonly Dim[] | undefined {
  const attribute = intsAttribute(call.node, "shape");
  return attribute ?? call.inputs[1]?.elements ?? numbersOf(call.inputs[1]);
}

function inferReshape(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const target = targetOf(call);
  if (target === undefined) return [likeFirst(call, undefined)];
  const keepZero = intAttribute(call.node, "allowzero", 0) === 1;
  const shape = target.map((size, axis): Dim => (size === 0 && !keepZero ? x?.[axis] : size));
  const open = shape.indexOf(-1);
  if (open >= 0) {
    const rest = productOf(shape.filter((_, axis) => axis !== open));
    shape[open] = x === undefined ? undefined : divideDims(productOf(x), rest);
  }
  const { elements } = call.inputs[0] ?? {};
  return [{ ...likeFirst(call, shape), elements }];
}

function coupleReshape(c: Couplings): void {
  const before = c.inputs[0]?.shape;
  const after = c.outputs[0]?.shape;
  if (before === undefined || after === undefined) {
    c.lockInput(0, "the shape it is reshaped to is not known");
    return;
  }
  const { blocks, lost } = regroup(before, after, c.blocksOf(0), c.claimOf);
  if (after.includes(0)) c.lockInput(0, "it has no elements");
  if (c.node.opType === "Reshape") coupleTarget(c, before, after, blocks);
  for (const { block, why } of lost) c.lock(block.labels, why);
  c.setOutput(0, blocks);
}

/** Whether the target can be written anew, all of it or the numbers in it. */
function coupleTarget(
  c: Couplings,
  before: readonly Dim[],
  after: readonly Dim[],
  blocks: readonly LabelBlock[],
): void {
  const changes = (axis: number) =>
    blocks.some(({ axes, within }) => within?.[axes.indexOf(axis)] !== undefined);
  const sizes = targetSizes(before, after, givenSizes(c.inputs[1], after, changes));
  if (sizes !== undefined) c.rewrites(1, sizes.some(({ kind }) => kind === "given") ? "numbers" : "all");
  else for (const block of c.blocksOf(0)) c.lock(block.labels, "the reshape has several symbolic sizes");
}

/** A new target for a Reshape: needed when its channels shrink, and when the target is computed from sizes that may. */
function sliceReshape(call: SliceCall): Node {
  const before = call.shapeOfInput(0);
  const after = call.shapeOfOutput(0);
  const old = call.outputs[0]?.shape;
  if (before === undefined || after === undefined || old === undefined) return call.node;
  const given = givenSizes(call.inputs[1], old, (axis) => after[axis] !== old[axis]);
  const sizes = targetSizes(before, after, given);
  if (sizes === undefined) return call.node; // nothing it carries can have changed
  const isSame = after.every((size, axis) => size === old[axis]);
  if (isSame && !isComputed(call.inputs[1])) return call.node;
  writeTarget(call, sizes);
  const attributes = new Map(call.node.attributes);
  attributes.delete("allowzero"); // 0 copies a size in what was just written
  return { ...call.node, attributes };
}

/** Whether a target mixes symbols with numbers that may stem from channel counts. */
function isComputed(target: Fact | undefined): boolean {
  return (
    target?.constant === undefined &&
    target?.elements?.some((size) => typeof size !== "string" && size !== -1) === true
  );
}

function inferSqueeze(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const { given, axes } = axesOf(call, 1);
  const elements = call.inputs[0]?.elements;
  if (x === undefined || (given && axes === undefined)) return [likeFirst(call, undefined)];
  const gone = new Set(
    axes?.map((axis) => fromFront(axis, x.length)) ?? x.flatMap((size, axis) => (size === 1 ? [axis] : [])),
  );
  if (!given && x.some((size) => typeof size !== "number")) return [likeFirst(call, undefined)];
  return [
    {
      ...likeFirst(
        call,
        x.filter((_, axis) => !gone.has(axis)),
      ),
      elements,
    },
  ];
}

function inferUnsqueeze(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const { axes } = axesOf(call, 1);
  const elements = call.inputs[0]?.elements;
  if (x === undefined || axes === undefined) return [likeFirst(call, undefined)];
  const rank = x.length + axes.length;
  const added = new Set(axes.map((axis) => fromFront(axis, rank)));
  const sizes = [...x];
  const shape = Array.from({ length: rank }, (_, axis): Dim => (added.has(axis) ? 1 : sizes.shift()));
  return [{ ...likeFirst(call, shape), elements }];
}

function inferTranspose(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  return [
    likeFirst(call, x === undefined ? undefined : permutationOf(call.node, x.length).map((axis) => x[axis])),
  ];
}

function permutationOf(node: Node, rank: number): readonly number[] {
  return intsAttribute(node, "perm") ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
}

function coupleTranspose(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  if (rank === undefined) {
    c.lockInput(0, "its rank is not known");
    return;
  }
  const permutation = permutationOf(c.node, rank);
  c.setOutput(
    0,
    renumberBlocks(c.blocksOf(0), (axis) => permutation.indexOf(axis)),
  );
}

export const reshaping: Readonly<Record<string, Operator>> = {
  Flatten: { infer: inferFlatten, couple: coupleReshape },
  Reshape: { infer: inferReshape, couple: coupleReshape, slice: sliceReshape },
  Squeeze: { infer: inferSqueeze, couple: coupleReshape },
  Unsqueeze: { infer: inferUnsqueeze, couple: coupleReshape },
  Transpose: { infer: inferTranspose, couple: coupleTranspose },
};
