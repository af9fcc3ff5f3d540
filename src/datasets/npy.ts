/**
 * @file The header of numpy's .npy format: a magic string, a Python literal with element type, order and shape, then the
 * elements.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { PrunerError } from "../base/problem.ts";
import type { DType } from "../tensor/dtype.ts";
import type { PlacedLayout, RawLayout } from "./raw-array.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // "\x93NUMPY"

/** Numpy's type codes without the byte-order mark. */
const dtypes: Readonly<Record<string, DType>> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
  u8: "uint64",
  b1: "bool",
};

export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, at) => bytes[at] === byte);
}

/**
 * What the header says, and where it ends.
 * @param bytes The file from its start, as far as the header goes at least.
 * @throws {PrunerError} `data-file-corrupt`, or `data-dtype-unsupported` for strings, objects, records and complex numbers.
 */
export function npyLayout(bytes: Uint8Array, path: string): PlacedLayout {
  const { text, dataOffset } = headerOf(bytes, path);
  return { ...parseHeader(text, path), offset: dataOffset };
}

function headerOf(bytes: Uint8Array, path: string): { text: string; dataOffset: number } {
  if (!isNpy(bytes)) throw corrupt(path, "does not start like an .npy file");
  const version = bytes[6] ?? 0;
  if (version < 1 || version > 3) throw corrupt(path, `is .npy version ${version}; versions 1 to 3 exist`);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw corrupt(path, "ends inside the header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataOffset = start + length;
  if (dataOffset > bytes.length) throw corrupt(path, "ends inside the header");
  const encoding = version === 3 ? "utf-8" : "latin1";
  return { text: new TextDecoder(encoding).decode(bytes.subarray(start, dataOffset)), dataOffset };
}

/** The header is the Python literal of a dict with exactly these three keys, in any order. */
function parseHeader(text: string, path: string): RawLayout {
  const descr = /['"]descr['"]\s*:\s*(['"])([^'"]*)\1/.exec(text)?.[2];
  const fortran = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const shape = /['"]shape['"]\s*:\s*\(([^)]*)\)/.exec(text)?.[1];
  if (descr === undefined && /['"]descr['"]\s*:\s*\[/.test(text)) throw unsupported(path, "record");
  if (descr === undefined || fortran === undefined || shape === undefined) {
    throw corrupt(path, `has a header that cannot be read (${text.slice(0, 80).trim()})`);
  }
  return { ...parseType(descr, path), fortran: fortran === "True", shape: parseShape(shape, path) };
}

function parseType(descr: string, path: string): Pick<RawLayout, "dtype" | "bigEndian"> {
  const dtype = /^[<>|=]/.test(descr) ? dtypes[descr.slice(1)] : undefined;
  if (dtype === undefined) throw unsupported(path, `"${descr}"`);
  return { dtype, bigEndian: descr.startsWith(">") };
}

function parseShape(text: string, path: string): number[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop(); // "(3,)" and "()"
  return parts.map((part) => {
    // Python 2 wrote long integers with a trailing L
    const digits = /^(\d+)L?$/.exec(part)?.[1];
    if (digits === undefined || !Number.isSafeInteger(Number(digits))) {
      throw corrupt(path, `has a header with the shape (${text})`);
    }
    return Number(digits);
  });
}

function corrupt(path: string, detail: string): PrunerError {
  return new PrunerError("data-file-corrupt", { path, detail });
}

function unsupported(path: string, got: string): PrunerError {
  const expected = "numbers or booleans (float16 to float64, int8 to int64, uint8 to uint64, bool)";
  return new PrunerError("data-dtype-unsupported", { path, got, expected });
}
