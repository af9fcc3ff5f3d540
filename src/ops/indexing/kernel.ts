/** @file Operators that pick or place elements by position: Slice, Gather, GatherElements, ScatterElements, Pad. */
import { floatAttribute, intAttribute, stringAttribute } from "../../graph/attributes.ts";
import { allocate } from "../../tensor/dtype.ts";
import { fromNumbers, stridesOf, type Tensor, takeAlong, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { positionsBySteps } from "../kernel-support/broadcast.ts";
import { axisOf, indexOf, intsOf, optionalNumbers, required, unsupported } from "../kernel-support/call.ts";
import { boundedSize } from "../kernel-support/guarded.ts";
import { around, picked, reshaped } from "../kernel-support/move.ts";

/** Starts and ends are clamped to the axis; a negative step walks backwards. */
const slice: Kernel = (call) => {
  const x = required(call, 0);
  const starts = intsOf(call, 1, "starts") ?? [];
  const ends = intsOf(call, 2, "ends") ?? [];
  const axes = intsOf(call, 3, "axes") ?? starts.map((_, axis) => axis);
  const steps = optionalNumbers(call, 4);
  const strides = stridesOf(x.shape);
  const shape = [...x.shape];
  const walk = [...strides];
  let origin = 0;
  axes.forEach((given, k) => {
    const axis = axisOf(call, given, x.shape.length);
    const step = steps?.[k] ?? 1;
    if (step === 0) throw unsupported(call, "a step of 0");
    // The specification makes this empty, runtimes walk to the front: no answer is better than a doubtful one.
    if (step < 0 && ends[k]! >= 2 ** 31 - 1) throw unsupported(call, "a backward walk that ends at INT_MAX");
    const [first, count] = range(x.shape[axis]!, starts[k]!, ends[k]!, step);
    shape[axis] = count;
    walk[axis] = step * strides[axis]!;
    origin += first * strides[axis]!;
  });
  return [picked(x, shape, positionsBySteps(shape, walk, origin))];
};

/** First position and number of positions of `start:end:step` on an axis, by the rules of ONNX and NumPy. */
function range(size: number, start: number, end: number, step: number): [first: number, count: number] {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clamp = (position: number) =>
    Math.min(high, Math.max(low, position < 0 ? position + size : position));
  const first = step > 0 ? clamp(start) : Math.max(0, clamp(start));
  return [first, Math.max(0, Math.ceil((clamp(end) - first) / step))];
}

const gather: Kernel = (call) => {
  const [x, indices] = [required(call, 0), required(call, 1)];
  const axis = axisOf(call, intAttribute(call.node, "axis", 0), x.shape.length);
  const positions = toNumbers(indices).map((index) => indexOf(call, index, x.shape[axis]!));
  const taken = takeAlong(x, axis, positions);
  return [reshaped(taken, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)])];
};

/** out[i][j] = x[indices[i][j]][j] for axis 0: every element picks its own position along the axis. */
const gatherElements: Kernel = (call) => {
  const [x, indices] = [required(call, 0), required(call, 1)];
  return [picked(x, indices.shape, elementPositions(call, x, indices))];
};

/** x with updates[i][j] at [indices[i][j]][j] for axis 0: written over what is there, or combined with it in order. */
const scatterElements: Kernel = (call) => {
  const [x, indices, updates] = [required(call, 0), required(call, 1), required(call, 2)];
  const combine = combinations[stringAttribute(call.node, "reduction", "none")];
  if (combine === undefined) throw unsupported(call, "this reduction");
  const values = toNumbers(x);
  const given = toNumbers(updates);
  elementPositions(call, x, indices).forEach((position, k) => {
    values[position] = combine(values[position]!, given[k]!);
  });
  return [fromNumbers(x.dtype, x.shape, values)];
};

const combinations: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

/** Flat positions in x of [indices[i][j]][j], for axis 0. */
function elementPositions(call: KernelCall, x: Tensor, indices: Tensor): ReturnType<typeof positionsBySteps> {
  const axis = axisOf(call, intAttribute(call.node, "axis", 0), x.shape.length);
  const strides = stridesOf(x.shape).map((stride, a) => (a === axis ? 0 : stride));
  const step = around(x.shape, axis).inner;
  const positions = positionsBySteps(indices.shape, strides);
  toNumbers(indices).forEach((index, at) => {
    positions[at]! += indexOf(call, index, x.shape[axis]!) * step;
  });
  return positions;
}

/** Constant, edge, reflect and wrap; negative pads crop. */
const pad: Kernel = (call) => {
  const x = required(call, 0);
  const rank = x.shape.length;
  const [begins, ends] = padsOf(call, rank);
  const mode = stringAttribute(call.node, "mode", "constant");
  const shape = x.shape.map((size, axis) => size + begins[axis]! + ends[axis]!);
  if (shape.some((size) => size < 0)) throw unsupported(call, "cropping more than there is");
  const elements = boundedSize(shape);
  const sources = shape.map((size, axis) =>
    Array.from({ length: size }, (_, at) => sourceOf(call, mode, at - begins[axis]!, x.shape[axis]!)),
  );
  const strides = stridesOf(x.shape);
  const filler = fillerOf(call, x);
  const at = new Array<number>(rank).fill(0);
  const data = allocate(x.dtype, elements);
  for (let target = 0; target < data.length; target++) {
    const places = at.map((position, axis) => sources[axis]![position]!);
    const outside = places.some((place) => place < 0);
    data[target] = outside
      ? filler
      : x.data[places.reduce((sum, place, axis) => sum + place * strides[axis]!, 0)]!;
    for (let axis = rank - 1; axis >= 0 && ++at[axis]! === shape[axis]; axis--) at[axis] = 0;
  }
  return [{ dtype: x.dtype, shape, data }];
};

function padsOf(call: KernelCall, rank: number): [begins: number[], ends: number[]] {
  const pads = intsOf(call, 1, "pads") ?? [];
  const axes = optionalNumbers(call, 3) ?? Float64Array.from({ length: rank }, (_, axis) => axis);
  const [begins, ends] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((given, k) => {
    const axis = axisOf(call, given, rank);
    begins[axis] = pads[k]!;
    ends[axis] = pads[axes.length + k]!;
  });
  return [begins, ends];
}

/** Where a padded position reads from; −1 stands for the constant. */
function sourceOf(call: KernelCall, mode: string, at: number, size: number): number {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case "constant":
      return -1;
    case "edge":
      return at < 0 ? 0 : size - 1;
    case "wrap":
      return ((at % size) + size) % size;
    case "reflect": {
      const mirrored = at < 0 ? -at : 2 * (size - 1) - at;
      if (mirrored < 0 || mirrored >= size) throw unsupported(call, "reflecting more than once");
      return mirrored;
    }
    default:
      throw unsupported(call, `mode "${mode}"`);
  }
}

function fillerOf(call: KernelCall, x: Tensor): Tensor["data"][number] {
  const given = call.inputs[2];
  if (given !== undefined) return given.data[0]!;
  return fromNumbers(x.dtype, [], [floatAttribute(call.node, "value", 0)]).data[0]!;
}

export const indexingKernels: Readonly<Record<string, Kernel>> = {
  Gather: gather,
  GatherElements: gatherElements,
  Pad: pad,
  ScatterElements: scatterElements,
  Slice: slice,
};
