/** @file Gives a value the shape of another, with the sizes written into the graph where they are known. */
import type { Dim } from "../../graph/model.ts";
import type { GradientCall } from "../gradient.ts";

/** `value` in the shape of the value `like` of the forward pass, whose shape is `shape` as far as that is known. */
export function reshapeLike(
  call: GradientCall,
  value: string,
  like: string,
  shape: readonly Dim[] | undefined,
): string {
  const sizes = shape === undefined ? undefined : writtenSizes(shape);
  return call.emit.node("Reshape", [value, sizes === undefined ? call.shapeOf(like) : call.emit.ints(sizes)]);
}

/** Sizes as a Reshape takes them, −1 for one that is open; undefined when several are. */
export function writtenSizes(shape: readonly Dim[]): number[] | undefined {
  if (shape.filter((size) => typeof size !== "number").length > 1) return undefined;
  return shape.map((size) => (typeof size === "number" ? size : -1));
}
