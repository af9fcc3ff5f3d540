/** @file Data that stay on the disk against the same data in memory, whatever their format. */
import { readFileSync, truncateSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { fortranBytes, idxBytes, npyBytes, npyHeader } from "../../test/helpers/array-files.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { PrunerError } from "../base/problem.ts";
import { stream, uniform } from "../math/random.ts";
import { allocate, type DType } from "../tensor/dtype.ts";
import { fromNumbers, sizeOf, type Tensor } from "../tensor/tensor.ts";
import { take } from "./dataset.ts";
import { fitTo } from "./fit.ts";
import { datasetFromArrays } from "./from-arrays.ts";
import { openToRead } from "./held-file.ts";
import { npyLayout } from "./npy.ts";
import { type OpenOptions, openDataset } from "./open.ts";
import type { OpenProgress } from "./opening.ts";
import { rowMajor } from "./placed-array.ts";
import { loaded } from "./stored-array.ts";
import { storedInputs } from "./stored-inputs.ts";

const folder = temporaryFolder();
const put = folder.write;

function drawn(dtype: DType, shape: readonly number[]): Tensor {
  const random = stream(7, 0);
  const values = Float64Array.from({ length: sizeOf(shape) }, () => Math.floor(uniform(random) * 100));
  return fromNumbers(dtype, shape, values);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.catch((reason: unknown) => reason);
  return error instanceof PrunerError ? error.code : String(error);
}

/** The same file with its examples in memory, and left where they are. */
async function both(path: string, options: OpenOptions = {}) {
  return [await openDataset(path, options), await openDataset(path, { ...options, streamAbove: 0 })] as const;
}

describe("a data set that stays in its file is the one in memory", () => {
  const formats: Readonly<Record<string, (array: Tensor) => Uint8Array>> = {
    ".npy": npyBytes,
    ".npy in Fortran order": fortranBytes,
    "stored .npz": (array) => zipSync({ "x.npy": npyBytes(array) }, { level: 0 }),
    "deflated .npz": (array) => zipSync({ "x.npy": npyBytes(array) }, { level: 6 }),
    "deflated .npz in Fortran order": (array) => zipSync({ "x.npy": fortranBytes(array) }, { level: 6 }),
  };
  const kinds: readonly (readonly [DType, OpenOptions])[] = [
    ["uint8", { pixelScale: 255, mean: [0.1, 0.2, 0.3], std: [1, 2, 3], layout: "nhwc" }],
    ["float32", {}],
    ["float64", { mean: [1], std: [2] }],
    ["float16", {}],
    ["int64", { limit: 5, seed: 3 }],
  ];
  const cases = kinds.flatMap(([dtype, options]) =>
    Object.keys(formats).map((format) => [format, dtype, options] as const),
  );
  test.each(cases)("%s of %s %j", async (format, dtype, options) => {
    const path = put(`${dtype} ${format}`, formats[format]!(drawn(dtype, [9, 4, 5, 3])));
    const [near, far] = await both(path, options);
    expect(far.size).toBe(near.size);
    expect(far.fingerprint).toBe(near.fingerprint);
    for (const indices of [[0], [4, 0, 4, 2], [near.size - 1]])
      expect(far.batch(indices)).toEqual(near.batch(indices));
    expect(take(far, [3, 1]).batch([1, 0])).toEqual(take(near, [3, 1]).batch([1, 0]));
    const stored = await storedInputs(path, options);
    expect([...stored.values()]).toEqual([{ dtype, shape: [4, 5, 3] }]);
    expect([...stored.keys()]).toEqual([...near.inputs.keys()]);
  });

  test("as IDX with labels beside it, and with bytes the other way round", async () => {
    const images = drawn("uint8", [6, 4, 4]);
    const path = put("some-images.idx3-ubyte", idxBytes(images.shape, images.data as Uint8Array));
    put("some-labels.idx1-ubyte", idxBytes([6], Uint8Array.of(0, 1, 2, 0, 1, 2)));
    const [near, far] = await both(path);
    expect(far.labels).toEqual(near.labels);
    expect(far.batch([5, 2])).toEqual(near.batch([5, 2]));
    const header = npyHeader("{'descr': '>i2', 'fortran_order': False, 'shape': (3, 2), }");
    const turned = put(
      "turned.npy",
      Buffer.concat([header, Buffer.from([0, 1, 1, 0, 0, 2, 2, 0, 0, 3, 3, 0])]),
    );
    const [a, b] = await both(turned);
    expect(b.batch([2, 0])[""]!.data).toEqual(Int16Array.of(3, 768, 1, 256));
    expect(b.fingerprint).toBe(a.fingerprint);
  });

  test("as gzipped IDX", async () => {
    const images = drawn("uint8", [6, 4, 4]);
    const path = put("gz-images", gzipSync(idxBytes(images.shape, images.data as Uint8Array)));
    const [near, far] = await both(path);
    expect(far.fingerprint).toBe(near.fingerprint);
    expect(far.batch([5, 2])).toEqual(near.batch([5, 2]));
    expect(await storedInputs(path, {})).toEqual(new Map([["", { dtype: "uint8", shape: [4, 4] }]]));
    const cut = put("cut.gz", readFileSync(path).subarray(0, 20));
    expect(await codeOf(storedInputs(cut, {}))).toBe("data-file-corrupt");
  });

  test("with several inputs and labels in one .npz, some of them packed", async () => {
    const path = put(
      "mixed.npz",
      zipSync({
        "ids.npy": [npyBytes(drawn("int64", [5, 7])), { level: 0 }],
        "image.npy": [fortranBytes(drawn("float32", [5, 2, 3])), { level: 9 }],
        "labels.npy": [npyBytes(drawn("uint8", [5])), { level: 9 }],
      }),
    );
    const [near, far] = await both(path);
    expect([...far.inputs.keys()]).toEqual(["ids", "image"]);
    expect(far.labels).toEqual(near.labels);
    expect(far.fingerprint).toBe(near.fingerprint);
    expect(far.batch([4, 0, 2])).toEqual(near.batch([4, 0, 2]));
  });

  test("with arrays that are all below the threshold and together above it", async () => {
    const array = npyBytes(drawn("uint8", [4, 100]));
    const path = put("two.npz", zipSync({ "a.npy": array, "b.npy": array }));
    const told: OpenProgress[] = [];
    const onProgress = (progress: OpenProgress) => told.push(progress);
    const streamAbove = 1.5 * array.length;
    const dataset = await openDataset(path, { streamAbove, onProgress });
    expect(told.map(({ label }) => label)).toEqual(["unpacking examples", "unpacking examples"]);
    expect(dataset.batch([3])).toEqual((await openDataset(path, {})).batch([3]));
  });

  test.each(["uint8", "int16", "float32", "int64", "float64"] as const)(
    "in Fortran order, more rows of %s than are turned together",
    async (dtype) => {
      const array = drawn(dtype, [150, 2, 3, 5]);
      const path = put("many-rows.npy", fortranBytes(array));
      const expected = datasetFromArrays({ inputs: array });
      for (const dataset of await both(path)) {
        expect(dataset.fingerprint).toBe(expected.fingerprint);
        expect(dataset.batch([149, 64, 63])).toEqual(expected.batch([149, 64, 63]));
      }
    },
  );

  test("in Fortran order, gathered in blocks that do not come out even", async () => {
    const array = drawn("int16", [11, 3, 2]);
    const path = put("blocks.npy", fortranBytes(array));
    const file = openToRead(path);
    const layout = npyLayout(readFileSync(path), path);
    const rows = await rowMajor(file, layout, {}, 4 * 3 * 2 * 2);
    expect(loaded(rows)).toEqual(array);
    file.close();
  });

  test("and an interruption is heard while it is checked", async () => {
    const header = npyHeader("{'descr': '|u1', 'fortran_order': False, 'shape': (400, 1048576), }");
    const path = put("long.npy", header);
    truncateSync(path, header.length + 400 * 2 ** 20); // sparse
    const interruption = new AbortController();
    const told: OpenProgress[] = [];
    const onProgress = (progress: OpenProgress) => {
      told.push(progress);
      interruption.abort(new Error("enough"));
    };
    const { signal } = interruption;
    await expect(openDataset(path, { onProgress, signal })).rejects.toThrow("enough");
    expect(told).toEqual([{ label: "checking examples", done: 64, total: 400, unit: "MiB" }]);
  });

  test("labels too many for memory are refused with the place", async () => {
    const header = npyHeader("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3000000000), }");
    const labels = put("labels.npy", header);
    truncateSync(labels, header.length + 6e9); // sparse: takes no room on the disk
    const path = put("few.npy", npyBytes(drawn("uint8", [2, 3])));
    const error = await openDataset(path, { labels }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "data-too-large", data: { path: labels, sizeBytes: 6e9 } });
  });
});

