/** @file ONNX Runtime loads sliced models without a word, at its most thorough log level. Its log bypasses Node, hence the process. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { analyzeChannels } from "../src/channels/groups.ts";
import { readModelFile } from "../src/onnx/read.ts";
import { writeModelFile } from "../src/onnx/write.ts";
import { sliceModel } from "../src/surgery/slice.ts";
import { plansOf } from "./helpers/random-plan.ts";
import { sharedModel, sharedModelNames } from "./helpers/shared.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const load = `
  const { default: ort } = await import("onnxruntime-node");
  for (const path of process.argv.slice(1))
    for (const graphOptimizationLevel of ["disabled", "all"])
      await (await ort.InferenceSession.create(path, { graphOptimizationLevel, logSeverityLevel: 2 })).release();
  console.log("loaded", process.argv.length - 1);
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sliced-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Files of a few random slices of a model. */
async function slicesOf(path: string, name: string): Promise<string[]> {
  const analysis = analyzeChannels(await readModelFile(path));
  const plans = fc
    .sample(plansOf(analysis), { seed: 3, numRuns: 3 })
    .filter((masks) => masks.some((mask) => mask.includes(0)));
  const files = plans.map((_, k) => join(folder, `${name.replaceAll("/", "-")}-${k}.onnx`));
  await Promise.all(plans.map((masks, k) => writeModelFile(sliceModel(analysis, masks), files[k]!)));
  return files;
}

test("sliced models load without a warning", async () => {
  const files = await slicesOf(join(root, "assets/lenet5-mnist.onnx"), "bundled");
  for (const name of sharedModelNames()) {
    const { path } = sharedModel(name);
    if (path !== undefined) files.push(...(await slicesOf(path, name)));
  }
  expect(files.length).toBeGreaterThan(1);
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", load, ...files],
    { cwd: root },
  );
  expect(stderr).toBe("");
  expect(stdout.trim()).toBe(`loaded ${files.length}`);
});
