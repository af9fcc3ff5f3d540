/** @file Concat and Split. */
import { intAttribute } from "../../graph/attributes.ts";
import { allocate } from "../../tensor/dtype.ts";
import { type Tensor, takeAlong } from "../../tensor/tensor.ts";
import type { Kernel } from "../kernel.ts";
import { axisOf, intsOf, required, unsupported } from "../kernel-support/call.ts";
import { around } from "../kernel-support/move.ts";

const concat: Kernel = (call) => {
  const parts = call.inputs.map((_, position) => required(call, position));
  const first = required(call, 0);
  const axis = axisOf(call, intAttribute(call.node, "axis", 0), first.shape.length);
  const size = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  const shape = first.shape.map((old, a) => (a === axis ? size : old));
  const data = allocate(
    first.dtype,
    parts.reduce((sum, part) => sum + part.data.length, 0),
  );
  const { outer, inner } = around(shape, axis);
  let target = 0;
  for (let block = 0; block < outer; block++) {
    for (const part of parts) {
      const run = part.shape[axis]! * inner;
      data.set(part.data.subarray(block * run, (block + 1) * run) as never, target);
      target += run;
    }
  }
  return [{ dtype: first.dtype, shape, data }];
};

/** Sizes come from an attribute (to opset 12), an input (13 on), or are as equal as the outputs allow. */
const split: Kernel = (call) => {
  const x = required(call, 0);
  const axis = axisOf(call, intAttribute(call.node, "axis", 0), x.shape.length);
  const size = x.shape[axis]!;
  const count = intAttribute(call.node, "num_outputs", call.node.outputs.length);
  const even = Math.ceil(size / count);
  const equal = Array.from({ length: count }, (_, k) => Math.max(0, Math.min(even, size - k * even)));
  const sizes = intsOf(call, 1, "split") ?? equal;
  if (sizes.reduce((sum, part) => sum + part, 0) !== size)
    throw unsupported(call, `parts [${sizes.join(", ")}] of ${size}`);
  let start = 0;
  return sizes.map((part): Tensor => {
    const from = start;
    start += part;
    return takeAlong(
      x,
      axis,
      Array.from({ length: part }, (_, k) => from + k),
    );
  });
};

export const joiningKernels: Readonly<Record<string, Kernel>> = { Concat: concat, Split: split };
