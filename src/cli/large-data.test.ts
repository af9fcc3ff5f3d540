/** @file Data sets larger than the memory that may be taken, whatever their format, each in a process of its own. */
import { spawn } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { npyBytes, npyHeader } from "../../test/helpers/array-files.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { buildCommand } from "../../test/helpers/built-command.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { conv, head, relu } from "../../test/helpers/networks.ts";
import { writeNpz, zeros } from "../../test/helpers/write-npz.ts";
import { encodeModel } from "../onnx/write.ts";

const sharp = await import("sharp").then(
  (found) => found.default,
  () => undefined,
);

const folder = temporaryFolder();
const { file, remove } = buildCommand();
afterAll(remove);

const shape = [3, 32, 32];
const exampleBytes = 3 * 32 * 32;
const examples = Math.floor((1.5 * 2 ** 30) / exampleBytes);
/** MiB that a process may take, runtime and threads included; the file has 1,536. */
const most = 640;

const model = folder.file("net.onnx");
const dataIn = (name: string) => [
  ...["--data", folder.file(name), "--labels", folder.file("labels.npy"), "--pixel-scale", 255],
];
const data = dataIn("images.npy");

const header = npyHeader(
  `{'descr': '|u1', 'fortran_order': False, 'shape': (${examples}, ${shape.join(", ")}), }`,
);
const beginning = Uint8Array.from({ length: 50 * exampleBytes }, (_, k) => (k * 31) % 251);

beforeAll(() => {
  const g = graphBuilder();
  const first = relu(g, conv(g, g.input("x", ["N", ...shape]), "first", 3, 8));
  head(g, relu(g, conv(g, relu(g, conv(g, first, "inner", 8, 8)), "outer", 8, 8)), 8);
  writeFileSync(model, encodeModel(g.build()));
  const images = openSync(folder.file("images.npy"), "w");
  writeSync(images, header);
  writeSync(images, beginning);
  ftruncateSync(images, header.length + examples * exampleBytes); // zeros that take no room on the disk
  closeSync(images);
  const labels = Uint8Array.from({ length: examples }, (_, k) => k % 2);
  writeFileSync(folder.file("labels.npy"), npyBytes({ dtype: "uint8", shape: [examples], data: labels }));
});

/** Largest resident memory of the command, or of another script, in MiB. */
function peakOf(argv: readonly (string | number)[], script = file): Promise<number> {
  const report =
    "data:text/javascript,process.on('exit',()=>console.error('peak '+process.resourceUsage().maxRSS))";
  const nodeArguments = ["--max-old-space-size=200", "--import", report, script];
  const child = spawn(process.execPath, [...nodeArguments, ...argv.map(String)]);
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdout.resume();
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const peak = /peak (\d+)\n$/.exec(err)?.[1];
      if (code === 0 && peak !== undefined) resolve(Number(peak) / 1024);
      else reject(new Error(`exit code ${code}: ${err}`));
    });
  });
}

test.each([
  [
    "rank, all examples taking part",
    ["rank", model, ...data, "--only", "first,inner", "--budget", 3000, "--memory", "32MiB"],
  ],
  ["evaluate", ["evaluate", model, ...data, "--limit", 300, "--workers", 2]],
  [
    "prune, with repair and training",
    [
      ...["prune", model, ...data, "--limit", 600, "--budget", 1000, "--memory", "32MiB", "--workers", 2],
      ...["--target-macs", "70%", "--repair", "--finetune", 1, "--out", folder.file("small.onnx")],
    ],
  ],
  [
    "finetune",
    [
      "finetune",
      model,
      ...data,
      "--limit",
      600,
      "--epochs",
      1,
      "--out",
      folder.file("tuned.onnx"),
      "--workers",
      2,
    ],
  ],
] as const)("%s", async (_, argv) => {
  expect(await peakOf(argv)).toBeLessThan(most);
});

describe("data that cannot be read where they are, or lie in an archive", () => {
  /** The pieces of the .npy file above. */
  function* pieces() {
    yield header;
    yield beginning;
    let left = examples * exampleBytes - beginning.length;
    for (; left >= zeros.length; left -= zeros.length) yield zeros;
    yield zeros.subarray(0, left);
  }

  test.each([
    ["stored", false],
    ["deflated", true],
  ] as const)("%s .npz", async (name, isPacked) => {
    const file = `${name}.npz`;
    await writeNpz(folder.file(file), [{ name: "x", pieces: pieces(), isPacked }]);
    expect(await peakOf(["evaluate", model, ...dataIn(file), "--limit", 300, "--no-latency"])).toBeLessThan(
      most,
    );
  });

  test.skipIf(sharp === undefined)("a folder of images (skipped where sharp is not installed)", async () => {
    const [side, count] = [1024, 512];
    const noise = Uint8Array.from({ length: 3 * side * side }, (_, k) => (k * k * 31) % 251);
    const raw = { width: side, height: side, channels: 3 } as const;
    await sharp!(noise, { raw }).jpeg().toFile(folder.file("one.jpg"));
    for (const name of ["a", "b"]) mkdirSync(folder.file(`images/${name}`), { recursive: true });
    for (let k = 0; k < count; k++)
      symlinkSync(folder.file("one.jpg"), folder.file(`images/${k % 2 === 0 ? "a" : "b"}/${k}.jpg`));
    const decoded = (count * 3 * side * side) / 2 ** 20;
    expect(decoded).toBeGreaterThan(2 * most);
    const library = join(dirname(file), "../index.js");
    const script = `import { openDataset } from ${JSON.stringify(library)};
      const dataset = await openDataset(${JSON.stringify(folder.file("images"))});
      for (let k = 0; k < dataset.size; k += 8) dataset.batch([k, dataset.size - 1 - k]);`;
    const reader = folder.write("read-all.mjs", script);
    expect(await peakOf([], reader)).toBeLessThan(most);
  });
});
