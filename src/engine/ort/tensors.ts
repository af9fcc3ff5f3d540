/** @file Our tensors as the runtime's, and back. Element data are shared, not copied, wherever the runtime allows. */
import type { Tensor as OrtTensor } from "onnxruntime-node";
import { PrunerError } from "../../base/problem.ts";
import { arrayTypes, type DType, type TypedArray } from "../../tensor/dtype.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Ort } from "./load.ts";

/**
 * A tensor the runtime accepts. It refuses arrays over a `SharedArrayBuffer`, so those are copied.
 * @throws {PrunerError} `feed-mismatch` for bfloat16, which the Node binding cannot carry.
 */
export function toOrt(ort: Ort, name: string, value: Tensor): OrtTensor {
  if (value.dtype === "bfloat16") {
    throw new PrunerError("feed-mismatch", { input: name, got: "bfloat16", expected: "float32 or float16" });
  }
  const data = value.data.buffer instanceof SharedArrayBuffer ? value.data.slice() : value.data;
  return new ort.Tensor(value.dtype as "float32", data as Float32Array, value.shape);
}

/**
 * Our view of a tensor the runtime returned.
 * @throws {PrunerError} `engine-failed` for element types we do not carry (strings, 4-bit integers).
 */
export function fromOrt(name: string, value: OrtTensor): Tensor {
  if (!(value.type in arrayTypes)) {
    const detail = `output "${name}" has element type ${value.type}`;
    throw new PrunerError("engine-failed", { doing: "reading outputs", detail });
  }
  const dtype = value.type as DType;
  const data = value.data as TypedArray;
  const ArrayType = arrayTypes[dtype];
  // Newer Node versions hand out Float16Array; ours is a view of the same words.
  const words =
    data instanceof ArrayType
      ? data
      : new ArrayType(
          (data as Uint16Array).buffer as ArrayBuffer,
          (data as Uint16Array).byteOffset,
          (data as Uint16Array).length,
        );
  return { dtype, shape: [...value.dims], data: words };
}
