/** @file Zeros in the shape of a value of the forward pass. */
import type { GradientCall } from "../gradient.ts";

/** Zeros of the gradient's element type. */
export function zerosLike(call: GradientCall, value: string): string {
  return call.emit.node("Expand", [call.emit.scalar(0, call.dtype), call.shapeOf(value)]);
}
