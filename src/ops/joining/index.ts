/** @file Concat and Split: labels are laid end to end and cut apart. */
import { intAttribute, intsAttribute, withAttributes } from "../../graph/attributes.ts";
import { addDims, divideDims } from "../../graph/dims.ts";
import type { Dim, Node } from "../../graph/model.ts";
import { int64 } from "../../tensor/tensor.ts";
import { blockOn, firmOf, isLaidAlike, isPlain, unifyBlocks } from "../label-blocks.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator, SliceCall } from "../operator.ts";
import { blockFor, fromFront, likeFirst, numbersOf, shapeOf, untangledBlocks } from "../shapes.ts";

function inferConcat(call: InferCall): readonly Fact[] {
  const shapes = call.inputs.map((fact) => fact?.shape);
  const first = shapes[0];
  if (first === undefined || shapes.some((shape) => shape?.length !== first.length))
    return [likeFirst(call, undefined)];
  const axis = fromFront(intAttribute(call.node, "axis", 1), first.length);
  const shape = first.map((_, k): Dim => {
    if (k === axis) return shapes.map((s) => s![k]).reduce(addDims);
    return shapes.map((s) => s![k]).find((size) => typeof size === "number") ?? first[k];
  });
  const parts = call.inputs.map((fact) => fact?.elements);
  const elements = parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  return [{ ...likeFirst(call, shape), elements }];
}

function coupleConcat(c: Couplings): void {
  const shape = c.outputs[0]?.shape;
  if (shape === undefined) {
    for (let input = 0; input < c.node.inputs.length; input++)
      c.lockInput(input, "the shapes it is joined with are not known");
    return;
  }
  const joined = fromFront(intAttribute(c.node, "axis", 1), shape.length);
  const blocks = wholeBlocks(c, joined);
  const covered = new Set(blocks.flatMap(({ axes }) => axes));
  for (let axis = 0; axis < shape.length; axis++) {
    if (covered.has(axis)) continue;
    blocks.push(
      ...(axis === joined ? blockFor(axis, joinLabels(c, axis)) : blockOn(axis, tieInputs(c, axis))),
    );
  }
  c.setOutput(0, blocks);
}

/** Blocks over several axes, none of them the joined one, that all parts have alike. */
function wholeBlocks(c: Couplings, joined: number): LabelBlock[] {
  const candidates = c.blocksOf(0).filter(({ axes }) => axes.length > 1 && !axes.includes(joined));
  return candidates.filter((block) => {
    const others = c.node.inputs.map((_, input) =>
      c.blocksOf(input).find((other) => other.axes.join() === block.axes.join() && isLaidAlike(other, block)),
    );
    if (others.includes(undefined)) return false;
    for (const other of others) c.unify(block.labels, other!.labels);
    return true;
  });
}

