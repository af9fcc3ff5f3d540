/**
 * @file Gradients of Conv and ConvTranspose, any number of spatial axes, strided, dilated, padded and grouped.
 *
 * The gradient of the weights is one matrix product per tap of the kernel, over slices of the input that lie channel
 * by channel: on onnxruntime's CPU provider that takes about as long as the convolution itself, a third of what a
 * convolution with swapped axes takes.
 */
import { intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { Dim, Node } from "../../graph/model.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { groupsOf } from "../shapes.ts";

/** Input channels from which on products tap by tap are faster than products over several taps side by side. */
const manyChannels = 8;

/** A convolution of `source` with `weights` [out, in / groups, ...kernel] that yields the shape of `result`. */
interface Geometry {
  readonly groups: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding in front of and behind each spatial axis; behind it is negative where the last positions are never read. */
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  /** Spatial sizes of what the window slides over, and of what it yields. */
  readonly source: readonly number[];
  readonly result: readonly number[];
  /** Channels of what the window slides over, and of what it yields. */
  readonly sourceChannels: number;
  readonly resultChannels: number;
}

const offsets = (rank: number): number[] => Array.from({ length: rank }, (_, axis) => axis + 2);

/** Numbers of all axes behind the batch. */
function sizesOf(call: GradientCall, shape: readonly Dim[] | undefined): number[] {
  const sizes = shape?.slice(1) ?? [];
  const open = sizes.length < 2 || sizes.some((size) => typeof size !== "number");
  return open
    ? call.refuse("its channels or spatial sizes are open: state them with --input-shape")
    : (sizes as number[]);
}

/** @param transposed Whether the node is a ConvTranspose: its output is then what the window slides over. */
function geometryOf(call: GradientCall, transposed: boolean): Geometry {
  const { node, inputs, outputs } = call;
  const [x, y] = [sizesOf(call, inputs[0]?.shape), sizesOf(call, outputs[0]?.shape)];
  const [source, result] = transposed ? [y, x] : [x, y];
  const kernel = (inputs[1]?.shape?.slice(2) ?? []) as number[];
  const strides = intsAttribute(node, "strides") ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, "dilations") ?? kernel.map(() => 1);
  const extra = (transposed && intsAttribute(node, "output_padding")) || kernel.map(() => 0);
  const reach = kernel.map(
    (taps, axis) => (result[axis + 1]! - 1) * strides[axis]! + dilations[axis]! * (taps - 1) + 1,
  );
  const begins = reach.map((size, axis) => beginOf(node, axis, size + extra[axis]! - source[axis + 1]!));
  const ends = reach.map((size, axis) => size - source[axis + 1]! - begins[axis]!);
  return {
    groups: groupsOf(node),
    kernel,
    strides,
    dilations,
    begins,
    ends,
    source: source.slice(1),
    result: result.slice(1),
    sourceChannels: source[0]!,
    resultChannels: result[0]!,
  };
}

/** Padding in front of an axis; `missing` is how far the windows reach beyond the source in all. */
function beginOf(node: Node, axis: number, missing: number): number {
  const auto = stringAttribute(node, "auto_pad", "NOTSET");
  const total = Math.max(0, missing);
  if (auto === "SAME_UPPER") return Math.floor(total / 2);
  if (auto === "SAME_LOWER" || intsAttribute(node, "output_shape") !== undefined) return Math.ceil(total / 2);
  return auto === "VALID" ? 0 : (intsAttribute(node, "pads")?.[axis] ?? 0);
}

function attributesOf(g: Geometry): Record<string, number | readonly number[]> {
  return { kernel_shape: g.kernel, strides: g.strides, dilations: g.dilations, group: g.groups };
}

/**
 * Gradient of what the window slides over: a convolution with the weights turned around where that is no more work. A
 * transposed one multiplies at the positions of the result only, but adds up its products in a further pass: at 3x3 with
 * padding it takes 1.1 to 1.6 times as long, at 5x5 from 8 to 12 positions a quarter.
 */
