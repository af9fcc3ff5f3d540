/** @file Repeatable random tensors. */
import { normal, stream } from "../../src/math/random.ts";
import { float32, sizeOf, type Tensor } from "../../src/tensor/tensor.ts";

/** Standard normal numbers; the same seed gives the same ones. */
export function normalTensor(shape: readonly number[], seed = 1): Tensor {
  const random = stream(seed, 0);
  return float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => normal(random)),
  );
}
