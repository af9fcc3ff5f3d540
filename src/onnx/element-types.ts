/** @file How ONNX numbers element types, and which of them the product computes with. */
import { TensorProto_DataType as Code } from "onnx-buf";
import type { DType } from "../tensor/dtype.ts";

const codes = {
  float32: Code.FLOAT,
  float64: Code.DOUBLE,
  float16: Code.FLOAT16,
  bfloat16: Code.BFLOAT16,
  int8: Code.INT8,
  int16: Code.INT16,
  int32: Code.INT32,
  int64: Code.INT64,
  uint8: Code.UINT8,
  uint16: Code.UINT16,
  uint32: Code.UINT32,
  uint64: Code.UINT64,
  bool: Code.BOOL,
} as const satisfies Record<DType, Code>;

const dtypes: ReadonlyMap<number, DType> = new Map(
  Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]),
);

/** Bits per element of the types that are only carried along; strings have no fixed size. */
const opaqueBits: ReadonlyMap<number, number> = new Map([
  [Code.COMPLEX64, 64],
  [Code.COMPLEX128, 128],
  [Code.FLOAT8E4M3FN, 8],
  [Code.FLOAT8E4M3FNUZ, 8],
  [Code.FLOAT8E5M2, 8],
  [Code.FLOAT8E5M2FNUZ, 8],
  [Code.FLOAT8E8M0, 8],
  [Code.UINT4, 4],
  [Code.INT4, 4],
  [Code.FLOAT4E2M1, 4],
  [Code.UINT2, 2],
  [Code.INT2, 2],
]);

/** Our name for an ONNX element type; undefined when the product only carries such tensors along. */
export function dtypeOf(code: number): DType | undefined {
  return dtypes.get(code);
}

export function codeOf(dtype: DType): number {
  return codes[dtype];
}

/** The ONNX name of an element type, for messages. */
export function elementTypeName(code: number): string {
  return Code[code] ?? `element type ${code}`;
}

/** Bits per element of an opaque type; undefined when they vary or the type is unknown to this version. */
export function opaqueBitsOf(code: number): number | undefined {
  return opaqueBits.get(code);
}