function sourceGradient(call: GradientCall, g: Geometry, gradient: string, weights: string): string {
  const rank = g.kernel.length;
  const reach = g.kernel.map((taps, axis) => g.dilations[axis]! * (taps - 1));
  const pads = [...g.begins, ...g.ends].map((pad, k) => reach[k % rank]! - pad);
  const isPlain =
    g.strides.every((stride) => stride === 1) &&
    pads.every((pad) => pad >= 0) &&
    g.groups === 1 &&
    sizeOf(g.source) < 1.5 * sizeOf(g.result);
  if (!isPlain) return transposed(call, g, gradient, weights);
  const flipped = flip(call, weights, rank);
  const swapped = call.emit.node("Transpose", [flipped], { perm: [1, 0, ...offsets(rank)] });
  return call.emit.node("Conv", [gradient, swapped], { ...attributesOf(g), pads });
}

/** The weights turned around along their spatial axes. */
function flip({ emit }: GradientCall, weights: string, rank: number): string {
  if (rank === 0) return weights;
  const last = emit.ints(new Array<number>(rank).fill(-1));
  const before = emit.ints(new Array<number>(rank).fill(-(2 ** 31)));
  return emit.node("Slice", [weights, last, before, emit.ints(offsets(rank)), last]);
}

/** The general case; where the last positions are never read, all padding is cut off and zeros are put in their place. */
function transposed({ emit }: GradientCall, g: Geometry, gradient: string, weights: string): string {
  const pads = [...g.begins, ...g.ends];
  if (pads.every((pad) => pad >= 0)) {
    return emit.node("ConvTranspose", [gradient, weights], { ...attributesOf(g), pads });
  }
  const whole = emit.node("ConvTranspose", [gradient, weights], attributesOf(g));
  const cut = (sizes: readonly number[]) => [0, 0, ...sizes.map((size) => -size)];
  return emit.node("Pad", [whole, emit.ints([...cut(g.begins), ...cut(g.ends)])]);
}

/** Every place of the kernel, row-major. */
function tapsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (taps, size) => taps.flatMap((tap) => Array.from({ length: size }, (_, k) => [...tap, k])),
    [[]],
  );
}

/** Gradient of the weights [out, in / groups, ...kernel], from the source and the gradient of the result. */
function weightGradient(call: GradientCall, g: Geometry, source: string, gradient: string): string {
  const perGroup = g.sourceChannels / g.groups;
  if (g.groups > 1)
    return perGroup === 1 ? depthwise(call, g, source, gradient) : grouped(call, g, source, gradient);
  return perGroup > 1 && perGroup < manyChannels && g.kernel.length > 0
    ? rowByRow(call, g, source, gradient)
    : tapByTap(call, g, source, gradient);
}

/** The source with its padding, spatial axes starting at `first`. */
function padded({ emit }: GradientCall, g: Geometry, source: string, first: number): string {
  const ends = g.ends.map((pad) => Math.max(0, pad));
  if ([...g.begins, ...ends].every((pad) => pad === 0)) return source;
  const spread = (pads: readonly number[]) =>
    Array.from({ length: g.kernel.length + 2 }, (_, axis) => pads[axis - first] ?? 0);
  return emit.node("Pad", [source, emit.ints([...spread(g.begins), ...spread(ends)])]);
}

/**
 * What one tap of the kernel reads, at every position of the result.
 * @param first Axis of `source` that the first axis of the kernel goes along.
 * @param axes The axes of the kernel that `tap` is about.
 */
function readBy(
  { emit }: GradientCall,
  g: Geometry,
  source: string,
  tap: readonly number[],
  first: number,
  axes: readonly number[] = tap.map((_, axis) => axis),
): string {
  const isWhole = axes.every(
    (axis) => g.kernel[axis] === 1 && g.strides[axis] === 1 && g.begins[axis] === 0 && g.ends[axis] === 0,
  );
  if (isWhole) return source;
  const starts = axes.map((axis, k) => tap[k]! * g.dilations[axis]!);
  const ends = axes.map((axis, k) => starts[k]! + (g.result[axis]! - 1) * g.strides[axis]! + 1);
  const places = axes.map((axis) => axis + first);
  const strides = axes.map((axis) => g.strides[axis]!);
  return emit.node("Slice", [source, ...[starts, ends, places, strides].map((values) => emit.ints(values))]);
}

