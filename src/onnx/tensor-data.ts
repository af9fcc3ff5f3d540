/** @file From a TensorProto to elements: checks before anything is allocated, views instead of copies where bytes are aligned. */
import { type TensorProto, TensorProto_DataLocation, TensorProtoSchema } from "onnx-buf";
import { PrunerError } from "../base/problem.ts";
import type { StoredTensor } from "../graph/model.ts";
import { arrayTypes, bytesPerElement, type DType, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { dtypeOf, opaqueBitsOf } from "./element-types.ts";
import { type DataFiles, type DataRange, rangeOf, readRange } from "./external-data.ts";
import { edited } from "./messages.ts";

/**
 * What a tensor read from a file remembers. While a stored tensor still has the `load` it was read with, its
 * elements are those of `proto`; {@link StoredTensor} objects that carry the origin of another have a `load` of their own.
 */
export interface TensorOrigin {
  readonly proto: TensorProto;
  readonly load: () => Tensor;
}

/** Where the external bytes of each tensor lie, for writing them to another place. */
const ranges = new WeakMap<TensorProto, DataRange>();

export function externalRangeOf(proto: TensorProto): DataRange | undefined {
  return ranges.get(proto);
}

/** The tensor under another name; its external bytes stay where they are. */
export function renamed(proto: TensorProto, name: string): TensorProto {
  const copy = edited(TensorProtoSchema, proto, { name });
  const range = ranges.get(proto);
  if (range !== undefined) ranges.set(copy, range);
  return copy;
}

export function isExternal(proto: TensorProto): boolean {
  return proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
}

/**
 * Checks and remembers where a tensor's external bytes lie; does nothing for other tensors.
 * @throws {PrunerError} `external-data-refused` or `tensor-invalid`.
 */
export function locate(proto: TensorProto, files: DataFiles): void {
  if (!isExternal(proto)) return;
  const dtype = dtypeOf(proto.dataType);
  const bits = dtype === undefined ? opaqueBitsOf(proto.dataType) : bytesPerElement(dtype) * 8;
  const bytes = bits === undefined ? undefined : Math.ceil((sizeOf(shapeOf(proto)) * bits) / 8);
  ranges.set(proto, rangeOf(proto, files, bytes));
}

/**
 * Sizes of the axes.
 * @throws {PrunerError} `tensor-invalid` for negative sizes and for more elements than a computer can count.
 */
export function shapeOf(proto: { readonly dims: readonly bigint[]; readonly name: string }): number[] {
  const shape = proto.dims.map(Number);
  const fine = (size: number): boolean => Number.isSafeInteger(size) && size >= 0;
  if (shape.every(fine) && (shape.includes(0) || fine(sizeOf(shape)))) return shape;
  throw new PrunerError("tensor-invalid", {
    tensor: proto.name,
    detail: `shape [${proto.dims.slice(0, 16).join(", ")}] is impossible`,
  });
}

/**
 * A tensor over the bytes of the file, decoded when first asked for; undefined for element types the product only carries.
 * Elements of the file itself are kept once decoded, external ones are read anew by every load.
 * @throws {PrunerError} `tensor-invalid` when shape and data disagree.
 */
export function storedFromProto(proto: TensorProto): StoredTensor | undefined {
  const dtype = dtypeOf(proto.dataType);
  if (dtype === undefined || proto.segment !== undefined) return undefined;
  const shape = shapeOf(proto);
  const range = externalRangeOf(proto);
  if (range !== undefined) {
    const load = (): Tensor => ({ dtype, shape, data: elementsOf(dtype, readRange(range)) });
    return { dtype, shape, load, origin: { proto, load } satisfies TensorOrigin };
  }
  checkCount(proto, dtype, sizeOf(shape));
  let kept: Tensor | undefined;
  const load = (): Tensor => {
    kept ??= { dtype, shape, data: decode(proto, dtype) };
    return kept;
  };
  return { dtype, shape, load, origin: { proto, load } satisfies TensorOrigin };
}

function checkCount(proto: TensorProto, dtype: DType, size: number): void {
  const raw = proto.rawData.length > 0;
  const found = raw ? proto.rawData.length / bytesPerElement(dtype) : typedField(proto, dtype).length;
  if (found === size) return;
  const detail = `shape [${proto.dims.join(", ")}] asks for ${size} elements of ${dtype}, the file holds ${found}`;
  throw new PrunerError("tensor-invalid", { tensor: proto.name, detail });
}

function decode(proto: TensorProto, dtype: DType): TypedArray {
  if (proto.rawData.length > 0) return elementsOf(dtype, proto.rawData);
  if (dtype === "int64") return BigInt64Array.from(proto.int64Data);
  if (dtype === "uint64") return BigUint64Array.from(proto.uint64Data);
  const numbers = dtype === "uint32" ? proto.uint64Data.map(Number) : (typedField(proto, dtype) as number[]);
  return arrayTypes[dtype].from(numbers);
}

/** Which repeated field holds elements that are not in raw_data; 16-bit floats stand as bit patterns among integers. */
function typedField(proto: TensorProto, dtype: DType): readonly (number | bigint)[] {
  switch (dtype) {
    case "float32":
      return proto.floatData;
    case "float64":
      return proto.doubleData;
    case "int64":
      return proto.int64Data;
    case "uint32":
    case "uint64":
      return proto.uint64Data;
    default:
      return proto.int32Data;
  }
}

/** A typed array over little-endian bytes: a view when they are aligned, a copy when not. */
function elementsOf(dtype: DType, bytes: Uint8Array<ArrayBuffer>): TypedArray {
  const type = arrayTypes[dtype];
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : Uint8Array.from(bytes);
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / type.BYTES_PER_ELEMENT);
}
