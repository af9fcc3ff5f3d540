/** @file Readers of array files, against bytes that numpy 2.4 wrote and against files cut or bent at random. */
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { idxBytes, npyBytes, npyHeader } from "../../test/helpers/array-files.ts";
import { isProblem, type ProblemCode } from "../base/problem.ts";
import { allocate, type DType } from "../tensor/dtype.ts";
import { type Tensor, toNumbers } from "../tensor/tensor.ts";
import { readIdx } from "./idx.ts";
import { readNpy } from "./npy.ts";
import { readNpz } from "./npz.ts";

const decode = (text: string): Buffer => Buffer.from(text, "base64");

function codeOf(run: () => unknown): ProblemCode | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
}

describe(".npy written by numpy", () => {
  test("int16 in Fortran order becomes row-major", () => {
    const bytes = decode(
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAwABAAQAAgAFAABAA0ABQARAAkAFQACAA4ABgASAAoAFgADAA8ABwATAAsAFwA=",
    );
    const array = readNpy(bytes, "a.npy");
    expect(array.shape).toEqual([2, 3, 4]);
    expect([...toNumbers(array)]).toEqual(Array.from({ length: 24 }, (_, i) => i));
  });

  test("float16", () => {
    const bytes = decode(
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgDAZi7/ew==",
    );
    const array = readNpy(bytes, "a.npy");
    expect(array.dtype).toBe("float16");
    expect([...toNumbers(array)]).toEqual([1.5, -2, 0.0999755859375, 65504]);
  });

  test("big-endian int64 beyond 2^53 stays exact", () => {
    const bytes = decode(
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPmk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAIAAAAAAAAf/////////7",
    );
    expect(readNpy(bytes, "a.npy")).toEqual({
      dtype: "int64",
      shape: [2],
      data: BigInt64Array.of(2n ** 53n + 1n, -5n),
    });
  });

  test("a scalar has shape []", () => {
    const bytes = decode(
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAOBA",
    );
    expect(readNpy(bytes, "a.npy")).toEqual({ dtype: "float32", shape: [], data: Float32Array.of(7) });
  });

  test("a compressed .npz gives its arrays by name", () => {
    const bytes = decode(
      "UEsDBC0AAAAIAAAAIQDMypy9//////////8FABQAeC5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhABRHnWT//////////wUAFAB5Lm5weQEAEACYAAAAAAAAAEkAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaxjqaOgq1ChQALgYoYESjAVBLAQItAy0AAAAIAAAAIQDMypy9VQAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQItAy0AAAAIAAAAIQAUR51kSQAAAJgAAAAFAAAAAAAAAAAAAACAAYwAAAB5Lm5weVBLBQYAAAAAAgACAGYAAAAMAQAAAAA=",
    );
    const arrays = readNpz(bytes, "a.npz");
    expect([...arrays.keys()]).toEqual(["x", "y"]);
    expect(arrays.get("x")).toEqual({
      dtype: "float32",
      shape: [3, 2],
      data: Float32Array.of(0, 1, 2, 3, 4, 5),
    });
    expect(arrays.get("y")?.data).toEqual(BigInt64Array.of(0n, 1n, 1n));
  });
});

const dtypes: DType[] = [
  "float16",
  "float32",
  "float64",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "bool",
];

const tensors: fc.Arbitrary<Tensor> = fc
  .record({
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  })
  .map(({ dtype, shape }) => {
    const data = allocate(
      dtype,
      shape.reduce((size, dim) => size * dim, 1),
    );
    new Uint8Array(data.buffer).forEach((_, k, all) => {
      all[k] = (k * 37 + 11) & (dtype === "bool" ? 1 : 0x3f);
    });
    return { dtype, shape, data };
  });

test("every dtype and shape comes back from .npy, at any alignment", () => {
  fc.assert(
    fc.property(tensors, fc.integer({ min: 0, max: 7 }), (array, shift) => {
      const shifted = Buffer.concat([Buffer.alloc(shift), npyBytes(array)]).subarray(shift);
      expect(readNpy(shifted, "a.npy")).toEqual(array);
    }),
  );
});

