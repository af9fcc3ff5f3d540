/**
 * @file Gradients of operators that choose, add or repeat positions along axes: each element's gradient goes back to
 * where the element came from, and zero to where none did.
 *
 * Where the choice is known beforehand, dense operators do it; otherwise indices travel along (`scatterBack`).
 */
import { intAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { fromNumbers } from "../../tensor/tensor.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { reduceTo } from "../gradient-support/reduce-to.ts";
import { repeatPositions } from "../gradient-support/repeat-positions.ts";
import { reshapeLike, writtenSizes } from "../gradient-support/reshape-like.ts";
import { scatterBack } from "../gradient-support/scatter-back.ts";
import { zerosLike } from "../gradient-support/zeros-like.ts";
import { fromFront, numbersOf } from "../shapes.ts";
import { type Range, rangesOf, resolve } from "./slice.ts";

/** The node once more, on positions instead of values. */
function again(call: GradientCall): (positions: string) => string {
  const { emit, node } = call;
  return (positions) =>
    emit.node(node.opType, [positions, ...node.inputs.slice(1)], Object.fromEntries(node.attributes));
}

/** Positions of one axis that a Slice takes, in ascending order. */
interface Cut {
  readonly axis: number;
  readonly size: number;
  readonly first: number;
  readonly count: number;
  readonly step: number;
  readonly backwards: boolean;
}

const slice: GradientRule = (call) => {
  const cuts = cutsOf(call);
  if (cuts === undefined) return [scatterBack(call, again(call))];
  if (cuts.some(({ count }) => count === 0)) return [zerosLike(call, call.node.inputs[0]!)];
  const rank = call.inputs[0]!.shape!.length;
  return [placed(call, spread(call, forwards(call, cuts), cuts, rank), cuts, rank)];
};

/** What is cut from which axes; undefined where that is not known before the graph runs. */
function cutsOf(call: GradientCall): Cut[] | undefined {
  const shape = call.inputs[0]?.shape;
  const ranges = shape === undefined ? undefined : rangesOf(call, shape.length);
  if (shape === undefined || ranges === undefined) return undefined;
  const cuts: Cut[] = [];
  for (const range of ranges) {
    const size = shape[range.axis];
    if (isWhole(range)) continue;
    if (typeof size !== "number" || isDoubtful(range)) return undefined;
    const { first, count } = resolve(range, size);
    if (count === size && range.step === 1) continue;
    const backwards = range.step < 0;
    cuts.push({
      axis: range.axis,
      size,
      first: backwards ? first + (count - 1) * range.step : first,
      count,
      step: count === 1 ? 1 : Math.abs(range.step),
      backwards: backwards && count > 1,
    });
  }
  return cuts;
}

/** All of an axis of any size. */
function isWhole({ start, end, step }: Range): boolean {
  return start === 0 && end >= 2 ** 31 - 1 && step === 1;
}

/** A backward walk to INT_MAX: runtimes and specification differ, so the runtime decides again. */
function isDoubtful({ end, step }: Range): boolean {
  return step < 0 && end >= 2 ** 31 - 1;
}

/** The gradient with backward walks turned round. */
function forwards(call: GradientCall, cuts: readonly Cut[]): string {
  const { emit, gradients } = call;
  const turned = cuts.filter(({ backwards }) => backwards);
  if (turned.length === 0) return gradients[0]!;
  const each = (value: (cut: Cut) => number) => emit.ints(turned.map(value));
  const starts = each(() => -1);
  const ends = each(({ count }) => -count - 1);
  return emit.node("Slice", [gradients[0]!, starts, ends, each(({ axis }) => axis), starts]);
}

/**
 * `step` − 1 zeros behind every position. Repeating and masking takes a third of the time of Pad on a Reshape with
 * one more axis, at [128, 64, 16, 16] to [128, 64, 32, 32].
 */
function spread(call: GradientCall, gradient: string, cuts: readonly Cut[], rank: number): string {
  const { emit, dtype } = call;
  const strided = cuts.filter(({ step }) => step > 1);
  if (strided.length === 0) return gradient;
  const times = new Array<number>(rank).fill(1);
  for (const { axis, step } of strided) times[axis] = step;
  const masks = strided.map(({ axis, count, step }) => {
    const shape = Array.from({ length: rank - axis }, (_, k) => (k === 0 ? count * step : 1));
    const mask = Array.from({ length: count * step }, (_, k) => Number(k % step === 0));
    return emit.constant(fromNumbers(dtype, shape, mask));
  });
  const mask = masks.reduce((a, b) => emit.node("Mul", [a, b]));
  return emit.node("Mul", [repeatPositions(call, gradient, times), mask]);
}

/** Zeros around what was cut; where the last step overshoots the axis, its zeros are cropped. */
function placed(call: GradientCall, gradient: string, cuts: readonly Cut[], rank: number): string {
  const begins = new Array<number>(rank).fill(0);
  const ends = new Array<number>(rank).fill(0);
  for (const { axis, size, first, count, step } of cuts) {
    begins[axis] = first;
    ends[axis] = size - first - count * step;
  }
  return padded(call, gradient, begins, ends);
}

function padded(
  { emit }: GradientCall,
  gradient: string,
  begins: readonly number[],
  ends: readonly number[],
): string {
  const pads = [...begins, ...ends];
  return pads.every((pad) => pad === 0) ? gradient : emit.node("Pad", [gradient, emit.ints(pads)]);
}

/** A constant border is cropped again (and what was cropped comes back as zeros); other borders add to their sources. */
const pad: GradientRule = (call) => {
  const { emit, node, gradients } = call;
  if (stringAttribute(node, "mode", "constant") !== "constant") {
    return [scatterBack(call, again(call))];
  }
  const pads = numbersOf(call.inputs[1]);
  const opposite =
    pads === undefined ? emit.node("Neg", [node.inputs[1]!]) : emit.ints(pads.map((size) => 0 - size));
  const axes = node.inputs[3] ?? "";
  const inner = emit.node("Pad", [gradients[0]!, opposite, ...(axes === "" ? [] : ["", axes])]);
  if (!call.wants(2)) return [inner];
  const ones = [emit.scalar(1, call.dtype), axes].slice(0, axes === "" ? 1 : 2);
  const isBorder = emit.node("Pad", [zerosLike(call, node.inputs[0]!), node.inputs[1]!, ...ones]);
  const border = emit.node("ReduceSum", [emit.node("Mul", [gradients[0]!, isBorder])], { keepdims: 0 });
  return [inner, undefined, reshapeLike(call, border, node.inputs[2]!, call.inputs[2]?.shape)];
};

const gather: GradientRule = (call) => {
  const { node, inputs } = call;
  if (!call.wants(0)) return [];
  const shape = inputs[0]?.shape;
  const rank = inputs[1]?.shape?.length;
  if (shape === undefined || rank === undefined) return [scatterBack(call, again(call))];
  const axis = fromFront(intAttribute(node, "axis", 0), shape.length);
  const merged = mergedPicks(call, axis, rank, shape);
  if (merged === undefined) return [scatterBack(call, again(call))];
  return [ungathered(call, merged, axis, shape)];
};

/** The gradient with all picks on one axis, as if the indices were a list; undefined where sizes behind it are open. */
function mergedPicks(
  call: GradientCall,
  axis: number,
  rank: number,
  shape: readonly Dim[],
): string | undefined {
  const gradient = call.gradients[0]!;
  if (rank === 1) return gradient;
  const behind = shape.slice(axis + 1);
  if (behind.some((size) => typeof size !== "number")) return undefined;
  const leading = new Array<number>(axis).fill(0); // copied
  return call.emit.node("Reshape", [gradient, call.emit.ints([...leading, -1, ...(behind as number[])])]);
}

/** Where gradients go that were picked by a list of indices. */
function ungathered(call: GradientCall, gradient: string, axis: number, shape: readonly Dim[]): string {
  const { emit, node, inputs } = call;
  const size = shape[axis];
  const indices = numbersOf(inputs[1]);
  const known = typeof size === "number" ? indices?.map((index) => fromFront(index, size)) : undefined;
  if (known !== undefined && new Set(known).size === known.length)
    return pickedBack(call, gradient, axis, known, size as number, shape.length);
  const column = emit.node("Reshape", [
    node.inputs[1]!,
    emit.ints([-1, ...new Array<number>(shape.length - axis - 1).fill(1)]),
  ]);
  const everywhere = emit.node("Expand", [column, emit.node("Shape", [gradient])]);
  return addedTo(call, everywhere, gradient, axis);
}

/** Different positions, known beforehand: a Gather in the opposite direction, with a zero for what was left out. */
function pickedBack(
  call: GradientCall,
  gradient: string,
  axis: number,
  indices: readonly number[],
  size: number,
  rank: number,
): string {
  const none = new Array<number>(rank).fill(0);
  const first = indices[0] ?? 0;
  if (indices.every((index, k) => index === first + k))
    return padded(call, gradient, none.with(axis, first), none.with(axis, size - first - indices.length));
  const places = Array.from({ length: size }, (_, at) => indices.indexOf(at));
  const complete = indices.length === size;
  const source = complete ? gradient : padded(call, gradient, none, none.with(axis, 1));
  const order = places.map((place) => (place < 0 ? indices.length : place));
  return call.emit.node("Gather", [source, call.emit.ints(order)], { axis });
}

/** Zeros in the shape of the first input, with values added at indices along an axis. */
function addedTo(call: GradientCall, indices: string, values: string, axis: number): string {
  const zeros = zerosLike(call, call.node.inputs[0]!);
  return call.emit.node("ScatterElements", [zeros, indices, values], { axis, reduction: "add" });
}

const gatherElements: GradientRule = (call) => {
  if (!call.wants(0)) return [];
  return [addedTo(call, call.node.inputs[1]!, call.gradients[0]!, intAttribute(call.node, "axis", 0))];
};

/** What was written passes its gradient to the updates, what was written over loses it. */
const scatterElements: GradientRule = (call) => {
  const { emit, node, gradients } = call;
  const axis = intAttribute(node, "axis", 0);
  const reduction = stringAttribute(node, "reduction", "none");
  if (reduction !== "none" && reduction !== "add") return call.refuse(`reduction "${reduction}"`);
  const [gradient, indices] = [gradients[0]!, node.inputs[1]!];
  const updates = call.wants(2) ? emit.node("GatherElements", [gradient, indices], { axis }) : undefined;
  if (!call.wants(0) || reduction === "add") return [gradient, undefined, updates];
  const zeros = emit.node("Expand", [emit.scalar(0, call.dtype), call.shapeOf(indices)]);
  return [emit.node("ScatterElements", [gradient, indices, zeros], { axis }), undefined, updates];
};

const expand: GradientRule = (call) => {
  const [from, to] = [call.outputs[0]?.shape, call.inputs[0]?.shape];
  if (from === undefined || to === undefined) return [scatterBack(call, again(call))];
  return [reduceTo(call, call.gradients[0]!, from, to)];
};

/** Copies are split off as axes of their own and added up. */
const tile: GradientRule = (call) => {
  const { emit, gradients, inputs } = call;
  const repeats = numbersOf(inputs[1]);
  const shape = inputs[0]?.shape;
  const split = repeats === undefined ? undefined : shape?.flatMap((size, axis) => [repeats[axis]!, size]);
  const sizes = split === undefined ? undefined : writtenSizes(split);
  if (repeats === undefined || sizes === undefined) return [scatterBack(call, again(call))];
  const copies = emit.node("Reshape", [gradients[0]!, emit.ints(sizes)]);
  const axes = emit.ints(repeats.map((_, axis) => 2 * axis));
  return [emit.node("ReduceSum", [copies, axes], { keepdims: 0 })];
};

export const indexingGradients: Readonly<Record<string, GradientRule>> = {
  Expand: expand,
  Gather: gather,
  GatherElements: gatherElements,
  Pad: pad,
  ScatterElements: scatterElements,
  Slice: slice,
  Tile: tile,
};
