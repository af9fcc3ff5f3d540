/** @file Resize and its forerunner Upsample: nearest and linear interpolation along any axes. */
import { intAttribute, intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import { fromNumbers, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { axisOf, optionalNumbers, required, unsupported } from "../kernel-support/call.ts";
import { boundedSize } from "../kernel-support/guarded.ts";
import { around } from "../kernel-support/move.ts";
import { type Axis, type Taps, tapsOf } from "./taps.ts";

const resize: Kernel = (call) => {
  const x = required(call, 0);
  for (const refused of ["antialias", "exclude_outside"]) {
    if (intAttribute(call.node, refused, 0) !== 0) throw unsupported(call, refused);
  }
  let values = toNumbers(x);
  const shape = [...x.shape];
  const axes = axesOf(call);
  boundedSize(axes.map((axis) => axis.out));
  axes.forEach((axis, a) => {
    if (axis.out === axis.size && axis.scale === 1) return;
    values = resampled(
      values,
      shape,
      a,
      Array.from({ length: axis.out }, (_, o) => tapsOf(call, axis, o)),
    );
    shape[a] = axis.out;
  });
  return [fromNumbers(x.dtype, shape, values)];
};

/** Interpolates one axis; doing them in turn equals interpolating all at once, since weights multiply. */
function resampled(
  values: Float64Array,
  shape: readonly number[],
  axis: number,
  taps: readonly Taps[],
): Float64Array {
  const { outer, size, inner } = around(shape, axis);
  const out = new Float64Array(outer * taps.length * inner);
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < taps.length; k++) {
      for (const [position, weight] of taps[k]!) {
        const [target, source] = [(o * taps.length + k) * inner, (o * size + position) * inner];
        for (let i = 0; i < inner; i++) out[target + i]! += weight * values[source + i]!;
      }
    }
  }
  return out;
}

/** Sizes and scales per axis. Inputs: [x, scales] before opset 11, [x, roi, scales, sizes] since. */
function axesOf(call: KernelCall): Axis[] {
  const { node } = call;
  const { shape } = required(call, 0);
  const modern = node.opType === "Resize" && call.opset >= 11;
  const attribute = node.attributes.get("scales"); // Upsample at opset 7
  const scales =
    attribute?.kind === "floats" ? Float64Array.from(attribute.value) : optionalNumbers(call, modern ? 2 : 1);
  const sizes = modern ? optionalNumbers(call, 3) : undefined;
  if (sizes !== undefined && stringAttribute(node, "keep_aspect_ratio_policy", "stretch") !== "stretch") {
    throw unsupported(call, "keep_aspect_ratio_policy");
  }
  const listed = intsAttribute(node, "axes")?.map((axis) => axisOf(call, axis, shape.length));
  return shape.map((size, axis) => {
    const k = listed === undefined ? axis : listed.indexOf(axis);
    const out = k < 0 ? undefined : sizes?.[k];
    if (out !== undefined) return { size, out, scale: out / size };
    const scale = k < 0 ? 1 : (scales?.[k] ?? 1);
    return { size, out: Math.floor(size * scale), scale };
  });
}

export const resamplingKernels: Readonly<Record<string, Kernel>> = { Resize: resize, Upsample: resize };
