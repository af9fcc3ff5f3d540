/** @file Slice: a range of positions along each of some axes. */
import { intsAttribute, withAttributes } from "../../graph/attributes.ts";
import { attributesOf } from "../../graph/emitter.ts";
import type { Dim, Node } from "../../graph/model.ts";
import { int64 } from "../../tensor/tensor.ts";
import { takeBlock } from "../joining/index.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator, SliceCall } from "../operator.ts";
import { blockFor, fromFront, likeFirst, numbersOf, shapeOf, untangledBlocks } from "../shapes.ts";
import { countBelow } from "./count-below.ts";

export interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Bounds of a Slice, attribute or input form; undefined when they are not known. */
export function rangesOf(call: Pick<InferCall, "node" | "inputs">, rank: number): Range[] | undefined {
  const pick = (name: string, input: number) =>
    intsAttribute(call.node, name) ?? numbersOf(call.inputs[input]);
  const starts = pick("starts", 1);
  const ends = pick("ends", 2);
  if (starts === undefined || ends === undefined) return undefined;
  const unknown = (input: number) =>
    (call.node.inputs[input] ?? "") !== "" && numbersOf(call.inputs[input]) === undefined;
  if (unknown(3) || unknown(4)) return undefined;
  const axes = pick("axes", 3) ?? starts.map((_, k) => k);
  const steps = pick("steps", 4);
  return starts.map((start, k) => ({
    axis: fromFront(axes[k]!, rank),
    start,
    end: ends[k]!,
    step: steps?.[k] ?? 1,
  }));
}

/** First position and count within an axis of `size`. A backward walk starts at 0 at the latest and may end before it. */
export function resolve(
  { start, end, step }: Range,
  size: number,
): { readonly first: number; readonly count: number } {
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? size : size - 1;
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const first = Math.max(0, clamp(start));
  return { first, count: Math.min(size, Math.max(0, Math.ceil((clamp(end) - first) / step))) };
}

function inferSlice(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  if (x === undefined) return [likeFirst(call, undefined)];
  const ranges = rangesOf(call, x.length);
  if (ranges === undefined) return [likeFirst(call, measuredShape(call, x))];
  const shape: Dim[] = [...x];
  for (const range of ranges) shape[range.axis] = slicedDim(x[range.axis], range);
  const elements = call.inputs[0]?.elements;
  const only = ranges[0];
  if (elements === undefined || only === undefined) return [likeFirst(call, shape)];
  const { first, count } = resolve(only, elements.length);
  return [
    {
      ...likeFirst(call, shape),
      elements: Array.from({ length: count }, (_, k) => elements[first + k * only.step]),
    },
  ];
}

/** Axes that a Slice cuts, where they are known although its bounds are not. */
function cutAxes(call: Pick<InferCall, "node" | "inputs">, rank: number): readonly number[] | undefined {
  const given = (call.node.inputs[3] ?? "") !== "";
  const axes = given
    ? numbersOf(call.inputs[3])
    : (call.inputs[1]?.elements ?? numbersOf(call.inputs[1]))?.map((_, k) => k);
  return axes?.map((axis) => fromFront(axis, rank));
}

/**
 * Sizes after a Slice with measured bounds. What begins at 0 and ends at a measured length has that length: what is cut
 * (a mask, a table of positions) is long enough wherever the model runs.
 */
function measuredShape(call: InferCall, x: readonly Dim[]): Dim[] {
  const cut = cutAxes(call, x.length);
  if (cut === undefined) return x.map(() => undefined);
  const [starts, ends] = [1, 2].map((input) => call.inputs[input]?.elements ?? numbersOf(call.inputs[input]));
  const steps = (call.node.inputs[4] ?? "") === "" ? [] : numbersOf(call.inputs[4]);
  return x.map((size, axis): Dim => {
    const k = cut.indexOf(axis);
    if (k < 0) return size;
    const isPrefix = starts?.[k] === 0 && steps !== undefined && (steps[k] ?? 1) === 1;
    return isPrefix && typeof ends?.[k] === "string" ? ends[k] : undefined;
  });
}

function slicedDim(size: Dim, range: Range): Dim {
  if (typeof size === "number") return resolve(range, size).count;
  if (range.start === 0 && range.end >= 2 ** 31 - 1 && range.step === 1) return size;
  return size === undefined ? undefined : `(${size}[${range.start}:${range.end}:${range.step}])`;
}

function coupleSlice(c: Couplings): void {
  const x = c.inputs[0]?.shape;
  const ranges = x === undefined ? undefined : rangesOf(c, x.length);
  if (x === undefined || ranges === undefined) {
    coupleMeasured(c, x?.length);
    return;
  }
  const cut = new Set(ranges.map(({ axis }) => axis));
  const before = untangledBlocks(c, 0, cut, true);
  const blocks = before.filter(({ axes }) => !axes.some((axis) => cut.has(axis)));
  for (const range of ranges) blocks.push(...sliceAxis(c, x, range));
  c.setOutput(0, mergeDuplicates(blocks));
}

