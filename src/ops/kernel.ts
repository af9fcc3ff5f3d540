/** @file The signature every reference kernel has. */
import type { Node } from "../graph/model.ts";
import type { Tensor } from "../tensor/tensor.ts";

export interface KernelCall {
  readonly node: Node;
  /** One entry per input of the node; undefined where an optional input is omitted. */
  readonly inputs: readonly (Tensor | undefined)[];
  /** Version of the operator set the node's domain is imported with. */
  readonly opset: number;
}

/**
 * Computes the outputs of one node in plain TypeScript: slow, clear, and the oracle for tests. Accumulates in
 * double precision and rounds to the element type of the output. Floats of 16 bits are computed as doubles.
 * @throws {PrunerError} `kernel-unsupported` for an attribute the kernel does not cover; never a wrong result.
 */
export type Kernel = (call: KernelCall) => readonly Tensor[];