/** One product [out, places] x [places, in] per tap, places being examples times positions. */
function tapByTap(call: GradientCall, g: Geometry, source: string, gradient: string): string {
  const { emit } = call;
  const rank = g.kernel.length;
  const last = emit.node("Transpose", [source], { perm: [0, ...offsets(rank), 1] }); // [N, ...space, in]
  const lines = padded(call, g, last, 1);
  const swapped = emit.node("Transpose", [gradient], { perm: [1, 0, ...offsets(rank)] }); // [out, N, ...space]
  const rows = emit.node("Reshape", [swapped, emit.ints([g.resultChannels, -1])]);
  const columns = emit.ints([-1, g.sourceChannels]);
  const products = tapsOf(g.kernel).map((tap) =>
    emit.node("MatMul", [rows, emit.node("Reshape", [readBy(call, g, lines, tap, 1), columns])]),
  ); // [out, in] each
  if (products.length === 1) {
    return emit.node("Reshape", [products[0]!, emit.ints([g.resultChannels, g.sourceChannels, ...g.kernel])]);
  }
  const joined = emit.node("Concat", products, { axis: 0 });
  const taps = emit.node("Reshape", [joined, emit.ints([...g.kernel, g.resultChannels, g.sourceChannels])]);
  return emit.node("Transpose", [taps], { perm: [rank, rank + 1, ...offsets(rank).map((axis) => axis - 2)] });
}

/**
 * With few input channels: a product for every row of the kernel, whose taps lie side by side [N, taps * in, places],
 * per example, and their sum. All taps at once are no faster and take the memory of all that they read.
 */
function rowByRow(call: GradientCall, g: Geometry, source: string, gradient: string): string {
  const { emit } = call;
  const rank = g.kernel.length;
  const [rows, taps] = [g.kernel.slice(0, -1), g.kernel[rank - 1]!];
  const full = padded(call, g, source, 2);
  const parts = tapsOf([taps]).map((tap) => readBy(call, g, full, tap, 2, [rank - 1]));
  const row = parts.length === 1 ? parts[0]! : emit.node("Concat", parts, { axis: 1 });
  const left = emit.node("Reshape", [gradient, emit.ints([0, g.resultChannels, -1])]);
  const width = emit.ints([0, taps * g.sourceChannels, -1]);
  const sums = tapsOf(rows).map((tap) => {
    const columns = emit.node("Reshape", [readBy(call, g, row, tap, 2), width]);
    const product = emit.node("MatMul", [left, emit.node("Transpose", [columns], { perm: [0, 2, 1] })]);
    return emit.node("ReduceSum", [product, emit.ints([0])], { keepdims: 0 });
  }); // [out, taps * in] each
  const joined = sums.length === 1 ? sums[0]! : emit.node("Concat", sums, { axis: 0 });
  const all = emit.node("Reshape", [joined, emit.ints([...rows, g.resultChannels, taps, g.sourceChannels])]);
  const before = rows.map((_, axis) => axis);
  return emit.node("Transpose", [all], { perm: [rank - 1, rank + 1, ...before, rank] });
}

/** One input channel per group, any number of outputs for each: products position by position. */
function depthwise(call: GradientCall, g: Geometry, source: string, gradient: string): string {
  const { emit } = call;
  const rank = g.kernel.length;
  const multiplier = g.resultChannels / g.groups;
  const rows =
    multiplier === 1
      ? gradient
      : emit.node("Reshape", [gradient, emit.ints([0, g.groups, multiplier, ...g.result])]);
  const full = padded(call, g, source, 2);
  const summed = emit.ints([0, ...offsets(rank).map((axis) => (multiplier === 1 ? axis : axis + 1))]);
  const sums = tapsOf(g.kernel).map((tap) => {
    const read = readBy(call, g, full, tap, 2);
    const spread = multiplier === 1 ? read : emit.node("Unsqueeze", [read, emit.ints([2])]);
    return emit.node("ReduceSum", [emit.node("Mul", [rows, spread]), summed], { keepdims: 0 });
  }); // [groups] or [groups, multiplier] each
  const flat = emit.ints([g.resultChannels, 1]);
  const joined = emit.node(
    "Concat",
    sums.map((sum) => emit.node("Reshape", [sum, flat])),
    { axis: 1 },
  );
  return emit.node("Reshape", [joined, emit.ints([g.resultChannels, 1, ...g.kernel])]);
}

