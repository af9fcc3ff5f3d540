/** @file Opening data by path: every format, where labels are found, and folders of images. */
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { idxBytes, npyBytes } from "../../test/helpers/array-files.ts";
import { sharedData } from "../../test/helpers/shared.ts";
import { isProblem, type ProblemCode } from "../base/problem.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fitTo } from "./fit.ts";
import { openDataset } from "./open.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "datasets-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

async function codeOf(run: Promise<unknown>): Promise<ProblemCode | undefined> {
  try {
    await run;
    return undefined;
  } catch (error) {
    if (isProblem(error)) return error.code;
    throw error;
  }
}

const images: Tensor = {
  dtype: "uint8",
  shape: [3, 2, 2],
  data: Uint8Array.from({ length: 12 }, (_, k) => k),
};
const labels: Tensor = { dtype: "int64", shape: [3], data: BigInt64Array.of(2n, 0n, 1n) };

describe("array files", () => {
  test("labels are found beside images by name, and can be left out or given", async () => {
    const path = await put("a-images.npy", npyBytes(images));
    await put("a-labels.npy", npyBytes(labels));
    const other = await put("others.npy", npyBytes({ ...labels, data: BigInt64Array.of(1n, 1n, 1n) }));
    expect((await openDataset(path)).labels?.values).toEqual(Int32Array.of(2, 0, 1));
    expect((await openDataset(path, { labels: false })).labels).toBeUndefined();
    expect((await openDataset(path, { labels: other })).labels?.values).toEqual(Int32Array.of(1, 1, 1));
  });

  test("IDX, plain and gzipped, with its labels", async () => {
    const plain = await put("t10k-images-idx3-ubyte", idxBytes([3, 2, 2], images.data as Uint8Array));
    await put("t10k-labels-idx1-ubyte", idxBytes([3], Uint8Array.of(2, 0, 1)));
    const packed = await put(
      "t10k-images.idx3-ubyte.gz",
      gzipSync(idxBytes([3, 2, 2], images.data as Uint8Array)),
    );
    await put("t10k-labels.idx1-ubyte.gz", gzipSync(idxBytes([3], Uint8Array.of(2, 0, 1))));
    const [a, b] = await Promise.all([openDataset(plain), openDataset(packed)]);
    expect(a.labels?.values).toEqual(Int32Array.of(2, 0, 1));
    expect(b.fingerprint).toBe(a.fingerprint);
  });

  test("an .npz names its inputs; labels or y are not an input unless labels come from elsewhere", async () => {
    const path = await put("both.npz", zipSync({ "x.npy": npyBytes(images), "y.npy": npyBytes(labels) }));
    const dataset = await openDataset(path);
    expect([...dataset.inputs.keys()]).toEqual(["x"]);
    expect(dataset.labels?.values).toEqual(Int32Array.of(2, 0, 1));
    const elsewhere = await openDataset(path, { labels: false });
    expect([...elsewhere.inputs.keys()]).toEqual(["x", "y"]);
    expect((await openDataset(path, { labels: path })).labels?.values).toEqual(Int32Array.of(2, 0, 1));
  });

  test("what cannot be opened is named", async () => {
    expect(await codeOf(openDataset(join(folder, "absent.npy")))).toBe("file-not-found");
    expect(await codeOf(openDataset(await put("empty.npy", Buffer.of())))).toBe("data-format-unknown");
    expect(await codeOf(openDataset(await put("text.npy", Buffer.from("hello there"))))).toBe(
      "data-format-unknown",
    );
    expect(await codeOf(openDataset(await put("only-y.npz", zipSync({ "y.npy": npyBytes(labels) }))))).toBe(
      "data-empty",
    );
    const two = await put("two.npz", zipSync({ "a.npy": npyBytes(labels), "b.npy": npyBytes(labels) }));
    const path = await put("plain.npy", npyBytes(images));
    expect(await codeOf(openDataset(path, { labels: two }))).toBe("data-format-unknown");
  });

  const bundled = join(import.meta.dirname, "../../assets");
  test("the bundled digits are disjoint and balanced", async () => {
    const parts = await Promise.all(
      ["rank", "test"].map((part) => openDataset(join(bundled, `mnist-${part}-images.idx3-ubyte.gz`))),
    );
    const seen = new Set<string>();
    for (const part of parts) {
      expect(part.size).toBe(1500);
      const counts = new Array<number>(10).fill(0);
      for (const label of part.labels!.values) counts[label]!++;
      expect(Math.min(...counts)).toBeGreaterThan(130);
      for (let k = 0; k < 1500; k++)
        seen.add(Buffer.from(part.batch([k])[""]!.data.buffer).toString("base64"));
    }
    expect(seen.size).toBe(3000);
  });

  const cifar = sharedData("cifar10-test-images.npy");
  test.skipIf(cifar.path === undefined)(
    `CIFAR-10 stays bytes until it is batched ${cifar.reason ?? ""}`,
    async () => {
      const options = { pixelScale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
      const dataset = fitTo(await openDataset(cifar.path!, options), ["N", 3, 32, 32], "input", "float32");
      const [source] = dataset.inputs.values();
      expect(source!.stored.rows(0, 1)).toBeInstanceOf(Uint8Array);
      const fed = dataset.batch([7, 3])["input"]!;
      expect(fed.shape).toEqual([2, 3, 32, 32]);
      const at = 3072 + 2 * 1024 + 5; // example 3, blue, sixth pixel
      const byte = Number(source!.stored.rows(3, 4)[2 * 1024 + 5]);
      expect(Number(fed.data[at])).toBeCloseTo((byte / 255 - 0.406) / 0.225, 6);
      expect(dataset.labels?.values.length).toBe(dataset.size);
    },
  );
});

const sharp = await import("sharp").then(
  (found) => found.default,
  () => undefined,
);

describe.skipIf(sharp === undefined)("folders of images (skipped where sharp is not installed)", () => {
  /** A picture of one colour, width x height. */
  async function paint(path: string, width: number, height: number, background: string): Promise<void> {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await sharp!({ create: { width, height, channels: 3, background } })
      .png()
      .toFile(join(folder, path));
  }

  afterEach(() => vi.doUnmock("sharp"));

  test("classes are numbered by name, pixels come out as the model wants them", async () => {
    await paint("pets/dog/1.png", 4, 2, "#0000ff");
    await paint("pets/cat/2.png", 4, 2, "#00ff00");
    await paint("pets/cat/1.PNG", 4, 2, "#ff0000");
    await writeFile(join(folder, "pets/cat/notes.txt"), "not an image");
    const dataset = await openDataset(join(folder, "pets"), { pixelScale: 255 });
    expect(dataset.classNames).toEqual(["cat", "dog"]);
    expect(dataset.labels?.values).toEqual(Int32Array.of(0, 0, 1));
    const fed = fitTo(dataset, ["N", 3, 2, 4], "x", "float32").batch([0, 2])["x"]!;
    expect(fed.shape).toEqual([2, 3, 2, 4]);
    expect([...fed.data].filter((_, k) => k % 8 === 0)).toEqual([1, 0, 0, 0, 0, 1]); // red, then blue
  });

  test("sizes that differ are refused or resized", async () => {
    await paint("sizes/a/1.png", 4, 4, "#ffffff");
    await paint("sizes/a/2.png", 6, 4, "#ffffff");
    expect(await codeOf(openDataset(join(folder, "sizes")))).toBe("image-size-differs");
    const options = { imageSize: { width: 3, height: 5 }, imageChannels: 1 } as const;
    const dataset = await openDataset(join(folder, "sizes"), options);
    expect(fitTo(dataset, ["N", 1, 5, 3], "x").batch([0, 1])["x"]?.shape).toEqual([2, 1, 5, 3]);
  });

  test("with a limit only the chosen files are decoded", async () => {
    for (const name of ["a/1", "a/2", "b/1", "b/2"]) await paint(`some/${name}.png`, 2, 2, "#808080");
    const dataset = await openDataset(join(folder, "some"), { limit: 2 });
    expect(dataset.labels?.values).toEqual(Int32Array.of(0, 1));
    expect([...dataset.inputs.values()][0]!.stored.shape).toEqual([2, 2, 2, 3]);
  });

  test("above the threshold pixels are decoded into a spool, and are the same", async () => {
    for (const [k, name] of ["a/1", "a/2", "b/1", "b/2", "b/3"].entries())
      await paint(`many/${name}.png`, 5, 4, `#${k}${k}80${9 - k}0`);
    const path = join(folder, "many");
    const told: number[] = [];
    const onProgress = ({ done }: { done: number }) => told.push(done);
    for (const options of [{}, { limit: 3, seed: 4 }, { imageChannels: 1 }] as const) {
      const near = await openDataset(path, options);
      const far = await openDataset(path, { ...options, streamAbove: 0, onProgress });
      expect(far.fingerprint).toBe(near.fingerprint);
      expect(far.labels).toEqual(near.labels);
      const order = [near.size - 1, 0, 1, 0];
      expect(far.batch(order)).toEqual(near.batch(order));
    }
    expect(told).toEqual([2, 3, 4, 5, 2, 3, 2, 3, 4, 5]);
  });

  test("above the threshold an image that does not fit the others, a broken one and an interruption end the decoding", async () => {
    const spoolFolder = join(folder, "spools");
    await mkdir(spoolFolder);
    const options = { streamAbove: 0, spoolFolder };
    const path = join(folder, "odd");
    for (let k = 0; k < 30; k++) await paint(`odd/a/${10 + k}.png`, 4, 4, "#ffffff");
    const interruption = new AbortController();
    const onProgress = ({ done }: { done: number }) => done === 9 && interruption.abort(new Error("enough"));
    await expect(openDataset(path, { ...options, onProgress, signal: interruption.signal })).rejects.toThrow(
      "enough",
    );
    await paint("odd/a/25.png", 6, 4, "#ffffff");
    await expect(openDataset(path, options)).rejects.toMatchObject({
      code: "image-size-differs",
      data: { path: join(path, "a/25.png"), got: "6x4x3", expected: "4x4x3" },
    });
    await writeFile(join(path, "a/25.png"), "nonsense");
    await expect(openDataset(path, options)).rejects.toMatchObject({
      code: "data-file-corrupt",
      data: { path: join(path, "a/25.png") },
    });
    expect(await readdir(spoolFolder)).toEqual([]);
    if (process.platform === "linux") expect(await openFilesIn(spoolFolder)).toEqual([]);
  });

  async function openFilesIn(place: string): Promise<string[]> {
    const names = await readdir("/proc/self/fd");
    const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => "")));
    return targets.filter((target) => target.startsWith(place));
  }

  test("a broken file and an empty folder are named", async () => {
    await mkdir(join(folder, "broken/a"), { recursive: true });
    expect(await codeOf(openDataset(join(folder, "broken")))).toBe("data-empty");
    await writeFile(join(folder, "broken/a/1.png"), "nonsense");
    await expect(openDataset(join(folder, "broken"))).rejects.toThrow("1.png: cannot be decoded as an image");
  });

  test("class folders may be links; an impossible size is refused first", async () => {
    await paint("store/1.png", 2, 2, "#808080");
    await mkdir(join(folder, "linked"));
    await symlink(join(folder, "store"), join(folder, "linked/grey"));
    await symlink(join(folder, "nowhere"), join(folder, "linked/dead"));
    expect((await openDataset(join(folder, "linked"))).classNames).toEqual(["grey"]);
    const imageSize = { width: 0, height: 4 };
    expect(await codeOf(openDataset(join(folder, "linked"), { imageSize }))).toBe("invalid-option");
  });

  test("without sharp the message says what to install", async () => {
    await paint("lone/a/1.png", 2, 2, "#808080");
    vi.doMock("sharp", () => {
      throw new Error("Cannot find package");
    });
    expect(await codeOf(openDataset(join(folder, "lone")))).toBe("image-library-missing");
  });
});
