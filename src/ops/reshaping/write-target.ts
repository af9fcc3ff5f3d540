/** @file How the target of a reshape is written when some of its sizes are open. */
import { divideDims, factorsOf } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import { int64 } from "../../tensor/tensor.ts";
import type { SliceCall } from "../operator.ts";

/** One size of a target. */
export type TargetSize =
  | { readonly kind: "number"; readonly size: number }
  /** 0: as the same axis of the input. */
  | { readonly kind: "copied" }
  /** -1: whatever is left. */
  | { readonly kind: "rest" }
  /** Measured at run time: the size of an axis of the input, times and divided by numbers. */
  | { readonly kind: "measured"; readonly axis: number; readonly times: number; readonly over: number };

/** A way to write `after` for an input of shape `before`; undefined when two sizes or more can only be the rest. */
export function targetSizes(before: readonly Dim[], after: readonly Dim[]): TargetSize[] | undefined {
  const sizes = after.map((size, axis) => ownSize(before, size, axis));
  const rest = sizes.filter((size) => size === undefined).length;
  const measured = sizes.filter((size) => size?.kind === "measured").length;
  if (rest > 1) return undefined;
  const asRest: TargetSize = { kind: "rest" };
  // One size is free: better the rest than a measurement.
  if (rest === 0 && measured === 1) return sizes.map((size) => (size!.kind === "measured" ? asRest : size!));
  return sizes.map((size) => size ?? asRest);
}

function ownSize(before: readonly Dim[], size: Dim, axis: number): TargetSize | undefined {
  if (typeof size === "number") return { kind: "number", size };
  if (size === undefined) return undefined;
  if (before[axis] === size) return { kind: "copied" };
  const { factor, atoms } = factorsOf(size);
  for (const [other, own] of before.entries()) {
    if (own === undefined || typeof own === "number") continue;
    const candidate = factorsOf(own);
    if (candidate.atoms.join("*") !== atoms.join("*")) continue;
    const exact = divideDims(size, own);
    const [times, over] = exact === undefined ? [factor, candidate.factor] : [exact as number, 1];
    return { kind: "measured", axis: other, times, over };
  }
  return undefined;
}

/** Puts the target of a reshape of the node's first input in the place of its second. */
export function writeTarget(call: SliceCall, sizes: readonly TargetSize[]): void {
  if (sizes.every(({ kind }) => kind !== "measured")) {
    call.replaceInput(1, int64([sizes.length], sizes.map(plainSize)));
    return;
  }
  const shape = call.emit("Shape", [call.node.inputs[0]!]);
  const list = (value: number) => call.store(int64([1], [value]));
  const parts = sizes.map((size) => {
    if (size.kind !== "measured") return list(plainSize(size));
    const own = call.emit("Gather", [shape, list(size.axis)], { axis: 0 });
    const over = size.over === 1 ? own : call.emit("Div", [own, list(size.over)]);
    return size.times === 1 ? over : call.emit("Mul", [over, list(size.times)]);
  });
  call.redirectInput(1, call.emit("Concat", parts, { axis: 0 }));
}

function plainSize(size: TargetSize): number {
  if (size.kind === "number") return size.size;
  return size.kind === "copied" ? 0 : -1;
}
