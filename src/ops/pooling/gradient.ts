/** @file Gradients of pooling: to the winner of each window, or to all of it. */
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import type { Node } from "../../graph/model.ts";
import { codeOf } from "../../onnx/element-types.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { backAlong } from "../gradient-support/along-axis.ts";
import { repeatPositions } from "../gradient-support/repeat-positions.ts";
import { reshapeLike } from "../gradient-support/reshape-like.ts";
import { zerosLike } from "../gradient-support/zeros-like.ts";
import { type Window, windowsOf } from "../kernel-support/windows.ts";
import { touched } from "./kernel.ts";

/**
 * The whole gradient of a window goes to the first of its maxima, which the forward pass reports as its flat position.
 *
 * Measured with onnxruntime 1.30 at [128, 10, 24, 24] and [128, 64, 32, 32], windows of 2x2, one thread, forward and
 * backward together, in multiples of indices and MaxUnpool (4.7 and 54 ms): indices and ScatterElements 1.15 to 1.3;
 * comparing the input with the upsampled maxima, then again to settle ties, 0.95 and 1.45; the same on the four corners
 * of the windows 1 to 4. Nine tenths of the time is spent on reporting the indices: the runtime's fast kernel for
 * MaxPool has none.
 */
const maxPool: GradientRule = (call) => {
  const { emit, node, gradients } = call;
  const gradient = gradients[0];
  if (gradient === undefined) return [];
  const x = node.inputs[0]!;
  const winners = winnersOf(call);
  if (!overlaps(node)) {
    // Windows of one position: the given shape decides, where sizes of real windows would leave out a remainder.
    const kernel = (intsAttribute(node, "kernel_shape") ?? []).map(() => 1);
    return [emit.node("MaxUnpool", [gradient, winners, call.shapeOf(x)], { kernel_shape: kernel })];
  }
  const flat = emit.ints([-1]);
  const zeros = emit.node("Reshape", [zerosLike(call, x), flat]);
  const sums = emit.node(
    "ScatterElements",
    [zeros, emit.node("Reshape", [winners, flat]), emit.node("Reshape", [gradient, flat])],
    { axis: 0, reduction: "add" },
  );
  return [reshapeLike(call, sums, x, call.inputs[0]?.shape)];
};

/** What was put at a position is read there again. */
const maxUnpool: GradientRule = (call) => {
  const { emit, node, gradients } = call;
  const flat = emit.ints([-1]);
  const inputs = [emit.node("Reshape", [gradients[0]!, flat]), emit.node("Reshape", [node.inputs[1]!, flat])];
  const read = emit.node("GatherElements", inputs, { axis: 0 });
  return [reshapeLike(call, read, node.inputs[0]!, call.inputs[0]?.shape)];
};

/** Row-major positions of the maxima; a node that counts column by column is asked once more. */
function winnersOf(call: GradientCall): string {
  const { emit, node } = call;
  if (intAttribute(node, "storage_order", 0) === 0) return call.output(1);
  const attributes = new Map(node.attributes);
  attributes.delete("storage_order");
  return emit.nodeWith(2, "MaxPool", node.inputs, Object.fromEntries(attributes))[1]!;
}

/** Whether a position may be the maximum of several windows. */
function overlaps(node: Node): boolean {
  const kernel = intsAttribute(node, "kernel_shape") ?? [];
  const strides = intsAttribute(node, "strides");
  const dilations = intsAttribute(node, "dilations");
  return kernel.some((taps, axis) => (taps - 1) * (dilations?.[axis] ?? 1) + 1 > (strides?.[axis] ?? 1));
}

/** Windows along each spatial axis. */
function windowsAlong(call: GradientCall): readonly Window[] {
  const taps = intsAttribute(call.node, "kernel_shape") ?? [];
  const sizes = call.inputs[0]?.shape?.slice(2);
  if (sizes === undefined || sizes.some((size) => typeof size !== "number"))
    return call.refuse("its spatial sizes are open: state them with --input-shape");
  if (sizes.length > 3) return call.refuse(`${sizes.length} spatial axes`);
  return windowsOf(call, sizes as number[], taps).slice(3 - sizes.length);
}

/** Sums, over the windows each position lies in, of weights times the windows' gradients, one axis after the other. */
function backThroughWindows(
  call: GradientCall,
  gradient: string,
  windows: readonly Window[],
  weightOf: (inside: number, padded: number) => number,
): string {
  const shape = [...call.outputs[0]!.shape!];
  return windows.reduce((flowing, window, k) => {
    const taps = Array.from({ length: window.out }, (_, out) => {
      const { inside, padded } = touched(window, out);
      return inside.map((position) => [position, weightOf(inside.length, padded)] as const);
    });
    const back = backAlong(call, flowing, shape, { axis: k + 2, size: window.size, taps });
    shape[k + 2] = window.size;
    return back;
  }, gradient);
}