/** Labels end to end; parts that are fixed get labels of their own, locked. */
function joinLabels(c: Couplings, axis: number): Int32Array | undefined {
  const parts = c.node.inputs.map((_, input) => c.labelsOf(input, axis));
  if (parts.every((part) => part === undefined)) return undefined;
  const sizes = c.inputs.map((fact) => fact!.shape![axis]);
  if (sizes.some((size) => typeof size !== "number")) {
    for (const part of parts) c.lock(part, "it is joined with a part of unknown size");
    return undefined;
  }
  const filled = parts.map((part, input) => {
    if (part !== undefined) return part;
    const fixed = c.fresh(sizes[input] as number);
    c.lock(fixed, "it belongs to a part that is fixed");
    return fixed;
  });
  const joined = new Int32Array(filled.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of filled) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

function tieInputs(c: Couplings, axis: number): LabelBlock | undefined {
  const parts = c.node.inputs.map((_, input) => c.axisBlock(input, axis));
  for (const part of parts.slice(1))
    unifyBlocks(c, parts[0], part, "it is joined beside an axis that is fixed");
  return parts.reduce((block, part) => firmOf(c, block, part));
}

/** Sizes of the parts as given or implied; undefined when not known. */
function partSizes(call: InferCall, size: Dim): readonly Dim[] | undefined {
  const given = intsAttribute(call.node, "split") ?? numbersOf(call.inputs[1]);
  if (given !== undefined) return given;
  if ((call.node.inputs[1] ?? "") !== "") return undefined;
  const parts = call.node.outputs.length;
  if (typeof size !== "number") return new Array<Dim>(parts).fill(divideDims(size, parts));
  const each = Math.ceil(size / parts);
  return Array.from({ length: parts }, (_, k) => (k < parts - 1 ? each : size - each * (parts - 1)));
}

function inferSplit(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  if (x === undefined) return call.node.outputs.map(() => likeFirst(call, undefined));
  const axis = fromFront(intAttribute(call.node, "axis", 0), x.length);
  const sizes = partSizes(call, x[axis]);
  return call.node.outputs.map((_, k) =>
    likeFirst(
      call,
      x.map((size, other) => (other === axis ? sizes?.[k] : size)),
    ),
  );
}

function coupleSplit(c: Couplings): void {
  const x = c.inputs[0]?.shape;
  if (x === undefined) {
    c.lockInput(0, "its shape is not known");
    return;
  }
  const axis = fromFront(intAttribute(c.node, "axis", 0), x.length);
  const sizes = c.outputs.map((fact) => fact?.shape?.[axis]);
  const blocks = untangledBlocks(c, 0, new Set([axis]), true);
  const others = blocks.filter((block) => !block.axes.includes(axis));
  const known = sizes.every((size) => typeof size === "number");
  if (!known) c.lock(c.labelsOf(0, axis), "the sizes it is split into are not known");
  let start = 0;
  for (let output = 0; output < c.node.outputs.length; output++) {
    const own = known ? takeBlock(c, axis, start, start + (sizes[output] as number)) : [];
    c.setOutput(output, [...others, ...own]);
    start += known ? (sizes[output] as number) : 0;
  }
}

/** The part [start, end) of the block that spans `axis` alone or first, other axes of the block intact. */
export function takeBlock(c: Couplings, axis: number, start: number, end: number): LabelBlock[] {
  const block = c.blocksOf(0).find(({ axes }) => axes.includes(axis));
  if (block === undefined) return [];
  if (!isPlain(block)) {
    const size = c.inputs[0]!.shape![axis];
    if (start === 0 && end === size) return [block];
    c.lock(block.labels, "positions are picked from an axis it shares with an open size");
    return [];
  }
  c.release(block.labels);
  if (block.axes.length === 1) return [{ axes: [axis], labels: block.labels.subarray(start, end) }];
  const step = block.labels.length / (c.inputs[0]!.shape![axis] as number);
  const labels = block.labels.subarray(start * step, end * step);
  return end - start === 1 ? [{ axes: block.axes.slice(1), labels }] : [{ axes: block.axes, labels }];
}

function sliceSplit(call: SliceCall): Node {
  const rank = call.inputs[0]?.shape?.length;
  if (rank === undefined) return call.node; // everything it reads has stayed
  const axis = fromFront(intAttribute(call.node, "axis", 0), rank);
  if (call.keptOfInput(0, axis) === undefined) return call.node;
  const sizes = call.node.outputs.map(
    (_, k) => call.keptOfOutput(k, axis)?.length ?? (call.outputs[k]!.shape![axis] as number),
  );
  if (call.opset < 13) return withAttributes(call.node, { split: { kind: "ints", value: sizes } });
  call.replaceInput(1, int64([sizes.length], sizes));
  const attributes = new Map(call.node.attributes);
  attributes.delete("num_outputs");
  return { ...call.node, attributes };
}

export const joining: Readonly<Record<string, Operator>> = {
  Concat: { infer: inferConcat, couple: coupleConcat },
  Split: { infer: inferSplit, couple: coupleSplit, slice: sliceSplit },
};
