/** @file Which input positions a Resize reads for each output position of an axis, and with which weights. */
import { stringAttribute } from "../../graph/attributes.ts";
import type { KernelCall } from "../kernel.ts";
import { unsupported } from "../kernel-support/call.ts";

type ResizeCall = Pick<KernelCall, "node" | "opset">;

/** One output position along an axis as a weighted sum of input positions. */
export type Taps = readonly (readonly [position: number, weight: number])[];

/** How one axis is resampled. */
export interface Axis {
  readonly size: number;
  readonly out: number;
  readonly scale: number;
}

/** @throws {PrunerError} `kernel-unsupported` for modes other than nearest and linear. */
export function tapsOf(call: ResizeCall, axis: Axis, out: number): Taps {
  const { node } = call;
  const mode = stringAttribute(node, "mode", "nearest");
  const at = sourceOf(call, axis, out);
  const clamp = (position: number) => Math.min(axis.size - 1, Math.max(0, position));
  if (mode === "nearest") return [[clamp(nearest(call, at)), 1]];
  if (mode !== "linear") throw unsupported(call, `mode "${mode}"`);
  const inside = clamp(at);
  const low = Math.floor(inside);
  const share = inside - low;
  return [
    [low, 1 - share],
    [clamp(low + 1), share],
  ];
}

/** Where an output position lies on the input axis. */
function sourceOf(call: ResizeCall, { size, out: count, scale }: Axis, out: number): number {
  const old = call.node.opType === "Upsample" || call.opset < 11;
  const mode = stringAttribute(
    call.node,
    "coordinate_transformation_mode",
    old ? "asymmetric" : "half_pixel",
  );
  switch (mode) {
    case "asymmetric":
      return out / scale;
    case "half_pixel":
      return (out + 0.5) / scale - 0.5;
    case "pytorch_half_pixel":
      return count > 1 ? (out + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return count > 1 ? (out * (size - 1)) / (count - 1) : 0;
    case "half_pixel_symmetric": {
      const adjustment = count / (size * scale);
      return (size / 2) * (1 - adjustment) + (out + 0.5) / scale - 0.5;
    }
    default:
      throw unsupported(call, `coordinate_transformation_mode "${mode}"`);
  }
}

function nearest(call: ResizeCall, at: number): number {
  const old = call.node.opType === "Upsample" || call.opset < 11;
  const mode = stringAttribute(call.node, "nearest_mode", old ? "floor" : "round_prefer_floor");
  switch (mode) {
    case "round_prefer_floor":
      return Math.ceil(at - 0.5);
    case "round_prefer_ceil":
      return Math.floor(at + 0.5);
    case "floor":
      return Math.floor(at);
    case "ceil":
      return Math.ceil(at);
    default:
      throw unsupported(call, `nearest_mode "${mode}"`);
  }
}
