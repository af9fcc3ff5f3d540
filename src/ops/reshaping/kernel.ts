/** @file Operators that give the same elements another shape or order. */
import { intAttribute, intsAttribute, stringAttribute } from "../../graph/attributes.ts";
import { sizeOf, stridesOf, type Tensor, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel } from "../kernel.ts";
import { broadcastPositions, broadcastShape, positionsBySteps } from "../kernel-support/broadcast.ts";
import { axisOf, intsOf, required, unsupported } from "../kernel-support/call.ts";
import { picked, reshaped } from "../kernel-support/move.ts";

const flatten: Kernel = (call) => {
  const x = required(call, 0);
  const axis = intAttribute(call.node, "axis", 1);
  const split = axis < 0 ? axis + x.shape.length : axis;
  return [reshaped(x, [sizeOf(x.shape.slice(0, split)), sizeOf(x.shape.slice(split))])];
};

/** 0 copies a size from the input unless `allowzero`; −1 takes what is left. */
const reshape: Kernel = (call) => {
  const x = required(call, 0);
  const wanted = toNumbers(required(call, 1));
  const zeroMeansCopy = intAttribute(call.node, "allowzero", 0) === 0;
  const sizes = [...wanted].map((size, axis) => (size === 0 && zeroMeansCopy ? (x.shape[axis] ?? -2) : size));
  const known = sizeOf(sizes.filter((size) => size !== -1));
  const shape = sizes.map((size) => (size === -1 ? x.data.length / known : size));
  if (sizeOf(shape) !== x.data.length)
    throw unsupported(call, `${x.data.length} elements as [${wanted.join(", ")}]`);
  return [reshaped(x, shape)];
};

const squeeze: Kernel = (call) => {
  const x = required(call, 0);
  const given = intsOf(call, 1, "axes")?.map((axis) => axisOf(call, axis, x.shape.length));
  const gone = (size: number, axis: number) => (given === undefined ? size === 1 : given.includes(axis));
  if (x.shape.some((size, axis) => gone(size, axis) && size !== 1))
    throw unsupported(call, "an axis larger than 1");
  return [
    reshaped(
      x,
      x.shape.filter((size, axis) => !gone(size, axis)),
    ),
  ];
};

const unsqueeze: Kernel = (call) => {
  const x = required(call, 0);
  const axes = intsOf(call, 1, "axes") ?? [];
  const rank = x.shape.length + axes.length;
  const fresh = new Set(axes.map((axis) => axisOf(call, axis, rank)));
  const old = x.shape[Symbol.iterator]();
  const shape = Array.from({ length: rank }, (_, axis) =>
    fresh.has(axis) ? 1 : (old.next().value as number),
  );
  return [reshaped(x, shape)];
};

/** The input's axes in another order. */
export function permuted(x: Tensor, order: readonly number[]): Tensor {
  const strides = stridesOf(x.shape);
  const shape = order.map((axis) => x.shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  return picked(x, shape, positionsBySteps(shape, steps));
}

const transpose: Kernel = (call) => {
  const x = required(call, 0);
  return [
    permuted(x, intsAttribute(call.node, "perm") ?? x.shape.map((_, axis) => x.shape.length - 1 - axis)),
  ];
};

const expand: Kernel = (call) => {
  const x = required(call, 0);
  const shape = broadcastShape([x.shape, [...toNumbers(required(call, 1))]]);
  if (shape === undefined) throw unsupported(call, "shapes that do not broadcast");
  return [picked(x, shape, broadcastPositions(x.shape, shape))];
};

const tile: Kernel = (call) => {
  const x = required(call, 0);
  const repeats = toNumbers(required(call, 1));
  // Seen as [r0, d0, r1, d1, ...], tiling is a broadcast of the repeat axes.
  const strides = stridesOf(x.shape);
  const walk = x.shape.flatMap((size, axis) => [repeats[axis]!, size]);
  const steps = x.shape.flatMap((_, axis) => [0, strides[axis]!]);
  const shape = x.shape.map((size, axis) => size * repeats[axis]!);
  return [picked(x, shape, positionsBySteps(walk, steps))];
};

const depthToSpace: Kernel = (call) => {
  const x = required(call, 0); // [N, C * b * b, H, W]
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const block = intAttribute(call.node, "blocksize", 1);
  const channels = c / (block * block);
  const columnsFirst = stringAttribute(call.node, "mode", "DCR") === "CRD";
  const split = columnsFirst ? [n, channels, block, block, h, w] : [n, block, block, channels, h, w];
  const order = columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return [reshaped(permuted(reshaped(x, split), order), [n, channels, h * block, w * block])];
};

const spaceToDepth: Kernel = (call) => {
  const x = required(call, 0); // [N, C, H * b, W * b]
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const block = intAttribute(call.node, "blocksize", 1);
  const split = reshaped(x, [n, c, h / block, block, w / block, block]);
  return [reshaped(permuted(split, [0, 3, 5, 1, 2, 4]), [n, c * block * block, h / block, w / block])];
};

export const reshapingKernels: Readonly<Record<string, Kernel>> = {
  DepthToSpace: depthToSpace,
  Expand: expand,
  Flatten: flatten,
  Reshape: reshape,
  SpaceToDepth: spaceToDepth,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
