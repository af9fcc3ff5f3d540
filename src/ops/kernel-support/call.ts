/** @file What kernels ask of their call: inputs that must be there, numbers, axes, and a coded way to say no. */
import { PrunerError } from "../../base/problem.ts";
import { intsAttribute } from "../../graph/attributes.ts";
import { nodeLabel } from "../../graph/model.ts";
import { type Tensor, toNumbers } from "../../tensor/tensor.ts";
import type { KernelCall } from "../kernel.ts";

/** The error for whatever a kernel does not cover. */
export function unsupported(
  call: Pick<KernelCall, "node">,
  detail: string,
): PrunerError<"kernel-unsupported"> {
  return new PrunerError("kernel-unsupported", {
    opType: call.node.opType,
    node: nodeLabel(call.node),
    detail,
  });
}

/** @throws {PrunerError} `kernel-unsupported` when the input is left out. */
export function required(call: KernelCall, position: number): Tensor {
  const found = call.inputs[position];
  if (found === undefined) throw unsupported(call, `leaving out input ${position}`);
  return found;
}

/** The elements of an optional input as plain numbers. */
export function optionalNumbers(call: KernelCall, position: number): Float64Array | undefined {
  const found = call.inputs[position];
  return found === undefined ? undefined : toNumbers(found);
}

/** Integers that old operator sets keep in an attribute and new ones pass as an input. */
export function intsOf(call: KernelCall, position: number, attribute: string): readonly number[] | undefined {
  const given = optionalNumbers(call, position);
  return given === undefined ? intsAttribute(call.node, attribute) : [...given];
}

/** An axis counted from the front. @throws {PrunerError} `kernel-unsupported` outside −rank … rank − 1. */
export function axisOf(call: KernelCall, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) throw unsupported(call, `axis ${axis} of a value with ${rank} axes`);
  return positive;
}

/** Position along an axis counted from the front. @throws {PrunerError} `kernel-unsupported` outside the axis. */
export function indexOf(call: KernelCall, index: number, size: number): number {
  const positive = index < 0 ? index + size : index;
  if (positive < 0 || positive >= size) throw unsupported(call, `index ${index} on an axis of ${size}`);
  return positive;
}