describe("complaints", () => {
  test("name the example that is no number, in whichever piece it is", async () => {
    const array = { dtype: "float32" as const, shape: [3000, 1000], data: new Float32Array(3_000_000) };
    array.data[2_500_123] = Number.NaN;
    const path = put("nan.npy", npyBytes(array));
    const error = await openDataset(path, { streamAbove: 0 }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "data-not-finite", data: { example: 2500, got: "NaN" } });
  });

  test("a number that the model's input cannot take", async () => {
    const path = put(
      "wide.npy",
      npyBytes({ ...drawn("int32", [4, 2]), data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 300) }),
    );
    const [near, far] = await both(path);
    for (const dataset of [near, far]) expect(() => fitTo(dataset, ["N", 2], "x", "uint8")).toThrow(/300/);
  });

  test("a file that is cut short, before it is opened or after", async () => {
    const whole = npyBytes(drawn("uint8", [4, 50]));
    const path = put("cut.npy", whole);
    const dataset = await openDataset(path, { streamAbove: 0 });
    truncateSync(path, whole.length - 10);
    expect(dataset.batch([0])[""]!.data).toHaveLength(50);
    expect(() => dataset.batch([3])).toThrow(/cut\.npy/);
    expect(await codeOf(openDataset(path, { streamAbove: 0 }))).toBe("data-file-corrupt");
    expect(await codeOf(openDataset(put("short.npy", whole.subarray(0, 9)), { streamAbove: 0 }))).toBe(
      "data-file-corrupt",
    );
  });

  test("no examples", async () => {
    const path = put("none.npy", npyBytes({ dtype: "uint8", shape: [0, 5], data: allocate("uint8", 0) }));
    expect(await codeOf(openDataset(path, { streamAbove: 0 }))).toBe("data-empty");
  });
});
