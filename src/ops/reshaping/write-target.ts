/** @file How the target of a reshape is written when some of its sizes are open. */
import { divideDims, factorsOf } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import { int64 } from "../../tensor/tensor.ts";
import type { Fact, SliceCall } from "../operator.ts";

/** One size of a target. */
export type TargetSize =
  | { readonly kind: "number"; readonly size: number }
  /** 0: as the same axis of the input. */
  | { readonly kind: "copied" }
  /** -1: whatever is left. */
  | { readonly kind: "rest" }
  /** As the target that is replaced tells it. */
  | { readonly kind: "given"; readonly axis: number }
  /** Measured at run time: the size of an axis of the input, times and divided by numbers. */
  | { readonly kind: "measured"; readonly axis: number; readonly times: number; readonly over: number };

/**
 * A way to write `after` for an input of shape `before`; undefined when two sizes or more can only be the rest.
 * @param isGiven Whether the target as it is tells this axis: an open size that no slice changes.
 */
export function targetSizes(
  before: readonly Dim[],
  after: readonly Dim[],
  isGiven: (axis: number) => boolean = () => false,
): TargetSize[] | undefined {
  const asRest: TargetSize = { kind: "rest" };
  const sizes = after.map((size, axis): TargetSize => {
    return ownSize(before, size, axis) ?? (isGiven(axis) ? { kind: "given", axis } : asRest);
  });
  const count = (...kinds: TargetSize["kind"][]) => sizes.filter(({ kind }) => kinds.includes(kind)).length;
  if (count("rest") > 1) return undefined;
  // One size is free: better the rest than something computed.
  const isFree = count("rest") === 0 && count("measured", "given") === 1;
  return isFree
    ? sizes.map((size) => (size.kind === "measured" || size.kind === "given" ? asRest : size))
    : sizes;
}

/** Which sizes of a target are told by it and open; `changes` says which a slice may change. */
export function givenSizes(
  target: Fact | undefined,
  after: readonly Dim[],
  changes: (axis: number) => boolean,
): (axis: number) => boolean {
  const { elements } = target ?? {};
  return (axis) =>
    elements?.length === after.length &&
    typeof elements[axis] === "string" &&
    elements[axis] === after[axis] &&
    !changes(axis);
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
  if (sizes.every(({ kind }) => kind !== "measured" && kind !== "given")) {
    call.replaceInput(1, int64([sizes.length], sizes.map(plainSize)));
    return;
  }
  const isMeasured = sizes.some(({ kind }) => kind === "measured");
  const shape = isMeasured ? call.emit("Shape", [call.node.inputs[0]!]) : "";
  const list = (value: number) => call.store(int64([1], [value]));
  const parts = sizes.map((size) => {
    if (size.kind === "given")
      return call.emit("Gather", [call.node.inputs[1]!, list(size.axis)], { axis: 0 });
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
