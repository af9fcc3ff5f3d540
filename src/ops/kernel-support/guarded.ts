/** @file Malformed or outsized nodes end in a coded error, whatever they trip over inside a kernel. */
import { PrunerError } from "../../base/problem.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { Kernel } from "../kernel.ts";
import { unsupported } from "./call.ts";

/** Elements a kernel makes at most: a file of a few bytes must not claim all memory. */
const elementLimit = 2 ** 26;

/**
 * Number of elements of a shape that a kernel is about to allocate.
 * @throws {RangeError} for sizes that are no whole numbers or beyond the limit; {@link guarded} gives it a code.
 */
export function boundedSize(shape: readonly number[]): number {
  const size = sizeOf(shape);
  const whole = shape.every((dim) => Number.isInteger(dim) && dim >= 0);
  if (!whole || size > elementLimit) throw new RangeError(`a tensor of shape [${shape.join(", ")}]`);
  return size;
}

/**
 * The kernel with its uncoded errors turned into `kernel-unsupported`: kernels trust that a node is well formed, and
 * a file may hold one that is not.
 */
export function guarded(kernel: Kernel): Kernel {
  return (call) => {
    try {
      return kernel(call);
    } catch (cause) {
      if (cause instanceof PrunerError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      const { data } = unsupported(call, `these inputs or attributes (${reason})`);
      throw new PrunerError("kernel-unsupported", data, { cause });
    }
  };
}
