/** @file Readers of array files, against bytes that numpy 2.4 wrote and against files cut or bent at random. */
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { idxBytes, npyBytes, npyHeader } from "../../test/helpers/array-files.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { isProblem, type ProblemCode } from "../base/problem.ts";
import { allocate, type DType } from "../tensor/dtype.ts";
import { type Tensor, toNumbers } from "../tensor/tensor.ts";
import { openArrayFile } from "./array-file.ts";
import { loaded } from "./stored-array.ts";

const decode = (text: string): Buffer => Buffer.from(text, "base64");

async function codeOf(work: Promise<unknown>): Promise<ProblemCode | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
}

const folder = temporaryFolder();

/** The arrays of a file with these bytes: in memory, then left on the disk. Both ways must agree. */
async function readAll(bytes: Uint8Array): Promise<ReadonlyMap<string, Tensor>> {
  const path = folder.file("a");
  writeFileSync(path, bytes);
  const kept = await openArrayFile(path, {}).then(wholes, (error: unknown) => error);
  const streamed = await openArrayFile(path, { streamAbove: -1 }).then(wholes, (error: unknown) => error);
  expect(streamed).toEqual(kept);
  if (kept instanceof Map) return kept;
  throw kept;
}

function wholes(arrays: Awaited<ReturnType<typeof openArrayFile>>): Map<string, Tensor> {
  return new Map([...arrays].map(([name, array]) => [name, loaded(array)]));
}

/** The only array of a file. */
async function read(bytes: Uint8Array): Promise<Tensor> {
  const arrays = await readAll(bytes);
  return arrays.get("")!;
}

describe(".npy written by numpy", () => {
  test("int16 in Fortran order becomes row-major", async () => {
    const bytes = decode(
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgNCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAwABAAQAAgAFAABAA0ABQARAAkAFQACAA4ABgASAAoAFgADAA8ABwATAAsAFwA=",
    );
    const array = await read(bytes);
    expect(array.shape).toEqual([2, 3, 4]);
    expect([...toNumbers(array)]).toEqual(Array.from({ length: 24 }, (_, i) => i));
  });

  test("float16", async () => {
    const bytes = decode(
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgDAZi7/ew==",
    );
    const array = await read(bytes);
    expect(array.dtype).toBe("float16");
    expect([...toNumbers(array)]).toEqual([1.5, -2, 0.0999755859375, 65504]);
  });

  test("big-endian int64 beyond 2^53 stays exact", async () => {
    const bytes = decode(
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPmk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAIAAAAAAAAf/////////7",
    );
    expect(await read(bytes)).toEqual({
      dtype: "int64",
      shape: [2],
      data: BigInt64Array.of(2n ** 53n + 1n, -5n),
    });
  });

  test("a scalar has shape []", async () => {
    const bytes = decode(
      "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAOBA",
    );
    expect(await read(bytes)).toEqual({ dtype: "float32", shape: [], data: Float32Array.of(7) });
  });

  test("a compressed .npz gives its arrays by name", async () => {
    const bytes = decode(
      "UEsDBC0AAAAIAAAAIQDMypy9//////////8FABQAeC5ucHkBABAAmAAAAAAAAABVAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GsY6CkaaOgq1CmQDLgYwaLAHEg5ABMQNQLzAAQBQSwMELQAAAAgAAAAhABRHnWT//////////wUAFAB5Lm5weQEAEACYAAAAAAAAAEkAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaxjqaOgq1ChQALgYoYESjAVBLAQItAy0AAAAIAAAAIQDMypy9VQAAAJgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLAQItAy0AAAAIAAAAIQAUR51kSQAAAJgAAAAFAAAAAAAAAAAAAACAAYwAAAB5Lm5weVBLBQYAAAAAAgACAGYAAAAMAQAAAAA=",
    );
    const arrays = await readAll(bytes);
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

test("every dtype and shape comes back from .npy, and from .npz at any alignment", async () => {
  await fc.assert(
    fc.asyncProperty(
      tensors,
      fc.integer({ min: 0, max: 7 }),
      fc.boolean(),
      async (array, shift, isPacked) => {
        expect(await read(npyBytes(array))).toEqual(array);
        const name = "n".repeat(1 + shift);
        const zip = zipSync({ [`${name}.npy`]: npyBytes(array) }, { level: isPacked ? 6 : 0 });
        expect(await readAll(zip)).toEqual(new Map([[name, array]]));
      },
    ),
  );
});

test("versions 2 and 3 have the longer header", async () => {
  const text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }";
  for (const version of [2, 3] as const) {
    const { data } = await read(Buffer.concat([npyHeader(text, version), Buffer.of(8, 9)]));
    expect(data).toEqual(Uint8Array.of(8, 9));
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
] as const)("%s is refused", async (_name, header, code) => {
  expect(await codeOf(read(npyHeader(header)))).toBe(code);
});

const file: Tensor = {
  dtype: "float32",
  shape: [4, 3],
  data: Float32Array.from({ length: 12 }, (_, k) => k),
};
const readers = [
  { name: ".npy", bytes: npyBytes(file) },
  { name: ".npz", bytes: Buffer.from(zipSync({ "x.npy": npyBytes(file) })) },
  { name: "stored .npz", bytes: Buffer.from(zipSync({ "x.npy": npyBytes(file) }, { level: 0 })) },
  {
    name: "IDX",
    bytes: idxBytes(
      [3, 4],
      Uint8Array.from({ length: 12 }, (_, k) => k),
    ),
  },
  {
    name: "gzipped IDX",
    bytes: gzipSync(
      idxBytes(
        [3, 4],
        Uint8Array.from({ length: 12 }, (_, k) => k),
      ),
    ),
  },
];

describe.each(readers)("damaged $name", ({ bytes }) => {
  test("cut anywhere is reported", async () => {
    for (let end = 0; end < bytes.length; end++) {
      const code = await codeOf(readAll(bytes.subarray(0, end)));
      const isStump = end < 6; // too short to tell the format
      expect(code, `first ${end} bytes`).toBe(
        isStump && code === "data-format-unknown" ? code : "data-file-corrupt",
      );
    }
  });

  test("bent anywhere is read or reported, never a crash", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
        const bent = Buffer.from(bytes);
        bent[at] = byte;
        await codeOf(readAll(bent));
      }),
      { numRuns: 300 },
    );
  });
});

describe("IDX", () => {
  test("big-endian elements wider than a byte", async () => {
    const bytes = Buffer.of(0, 0, 0x0b, 1, 0, 0, 0, 2, 0x01, 0x02, 0xff, 0xfe); // int16
    expect((await read(bytes)).data).toEqual(Int16Array.of(258, -2));
  });

  test("gzipped and plain agree", async () => {
    const bytes = idxBytes([2, 2], Uint8Array.of(1, 2, 3, 4));
    expect(await read(gzipSync(bytes))).toEqual(await read(bytes));
  });

  test("a gzip that unpacks to more than the header promises is not unpacked", async () => {
    const bomb = gzipSync(Buffer.concat([idxBytes([2], Uint8Array.of(1, 2)), Buffer.alloc(50_000_000)]));
    expect(await codeOf(read(bomb))).toBe("data-file-corrupt");
  });

  test("a header that promises gigabytes is refused before memory is taken", async () => {
    const header = Buffer.of(0, 0, 0x0e, 3, 255, 255, 255, 255, 0, 1, 0, 0, 0, 0, 255, 255);
    expect(await codeOf(read(header))).toBe("data-file-corrupt");
    expect(await codeOf(read(gzipSync(header)))).toBe("data-file-corrupt");
  });
});
