/** @file Undoes broadcasting: a gradient of the large shape summed down to the shape of the operand. */
import type { Dim } from "../../graph/model.ts";
import type { GradientCall } from "../gradient.ts";

/**
 * The gradient of an operand that was broadcast to the shape of `gradient`.
 * @param from Shape of `gradient`.
 * @param to Shape of the operand.
 * @returns `gradient` itself where nothing was repeated.
 * @throws {PrunerError} `no-gradient` where the shapes leave open which axes were repeated.
 */
export function reduceTo(
  call: GradientCall,
  gradient: string,
  from: readonly Dim[] | undefined,
  to: readonly Dim[] | undefined,
): string {
  if (from === undefined || to === undefined) return call.refuse("the shapes it broadcasts are not known");
  const extra = from.length - to.length;
  const leading = Array.from({ length: extra }, (_, axis) => axis);
  const repeated = from.flatMap((size, axis) => {
    if (axis < extra) return [];
    const own = to[axis - extra];
    if (own === size && own !== undefined) return [];
    if (own === 1) return [axis];
    if (typeof own === "number" && typeof size !== "number") return []; // the open size can only be this one
    return call.refuse(
      `axis ${axis} has sizes ${size ?? "?"} and ${own ?? "?"}, which may or may not be equal`,
    );
  });
  const { emit } = call;
  const kept =
    repeated.length === 0
      ? gradient
      : emit.node("ReduceSum", [gradient, emit.ints(repeated)], { keepdims: 1 });
  if (extra === 0) return kept;
  return emit.node("ReduceSum", [kept, emit.ints(leading)], { keepdims: 0 });
}