/** Several input channels per group: one product [groups, out, places] x [groups, places, in] per tap. */
function grouped(call: GradientCall, g: Geometry, source: string, gradient: string): string {
  const { emit } = call;
  const rank = g.kernel.length;
  const [outputs, inputs] = [g.resultChannels / g.groups, g.sourceChannels / g.groups];
  const swapped = emit.node("Transpose", [gradient], { perm: [1, 0, ...offsets(rank)] });
  const rows = emit.node("Reshape", [swapped, emit.ints([g.groups, outputs, -1])]);
  const last = emit.node("Transpose", [source], { perm: [1, 0, ...offsets(rank)] }); // [in, N, ...space]
  const lines = padded(call, g, last, 2);
  const products = tapsOf(g.kernel).map((tap) => {
    const read = emit.node("Reshape", [readBy(call, g, lines, tap, 2), emit.ints([g.groups, inputs, -1])]);
    const product = emit.node("MatMul", [rows, emit.node("Transpose", [read], { perm: [0, 2, 1] })]);
    return emit.node("Reshape", [product, emit.ints([g.resultChannels, inputs, 1])]);
  });
  const joined = emit.node("Concat", products, { axis: 2 });
  return emit.node("Reshape", [joined, emit.ints([g.resultChannels, inputs, ...g.kernel])]);
}

function biasGradient({ emit, outputs }: GradientCall, gradient: string): string {
  const rank = outputs[0]!.shape!.length;
  const axes = [0, ...offsets(rank - 2)];
  return emit.node("ReduceSum", [gradient, emit.ints(axes)], { keepdims: 0 });
}

const conv: GradientRule = (call) => {
  const [gradient] = call.gradients as [string];
  const [x, w] = call.node.inputs as [string, string];
  const g = geometryOf(call, false);
  return [
    call.wants(0) ? sourceGradient(call, g, gradient, w) : undefined,
    call.wants(1) ? weightGradient(call, g, x, gradient) : undefined,
    call.wants(2) ? biasGradient(call, gradient) : undefined,
  ];
};

/** The transposed convolution is the source gradient of a convolution, so input and output change places. */
const convTranspose: GradientRule = (call) => {
  const [gradient] = call.gradients as [string];
  const [x, w] = call.node.inputs as [string, string];
  const g = geometryOf(call, true);
  return [
    call.wants(0) ? convolved(call, g, gradient, w) : undefined,
    call.wants(1) ? weightGradient(call, g, gradient, x) : undefined,
    call.wants(2) ? biasGradient(call, gradient) : undefined,
  ];
};

/** The convolution whose transpose the node is. */
function convolved({ emit }: GradientCall, g: Geometry, gradient: string, weights: string): string {
  const unread = g.ends.some((pad) => pad < 0);
  const pads = [...g.begins, ...g.ends.map((pad) => Math.max(0, pad))];
  const isWithin = pads.every((pad) => pad >= 0);
  if (isWithin && !unread) return emit.node("Conv", [gradient, weights], { ...attributesOf(g), pads });
  const zeros = [0, 0];
  const cut = emit.node("Pad", [gradient, emit.ints([...zeros, ...g.begins, ...zeros, ...g.ends])]);
  return emit.node("Conv", [cut, weights], { ...attributesOf(g), pads: pads.map(() => 0) });
}

export const convolutionGradients: Readonly<Record<string, GradientRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
};
