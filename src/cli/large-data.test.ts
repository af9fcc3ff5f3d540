/** @file Commands on a data set larger than the memory they may take, each in a process of its own. */
import { spawn } from "node:child_process";
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { npyBytes, npyHeader } from "../../test/helpers/array-files.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { buildCommand } from "../../test/helpers/built-command.ts";
import { temporaryFolder } from "../../test/helpers/command.ts";
import { conv, head, relu } from "../../test/helpers/networks.ts";
import { encodeModel } from "../onnx/write.ts";

const folder = temporaryFolder();
const { file, remove } = buildCommand();
afterAll(remove);

const shape = [3, 32, 32];
const exampleBytes = 3 * 32 * 32;
const examples = Math.floor((1.5 * 2 ** 30) / exampleBytes);
/** MiB that a process may take, runtime and threads included; the file has 1,536. */
const most = 640;

const model = folder.file("net.onnx");
const data = [
  "--data",
  folder.file("images.npy"),
  "--labels",
  folder.file("labels.npy"),
  "--pixel-scale",
  255,
];

beforeAll(() => {
  const g = graphBuilder();
  const first = relu(g, conv(g, g.input("x", ["N", ...shape]), "first", 3, 8));
  head(g, relu(g, conv(g, relu(g, conv(g, first, "inner", 8, 8)), "outer", 8, 8)), 8);
  writeFileSync(model, encodeModel(g.build()));
  const images = openSync(folder.file("images.npy"), "w");
  const header = npyHeader(
    `{'descr': '|u1', 'fortran_order': False, 'shape': (${examples}, ${shape.join(", ")}), }`,
  );
  writeSync(images, header);
  writeSync(
    images,
    Uint8Array.from({ length: 50 * exampleBytes }, (_, k) => (k * 31) % 251),
  );
  ftruncateSync(images, header.length + examples * exampleBytes); // zeros that take no room on the disk
  closeSync(images);
  const labels = Uint8Array.from({ length: examples }, (_, k) => k % 2);
  writeFileSync(folder.file("labels.npy"), npyBytes({ dtype: "uint8", shape: [examples], data: labels }));
});

/** Largest resident memory of the command in MiB. */
function peakOf(argv: readonly (string | number)[]): Promise<number> {
  const report =
    "data:text/javascript,process.on('exit',()=>console.error('peak '+process.resourceUsage().maxRSS))";
  const nodeArguments = ["--max-old-space-size=200", "--import", report, file];
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