/** Axes that are not cut go on; those that are cut at measured bounds stay. */
function coupleMeasured(c: Couplings, rank: number | undefined): void {
  const why = "the bounds it is sliced at are not known";
  const axes = rank === undefined ? undefined : cutAxes(c, rank);
  if (axes === undefined) {
    c.lockInput(0, why);
    return;
  }
  for (const axis of axes) c.lock(c.labelsOf(0, axis), why);
  c.setOutput(
    0,
    c.blocksOf(0).filter((block) => !block.axes.some((axis) => axes.includes(axis))),
  );
}

function sliceAxis(c: Couplings, x: readonly Dim[], range: Range): LabelBlock[] {
  const size = x[range.axis];
  if (typeof size !== "number") return [];
  const { first, count } = resolve(range, size);
  if (range.step === 1)
    return count === size ? wholeBlock(c, range.axis) : takeBlock(c, range.axis, first, first + count);
  const labels = c.labelsOf(0, range.axis);
  c.release(labels);
  return blockFor(range.axis, labels && positionsOf(first, count, range.step).map((at) => labels[at]!));
}

/** Positions that are picked in steps, in their order. */
function positionsOf(first: number, count: number, step: number): Int32Array {
  return Int32Array.from({ length: count }, (_, k) => first + k * step);
}

function wholeBlock(c: Couplings, axis: number): LabelBlock[] {
  return c.blocksOf(0).filter(({ axes }) => axes.includes(axis));
}

function mergeDuplicates(blocks: readonly LabelBlock[]): LabelBlock[] {
  return blocks.filter(
    (block, k) => blocks.findIndex((other) => other.axes.join() === block.axes.join()) === k,
  );
}

/** Bounds move to where the channels that stay are now; what was picked in steps is gathered, as gaps may differ now. */
function sliceSlice(call: SliceCall): Node {
  const x = call.inputs[0]?.shape;
  const ranges = x === undefined ? undefined : rangesOf(call, x.length);
  if (x === undefined || ranges === undefined) return call.node; // everything it reads has stayed
  const touched = ranges.map((range) => call.keptOfInput(0, range.axis));
  if (touched.every((kept) => kept === undefined)) return call.node;
  const [only, ...others] = ranges;
  if (others.length === 0 && only!.step !== 1)
    return gathered(call, only!, touched[0]!, x[only!.axis] as number);
  let data = call.node.inputs[0]!;
  const moved = ranges.map((range, k): Range => {
    const kept = touched[k];
    if (kept === undefined) return range;
    const size = x[range.axis] as number;
    const { first, count } = resolve(range, size);
    if (range.step === 1)
      return { ...range, start: countBelow(kept, first), end: countBelow(kept, first + count) };
    const left = placesAmong(range, kept, size);
    data = call.emit("Gather", [data, call.store(int64([left.length], left))], { axis: range.axis });
    return { ...range, start: 0, end: left.length, step: 1 };
  });
  if (data !== call.node.inputs[0]) call.redirectInput(0, data);
  return withRanges(call, moved);
}

/** Where those positions of a range are now that stay. */
function placesAmong(range: Range, kept: Int32Array, size: number): number[] {
  const { first, count } = resolve(range, size);
  const place = new Map(Array.from(kept, (position, k) => [position, k]));
  return [...positionsOf(first, count, range.step)].flatMap((position) => place.get(position) ?? []);
}

function withRanges(call: SliceCall, ranges: readonly Range[]): Node {
  const [starts, ends, steps] = (["start", "end", "step"] as const).map((bound) =>
    ranges.map((range) => range[bound]),
  ) as [number[], number[], number[]];
  if (call.node.attributes.has("starts")) {
    const list = (value: readonly number[]) => ({ kind: "ints", value }) as const;
    return withAttributes(call.node, { starts: list(starts), ends: list(ends) });
  }
  call.replaceInput(1, int64([starts.length], starts));
  call.replaceInput(2, int64([ends.length], ends));
  if (numbersOf(call.inputs[4])?.some((step, k) => step !== steps[k]) === true)
    call.replaceInput(4, int64([steps.length], steps));
  return call.node;
}

/** What is left of positions that were picked in steps need not lie in steps, so they are listed. */
function gathered(call: SliceCall, range: Range, kept: Int32Array, size: number): Node {
  const left = placesAmong(range, kept, size);
  return {
    ...call.node,
    opType: "Gather",
    inputs: [call.node.inputs[0]!, call.store(int64([left.length], left))],
    attributes: attributesOf({ axis: range.axis }),
  };
}

export const slice: Operator = { infer: inferSlice, couple: coupleSlice, slice: sliceSlice };
