/** @file The gradient of Resize: a linear map per axis, so the way back is the transposed map. */
import { intAttribute, stringAttribute } from "../../graph/attributes.ts";
import type { Dim } from "../../graph/model.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { backAlong } from "../gradient-support/along-axis.ts";
import { wishesOf } from "./index.ts";
import { type Axis, type Taps, tapsOf } from "./taps.ts";

/** An axis that a Resize changes. */
interface Resized {
  readonly axis: number;
  readonly size: number;
  readonly taps: readonly Taps[];
}

const resize: GradientRule = (call) => {
  if (!call.wants(0)) return [];
  const before = call.inputs[0]?.shape;
  if (before === undefined) return call.refuse("the size it is resized to is not known");
  const resized = resizedAxes(call, before);
  const shape = [...before];
  for (const { axis, taps } of resized) shape[axis] = taps.length;
  const isPlain = resized.every((map) => map.axis >= 2 && isRepetition(map));
  if (resized.length > 0 && before.length <= 5 && isPlain) return [summed(call, before, resized)];
  return [
    resized.reduce((gradient, map) => {
      const back = backAlong(call, gradient, shape, map);
      shape[map.axis] = map.size;
      return back;
    }, call.gradients[0]!),
  ];
};

function resizedAxes(call: GradientCall, before: readonly Dim[]): Resized[] {
  const { node } = call;
  for (const refused of ["antialias", "exclude_outside"])
    if (intAttribute(node, refused, 0) !== 0) return call.refuse(refused);
  const mode = stringAttribute(node, "mode", "nearest");
  if (mode !== "nearest" && mode !== "linear") return call.refuse(`mode "${mode}"`);
  if (stringAttribute(node, "coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize")
    return call.refuse("it crops as it resizes");
  const wishes = wishesOf(call, before.length);
  if (wishes === undefined) return call.refuse("the size it is resized to is not known");
  return before.flatMap((size, axis): Resized[] => {
    const wish = wishes[axis]!;
    const { size: wanted, scale: factor } = wish;
    const isOpen = "size" in wish && wanted === undefined;
    if (!isOpen && (wanted === undefined ? (factor ?? 1) === 1 : wanted === size)) return [];
    if (isOpen || typeof size !== "number" || typeof wanted === "string")
      return call.refuse(`the size of axis ${axis} is open: state it with --input-shape`);
    const scale = wanted === undefined ? factor! : wanted / size;
    const along: Axis = { size, out: wanted ?? Math.floor(size * scale), scale };
    return [{ axis, size, taps: Array.from({ length: along.out }, (_, out) => tapsOf(call, along, out)) }];
  });
}

/** Whether every position comes several times in a row, equally often. */
function isRepetition({ size, taps }: Resized): boolean {
  const times = taps.length / size;
  return Number.isInteger(times) && taps.every((pairs, out) => isWhole(pairs, Math.floor(out / times)));
}

function isWhole(pairs: Taps, position: number): boolean {
  return pairs.length === 1 && pairs[0]![0] === position;
}

/**
 * Sums over repetitions in space. Mean times number takes half to 0.9 of the time of Reshape and ReduceSum at
 * [128, 10, 24, 24] and [128, 64, 32, 32].
 */
function summed(call: GradientCall, before: readonly Dim[], resized: readonly Resized[]): string {
  const { emit, gradients, dtype } = call;
  const times = before.map((_, axis) => {
    const map = resized.find((other) => other.axis === axis);
    return map === undefined ? 1 : map.taps.length / map.size;
  });
  const windows = times.slice(2);
  const mean = emit.node("AveragePool", [gradients[0]!], { kernel_shape: windows, strides: windows });
  return emit.node("Mul", [mean, emit.scalar(sizeOf(windows), dtype)]);
}

export const resamplingGradients: Readonly<Record<string, GradientRule>> = { Resize: resize };