test("versions 2 and 3 have the longer header", () => {
  const text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
  for (const version of [2, 3] as const) {
    expect(readNpy(Buffer.concat([npyHeader(text, version), Buffer.of(8, 9)]), "a.npy").data).toEqual(
      Uint8Array.of(8, 9),
    );
  }
});

test.each([
  [
    "a shape the file cannot hold",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000, 1000000)}",
    "data-file-corrupt",
  ],
  [
    "a shape beyond exact integers",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (9000000000000, 9000000000000)}",
    "data-file-corrupt",
  ],
  ["a negative size", "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", "data-file-corrupt"],
  ["no shape", "{'descr': '<f8', 'fortran_order': False}", "data-file-corrupt"],
  ["Python objects", "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "data-dtype-unsupported"],
  ["text", "{'descr': '<U5', 'fortran_order': False, 'shape': (1,)}", "data-dtype-unsupported"],
  ["complex numbers", "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "data-dtype-unsupported"],
  ["records", "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "data-dtype-unsupported"],
] as const)("%s is refused", (_name, header, code) => {
  expect(codeOf(() => readNpy(npyHeader(header), "a.npy"))).toBe(code);
});

const file: Tensor = {
  dtype: "float32",
  shape: [4, 3],
  data: Float32Array.from({ length: 12 }, (_, k) => k),
};
const readers = [
  { name: ".npy", read: readNpy, bytes: npyBytes(file) },
  { name: ".npz", read: readNpz, bytes: Buffer.from(zipSync({ "x.npy": npyBytes(file) })) },
  {
    name: "IDX",
    read: readIdx,
    bytes: idxBytes(
      [3, 4],
      Uint8Array.from({ length: 12 }, (_, k) => k),
    ),
  },
  {
    name: "gzipped IDX",
    read: readIdx,
    bytes: gzipSync(
      idxBytes(
        [3, 4],
        Uint8Array.from({ length: 12 }, (_, k) => k),
      ),
    ),
  },
];

describe.each(readers)("damaged $name", ({ read, bytes }) => {
  test("cut anywhere is reported as corrupt", () => {
    for (let end = 0; end < bytes.length; end++) {
      expect(
        codeOf(() => read(bytes.subarray(0, end), "cut")),
        `first ${end} bytes`,
      ).toBe("data-file-corrupt");
    }
  });

  test("bent anywhere is read or reported, never a crash", () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bent = Buffer.from(bytes);
        bent[at] = byte;
        codeOf(() => read(bent, "bent"));
      }),
      { numRuns: 500 },
    );
  });
});

describe("IDX", () => {
  test("big-endian elements wider than a byte", () => {
    const bytes = Buffer.of(0, 0, 0x0b, 1, 0, 0, 0, 2, 0x01, 0x02, 0xff, 0xfe); // int16
    expect(readIdx(bytes, "a.idx").data).toEqual(Int16Array.of(258, -2));
  });

  test("gzipped and plain agree", () => {
    const bytes = idxBytes([2, 2], Uint8Array.of(1, 2, 3, 4));
    expect(readIdx(gzipSync(bytes), "a.gz")).toEqual(readIdx(bytes, "a"));
  });

  test("a gzip that unpacks to more than the header promises is not unpacked", () => {
    const bomb = gzipSync(Buffer.concat([idxBytes([2], Uint8Array.of(1, 2)), Buffer.alloc(50_000_000)]));
    expect(codeOf(() => readIdx(bomb, "bomb.gz"))).toBe("data-file-corrupt");
  });

  test("a header that promises gigabytes is refused before memory is taken", () => {
    const header = Buffer.of(0, 0, 0x0e, 3, 255, 255, 255, 255, 0, 1, 0, 0, 0, 0, 255, 255);
    expect(codeOf(() => readIdx(header, "a"))).toBe("data-file-corrupt");
    expect(codeOf(() => readIdx(gzipSync(header), "a"))).toBe("data-file-corrupt");
  });
});
