/** @file Gather: positions along one axis, picked by a list of indices or looked up in a table. */
import { intAttribute } from "../../graph/attributes.ts";
import type { Node } from "../../graph/model.ts";
import { fromNumbers } from "../../tensor/tensor.ts";
import { takeBlock } from "../joining/index.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator, SliceCall } from "../operator.ts";
import {
  blockFor,
  fromFront,
  likeFirst,
  numbersOf,
  renumberBlocks,
  shapeOf,
  untangledBlocks,
} from "../shapes.ts";

function inferGather(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const at = shapeOf(call, 1);
  if (x === undefined || at === undefined) return [likeFirst(call, undefined)];
  const axis = fromFront(intAttribute(call.node, "axis", 0), x.length);
  const elements = call.inputs[0]?.elements;
  const indices = numbersOf(call.inputs[1]);
  const picked =
    elements === undefined || indices === undefined
      ? undefined
      : indices.map((k) => elements[fromFront(k, elements.length)]);
  return [{ ...likeFirst(call, [...x.slice(0, axis), ...at, ...x.slice(axis + 1)]), elements: picked }];
}

function coupleGather(c: Couplings): void {
  const x = c.inputs[0]?.shape;
  const at = c.inputs[1]?.shape;
  if (x === undefined || at === undefined) {
    c.lockInput(0, "what is gathered from it is not known");
    return;
  }
  const axis = fromFront(intAttribute(c.node, "axis", 0), x.length);
  const indices = numbersOf(c.inputs[1])?.map((k) => fromFront(k, x[axis] as number));
  const isTable = c.isConstant(0) && !c.isConstant(1);
  if (isTable) for (let other = 0; other < x.length; other++) if (other !== axis) c.produce(0, other);
  const renumber = (k: number) => (k < axis ? k : k === axis ? undefined : k + at.length - 1);
  const before = untangledBlocks(c, 0, new Set([axis]), at.length === 0);
  const blocks = renumberBlocks(
    before.filter(({ axes }) => !axes.includes(axis)),
    renumber,
  );
  if (indices === undefined || at.length > 1)
    c.lock(c.labelsOf(0, axis), "it is gathered by computed positions");
  else blocks.push(...gatherBlock(c, axis, at.length, indices, renumber));
  c.setOutput(0, blocks);
}

function gatherBlock(
  c: Couplings,
  axis: number,
  rank: number,
  indices: readonly number[],
  renumber: (axis: number) => number | undefined,
): LabelBlock[] {
  if (rank === 0) {
    const part = takeBlock(c, axis, indices[0]!, indices[0]! + 1);
    const rest = part.filter(({ axes }) => !axes.includes(axis));
    if (rest.length === 0) c.lock(part[0]?.labels, "a single position is gathered from it");
    return renumberBlocks(rest, renumber);
  }
  const labels = c.labelsOf(0, axis);
  c.release(labels);
  return blockFor(axis, labels === undefined ? undefined : Int32Array.from(indices, (k) => labels[k]!));
}

function sliceGather(call: SliceCall): Node {
  const x = call.inputs[0]?.shape;
  if (x === undefined) return call.node; // everything it reads has stayed
  const axis = fromFront(intAttribute(call.node, "axis", 0), x.length);
  const kept = call.keptOfInput(0, axis);
  if (kept === undefined) return call.node;
  const fact = call.inputs[1]!;
  const place = new Map(Array.from(kept, (position, k) => [position, k]));
  const indices = numbersOf(fact)!.map((k) => place.get(fromFront(k, x[axis] as number)));
  const left = indices.filter((k) => k !== undefined);
  const dtype = fact.dtype === "int32" ? "int32" : "int64";
  call.replaceInput(1, fromNumbers(dtype, fact.shape!.length === 0 ? [] : [left.length], left));
  return call.node;
}

export const gather: Operator = { infer: inferGather, couple: coupleGather, slice: sliceGather };
