/** @file Slice, Gather, Pad, Expand and Tile: operators that choose, add or repeat positions along axes. */
import { intAttribute, intsAttribute, stringAttribute, withAttributes } from "../../graph/attributes.ts";
import { addDims, multiplyDims } from "../../graph/dims.ts";
import type { Dim, Node } from "../../graph/model.ts";
import { fromNumbers, int64 } from "../../tensor/tensor.ts";
import { takeBlock } from "../joining/index.ts";
import type { Couplings, Fact, InferCall, LabelBlock, Operator, SliceCall } from "../operator.ts";
import { isComputed } from "../reshaping/index.ts";
import {
  blockFor,
  broadcastShape,
  fromFront,
  likeFirst,
  numbersOf,
  renumberBlocks,
  shapeOf,
  untangledBlocks,
} from "../shapes.ts";

interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Bounds of a Slice, attribute or input form; undefined when they are not known. */
function rangesOf(call: Pick<InferCall, "node" | "inputs">, rank: number): Range[] | undefined {
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

/** First position, past-the-end position in walking order, and count, within an axis of `size`. */
function resolve(
  { start, end, step }: Range,
  size: number,
): { readonly first: number; readonly count: number } {
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? size : size - 1;
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const first = clamp(start);
  return { first, count: Math.max(0, Math.ceil((clamp(end) - first) / step)) };
}

function inferSlice(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  if (x === undefined) return [likeFirst(call, undefined)];
  const ranges = rangesOf(call, x.length);
  if (ranges === undefined)
    return [
      likeFirst(
        call,
        x.map(() => undefined),
      ),
    ];
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

function slicedDim(size: Dim, range: Range): Dim {
  if (typeof size === "number") return resolve(range, size).count;
  if (range.start === 0 && range.end >= 2 ** 31 - 1 && range.step === 1) return size;
  return size === undefined ? undefined : `(${size}[${range.start}:${range.end}:${range.step}])`;
}

function coupleSlice(c: Couplings): void {
  const x = c.inputs[0]?.shape;
  const ranges = x === undefined ? undefined : rangesOf(c, x.length);
  if (x === undefined || ranges === undefined) {
    c.lockInput(0, "the bounds it is sliced at are not known");
    return;
  }
  const cut = new Set(ranges.map(({ axis }) => axis));
  const before = untangledBlocks(c, 0, cut, true);
  const blocks = before.filter(({ axes }) => !axes.some((axis) => cut.has(axis)));
  for (const range of ranges) blocks.push(...sliceAxis(c, x, range));
  c.setOutput(0, mergeDuplicates(blocks));
}

function sliceAxis(c: Couplings, x: readonly Dim[], range: Range): LabelBlock[] {
  const size = x[range.axis];
  if (typeof size !== "number") return [];
  const { first, count } = resolve(range, size);
  if (range.step === 1)
    return count === size ? wholeBlock(c, range.axis) : takeBlock(c, range.axis, first, first + count);
  c.lock(c.labelsOf(0, range.axis), `it is sliced with step ${range.step}`);
  return [];
}

function wholeBlock(c: Couplings, axis: number): LabelBlock[] {
  return c.blocksOf(0).filter(({ axes }) => axes.includes(axis));
}

function mergeDuplicates(blocks: readonly LabelBlock[]): LabelBlock[] {
  return blocks.filter(
    (block, k) => blocks.findIndex((other) => other.axes.join() === block.axes.join()) === k,
  );
}

/** Bounds move to where the channels that stay are now. */
function sliceSlice(call: SliceCall): Node {
  const x = call.inputs[0]!.shape!;
  const ranges = rangesOf(call, x.length)!;
  const touched = ranges.map((range) => call.keptOfInput(0, range.axis));
  if (touched.every((kept) => kept === undefined)) return call.node;
  const moved = ranges.map((range, k) => {
    const kept = touched[k];
    if (kept === undefined) return range;
    const { first, count } = resolve(range, x[range.axis] as number);
    return { ...range, start: countBelow(kept, first), end: countBelow(kept, first + count) };
  });
  if (call.node.attributes.has("starts")) {
    return withAttributes(call.node, {
      starts: { kind: "ints", value: moved.map(({ start }) => start) },
      ends: { kind: "ints", value: moved.map(({ end }) => end) },
    });
  }
  call.replaceInput(
    1,
    int64(
      [moved.length],
      moved.map(({ start }) => start),
    ),
  );
  call.replaceInput(
    2,
    int64(
      [moved.length],
      moved.map(({ end }) => end),
    ),
  );
  return call.node;
}

function countBelow(kept: Int32Array, bound: number): number {
  let count = 0;
  for (const position of kept) if (position < bound) count++;
  return count;
}

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
  const x = call.inputs[0]!.shape!;
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

interface Padding {
  readonly before: number;
  readonly after: number;
}

/** Padding of every axis, attribute or input form; undefined when not known. */
function paddingOf(call: Pick<InferCall, "node" | "inputs">, rank: number): Padding[] | undefined {
  const pads = intsAttribute(call.node, "pads") ?? numbersOf(call.inputs[1]);
  if (pads === undefined) return undefined;
  if ((call.node.inputs[3] ?? "") !== "" && numbersOf(call.inputs[3]) === undefined) return undefined;
  const axes =
    numbersOf(call.inputs[3])?.map((axis) => fromFront(axis, rank)) ??
    Array.from({ length: rank }, (_, k) => k);
  return Array.from({ length: rank }, (_, axis) => {
    const at = axes.indexOf(axis);
    return at < 0 ? { before: 0, after: 0 } : { before: pads[at]!, after: pads[at + axes.length]! };
  });
}

function inferPad(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const padding = x === undefined ? undefined : paddingOf(call, x.length);
  return [
    likeFirst(
      call,
      padding?.map(({ before, after }, axis) => addDims(x![axis], before + after)) ?? x?.map(() => undefined),
    ),
  ];
}

/** Padding along channels adds channels that are constant: they can be removed together with what they meet. */
function couplePad(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  const padding = rank === undefined ? undefined : paddingOf(c, rank);
  if (rank === undefined || padding === undefined) {
    c.lockInput(0, "the padding is not known");
    return;
  }
  const padded = new Set(
    padding.flatMap(({ before, after }, axis) => (before === 0 && after === 0 ? [] : [axis])),
  );
  const blocks = untangledBlocks(c, 0, padded).filter(({ axes }) => !axes.some((axis) => padded.has(axis)));
  const plain = stringAttribute(c.node, "mode", "constant") === "constant";
  for (const axis of padded) {
    const labels = c.labelsOf(0, axis);
    const { before, after } = padding[axis]!;
    if (labels !== undefined && plain && before >= 0 && after >= 0)
      blocks.push({ axes: [axis], labels: padLabels(c, labels, before, after) });
    else c.lock(labels, "padding mirrors or crops it");
  }
  c.setOutput(0, blocks);
}

function padLabels(c: Couplings, labels: Int32Array, before: number, after: number): Int32Array {
  const out = new Int32Array(before + labels.length + after);
  out.set(c.fresh(before), 0);
  out.set(labels, before);
  out.set(c.fresh(after), before + labels.length);
  return out;
}

function slicePad(call: SliceCall): Node {
  const shape = call.inputs[0]!.shape!;
  const rank = shape.length;
  const padding = paddingOf(call, rank)!;
  const kept = padding.map((_, axis) => call.keptOfOutput(0, axis));
  if (kept.every((positions) => positions === undefined)) return call.node;
  const moved = padding.map(({ before, after }, axis): Padding => {
    const positions = kept[axis];
    if (positions === undefined) return { before, after };
    const inFront = countBelow(positions, before);
    return {
      before: inFront,
      after: positions.length - countBelow(positions, before + (shape[axis] as number)),
    };
  });
  const axes =
    numbersOf(call.inputs[3])?.map((axis) => fromFront(axis, rank)) ?? moved.map((_, axis) => axis);
  const pads = [...axes.map((axis) => moved[axis]!.before), ...axes.map((axis) => moved[axis]!.after)];
  if (call.node.attributes.has("pads"))
    return withAttributes(call.node, { pads: { kind: "ints", value: pads } });
  call.replaceInput(1, int64([pads.length], pads));
  return call.node;
}

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

function inferTile(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const repeats = numbersOf(call.inputs[1]);
  return [
    likeFirst(
      call,
      x?.map((size, axis) => multiplyDims(size, repeats?.[axis])),
    ),
  ];
}

function coupleTile(c: Couplings): void {
  const x = c.inputs[0]?.shape;
  const repeats = numbersOf(c.inputs[1]);
  if (x === undefined || repeats === undefined) {
    c.lockInput(0, "how often it is repeated is not known");
    return;
  }
  const tiledAxes = new Set(repeats.flatMap((times, axis) => (times === 1 ? [] : [axis])));
  const whole = untangledBlocks(c, 0, tiledAxes).filter(
    ({ axes }) => !axes.some((axis) => tiledAxes.has(axis)),
  );
  const tiled = x.flatMap((_, axis) => {
    if (repeats[axis] === 1) return [];
    const labels = c.labelsOf(0, axis);
    return blockFor(axis, labels === undefined ? undefined : repeated(labels, repeats[axis]!));
  });
  c.setOutput(0, [...whole, ...tiled]);
}

function repeated(labels: Int32Array, times: number): Int32Array {
  const out = new Int32Array(labels.length * times);
  for (let k = 0; k < times; k++) out.set(labels, k * labels.length);
  return out;
}

export const indexing: Readonly<Record<string, Operator>> = {
  Slice: { infer: inferSlice, couple: coupleSlice, slice: sliceSlice },
  Gather: { infer: inferGather, couple: coupleGather, slice: sliceGather },
  Pad: { infer: inferPad, couple: couplePad, slice: slicePad, auxiliaryInputs: [2] },
  Expand: { infer: inferExpand, couple: coupleExpand, slice: sliceExpand },
  Tile: { infer: inferTile, couple: coupleTile },
};
