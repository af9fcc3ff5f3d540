/** @file Writes small .npy and IDX files in memory, for tests of what reads them. */
import { sizeOf, stridesOf, type Tensor } from "../../src/tensor/tensor.ts";

const codes = {
  float16: "f2",
  float32: "f4",
  float64: "f8",
  int8: "i1",
  int16: "i2",
  int32: "i4",
  int64: "i8",
  uint8: "u1",
  uint16: "u2",
  uint32: "u4",
  uint64: "u8",
  bool: "b1",
  bfloat16: "V2",
} as const;

/** An .npy file of version 1 in little-endian row-major order. */
export function npyBytes({ dtype, shape, data }: Tensor): Buffer {
  return Buffer.concat([headerFor({ dtype, shape }, "False"), bytesOf(data)]);
}

/** The same with the first axis fastest. */
export function fortranBytes({ dtype, shape, data }: Tensor): Buffer {
  const columns = data.slice();
  const [from, to] = [stridesOf(shape), stridesOf([...shape].reverse()).reverse()];
  for (let at = 0; at < sizeOf(shape); at++) {
    const target = shape.reduce(
      (sum, dim, axis) => sum + (Math.floor(at / from[axis]!) % dim) * to[axis]!,
      0,
    );
    columns[target] = data[at]!;
  }
  return Buffer.concat([headerFor({ dtype, shape }, "True"), bytesOf(columns)]);
}

function headerFor({ dtype, shape }: Pick<Tensor, "dtype" | "shape">, fortran: "True" | "False"): Buffer {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  return npyHeader(`{'descr': '<${codes[dtype]}', 'fortran_order': ${fortran}, 'shape': (${dims}), }`);
}

function bytesOf({ buffer, byteOffset, byteLength }: Tensor["data"]): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** The start of an .npy file with any header text, padded to a multiple of 64 bytes as numpy does. */
export function npyHeader(text: string, version: 1 | 2 | 3 = 1): Buffer {
  const start = version === 1 ? 10 : 12;
  const length = Math.ceil((start + text.length + 1) / 64) * 64 - start;
  const head = Buffer.alloc(start);
  head.write("\x93NUMPY", "latin1");
  head[6] = version;
  if (version === 1) head.writeUInt16LE(length, 8);
  else head.writeUInt32LE(length, 8);
  return Buffer.concat([head, Buffer.from(`${text.padEnd(length - 1)}\n`, "latin1")]);
}

/** An IDX file of unsigned bytes. */
export function idxBytes(shape: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => {
    header.writeUInt32BE(size, 4 + 4 * axis);
  });
  return Buffer.concat([header, data]);
}
