/** @file Values that come from attributes or shapes rather than from data. */
import { intAttribute, tensorAttribute } from "../../graph/attributes.ts";
import { allocate } from "../../tensor/dtype.ts";
import { float32, fromNumbers, int64, sizeOf, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel } from "../kernel.ts";
import { required, unsupported } from "../kernel-support/call.ts";
import { boundedSize } from "../kernel-support/guarded.ts";

const constant: Kernel = (call) => {
  for (const [name, attribute] of call.node.attributes) {
    if (name === "value" && attribute.kind === "tensor") return [attribute.value.load()];
    if (name === "value_float" && attribute.kind === "float") return [float32([], [attribute.value])];
    if (name === "value_int" && attribute.kind === "int") return [int64([], [attribute.value])];
    if (name === "value_floats" && attribute.kind === "floats") {
      return [float32([attribute.value.length], attribute.value)];
    }
    if (name === "value_ints" && attribute.kind === "ints")
      return [int64([attribute.value.length], attribute.value)];
  }
  throw unsupported(call, "strings and sparse tensors");
};

const constantOfShape: Kernel = (call) => {
  const shape = [...toNumbers(required(call, 0))];
  const value = tensorAttribute(call.node, "value")?.load() ?? float32([1], [0]);
  const data = allocate(value.dtype, boundedSize(shape));
  data.fill(value.data[0]! as never);
  return [{ dtype: value.dtype, shape, data }];
};

/** All sizes of the input, or those from `start` to `end` (opset 15). */
const shape: Kernel = (call) => {
  const sizes = required(call, 0).shape;
  const end = intAttribute(call.node, "end") ?? sizes.length;
  const part = sizes.slice(intAttribute(call.node, "start", 0), end);
  return [int64([part.length], part)];
};

const size: Kernel = (call) => [int64([], [sizeOf(required(call, 0).shape)])];

const range: Kernel = (call) => {
  const first = required(call, 0);
  const [start, limit, delta] = [0, 1, 2].map((position) => toNumbers(required(call, position))[0]!);
  if (delta === 0) throw unsupported(call, "a step of 0");
  const length = Math.max(0, Math.ceil((limit! - start!) / delta!));
  const values = Array.from({ length: boundedSize([length]) }, (_, k) => start! + k * delta!);
  return [fromNumbers(first.dtype, [length], values)];
};

export const constantKernels: Readonly<Record<string, Kernel>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Shape: shape,
  Size: size,
};
