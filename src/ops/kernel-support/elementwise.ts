/** @file Kernels that apply a function of numbers element by element. */
import type { DType } from "../../tensor/dtype.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { broadcastPositions, broadcastShape } from "./broadcast.ts";
import { required, unsupported } from "./call.ts";

/** y = f(x), the element type kept unless `dtype` says otherwise. */
export function unary(f: (x: number) => number, dtype?: DType): Kernel {
  return unaryWith(() => f, dtype);
}

/** y = f(x) with f made from the attributes of the node. */
export function unaryWith(make: (call: KernelCall) => (x: number) => number, dtype?: DType): Kernel {
  return (call) => {
    const x = required(call, 0);
    return [fromNumbers(dtype ?? x.dtype, x.shape, toNumbers(x).map(make(call)))];
  };
}

/**
 * y = f(a, b, …) over operands broadcast to their common shape, computed in double precision.
 * @throws {PrunerError} `kernel-unsupported` when the shapes do not broadcast.
 */
export function broadcastMap(
  call: KernelCall,
  operands: readonly Tensor[],
  dtype: DType,
  f: (...values: number[]) => number,
): Tensor {
  const shapes = operands.map((operand) => operand.shape);
  const shape = broadcastShape(shapes);
  if (shape === undefined)
    throw unsupported(call, `shapes ${shapes.map((s) => `[${s.join(", ")}]`).join(" and ")}`);
  const numbers = operands.map(toNumbers);
  const positions = shapes.map((from) => broadcastPositions(from, shape));
  const values = new Float64Array(positions[0]!.length);
  const arguments_ = new Array<number>(operands.length);
  for (let k = 0; k < values.length; k++) {
    for (let o = 0; o < operands.length; o++) arguments_[o] = numbers[o]![positions[o]![k]!]!;
    values[k] = f(...arguments_);
  }
  return fromNumbers(dtype, shape, values);
}