/** Windows side by side hand the same share to all they hold; others are a product with a matrix per axis. */
const averagePool: GradientRule = (call) => {
  const { emit, node, gradients, dtype } = call;
  const windows = windowsAlong(call);
  if (windows.every(tiles)) {
    const taps = windows.map((window) => window.taps);
    const share = emit.node("Mul", [gradients[0]!, emit.scalar(1 / sizeOf(taps), dtype)]);
    return [repeatPositions(call, share, [1, 1, ...taps])];
  }
  const countsPads = intAttribute(node, "count_include_pad", 0) !== 0;
  const weightOf = (inside: number, padded: number) => 1 / (countsPads ? padded : inside);
  return [backThroughWindows(call, gradients[0]!, windows, weightOf)];
};

/** Whether windows cover an axis exactly, each position once. */
function tiles({ size, taps, stride, dilation, begin, end, out }: Window): boolean {
  return begin === 0 && end === 0 && stride === taps && (dilation === 1 || taps === 1) && out * taps === size;
}

/** y = (Σ |x|^p)^(1/p): the gradient of x is sign(x) |x|^(p−1) Σ g y^(1−p), and 0 where y is. */
function norm(back: (call: GradientCall, gradient: string) => string): GradientRule {
  return (call) => {
    const { emit, node, dtype } = call;
    const x = node.inputs[0]!;
    const p = intAttribute(node, "p", 2);
    const scaled = (value: string) =>
      p === 1 ? value : emit.node("Mul", [value, emit.node("Pow", [safe(call), emit.scalar(1 - p, dtype)])]);
    const sums = back(call, scaled(call.gradients[0]!));
    const slope = p === 1 ? emit.node("Sign", [x]) : p === 2 ? x : signedPower(call, x, p - 1);
    return [emit.node("Mul", [slope, sums])];
  };
}

/**
 * Norms, with those of windows that hold only zeros replaced by 1: what they are multiplied with is 0 there. Their
 * shape is stated since the runtime's own inference counts a window too many where ceil_mode meets pads.
 */
function safe(call: GradientCall): string {
  const { emit, node, dtype } = call;
  const y = reshapeLike(call, node.outputs[0]!, node.outputs[0]!, call.outputs[0]?.shape);
  const isZero = emit.node("Equal", [y, emit.scalar(0, dtype)]);
  return emit.node("Where", [isZero, emit.scalar(1, dtype), y]);
}

function signedPower({ emit, dtype }: GradientCall, x: string, power: number): string {
  const size = emit.node("Pow", [emit.node("Abs", [x]), emit.scalar(power, dtype)]);
  return emit.node("Mul", [emit.node("Sign", [x]), size]);
}

/** Expand copies whole runs: a product with ones takes as long, a nearest Resize twice as long. */
const globalAveragePool: GradientRule = (call) => {
  const { emit, node, gradients, dtype } = call;
  const sizes = call.inputs[0]?.shape?.slice(2);
  if (sizes?.every((size) => typeof size === "number")) {
    const share = emit.node("Mul", [gradients[0]!, emit.scalar(1 / sizeOf(sizes), dtype)]);
    return [emit.node("Expand", [share, emit.ints([1, 1, ...sizes])])];
  }
  const [all, means] = [emit.node("Size", [node.inputs[0]!]), emit.node("Size", [node.outputs[0]!])];
  const count = emit.node("Cast", [emit.node("Div", [all, means])], { to: codeOf(dtype) });
  const share = emit.node("Div", [gradients[0]!, count]);
  return [emit.node("Expand", [share, call.shapeOf(node.inputs[0]!)])];
};

/** One winner per plane, the first of the maxima. */
const globalMaxPool: GradientRule = (call) => {
  const { emit, node, gradients } = call;
  const x = node.inputs[0]!;
  const flat = emit.ints([0, 0, -1]);
  const winner = emit.node("ArgMax", [emit.node("Reshape", [x, flat])], { axis: 2, keepdims: 1 });
  const zeros = emit.node("Reshape", [zerosLike(call, x), flat]);
  const share = emit.node("Reshape", [gradients[0]!, flat]);
  const placed = emit.node("ScatterElements", [zeros, winner, share], { axis: 2 });
  return [reshapeLike(call, placed, x, call.inputs[0]?.shape)];
};

export const poolingGradients: Readonly<Record<string, GradientRule>> = {
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalLpPool: norm((_, gradient) => gradient),
  GlobalMaxPool: globalMaxPool,
  LpPool: norm((call, gradient) => backThroughWindows(call, gradient, windowsAlong(call), () => 1)),
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
};
