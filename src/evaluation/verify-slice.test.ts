/** @file The proof of a slice holds for good slices and fails for all others. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { noise, tinyClassifier } from "../../test/helpers/tiny-classifier.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { type Model, stored } from "../graph/model.ts";
import { sliceModel } from "../surgery/slice.ts";
import { float32, toNumbers } from "../tensor/tensor.ts";
import { type Runner, startRunner } from "../valuation/runner.ts";
import { verifySlice } from "./verify-slice.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 1 });
});
afterAll(() => runner.close());

const analysis = analyzeChannels(tinyClassifier());
const keeping = (kept: readonly number[]) =>
  analysis.groups.map(({ id, channels }) =>
    Uint8Array.from({ length: channels }, (_, channel) => (id !== "c1" || kept.includes(channel) ? 1 : 0)),
  );
const feeds = { x: noise([8, 1, 6, 6]) };

/** The model with the weights of its first logit moved. */
function spoiled(model: Model, by: number): Model {
  const initializers = new Map(model.graph.initializers);
  const { shape, load } = initializers.get("out.weight")!;
  const values = toNumbers(load()).map((value, k) => (k < 5 ? value + by : value)); // those of the first logit
  initializers.set("out.weight", stored(float32(shape, Float32Array.from(values))));
  return { ...model, graph: { ...model.graph, initializers } };
}

test("a slice equals its masks", async () => {
  const masks = keeping([0, 2]);
  const check = await verifySlice(runner, analysis, masks, sliceModel(analysis, masks), feeds);
  expect(check).toMatchObject({ examples: 8 });
  expect(check.difference).toBeLessThan(1e-5);
});

test.each([
  ["other channels were kept", sliceModel(analysis, keeping([1, 3]))],
  ["a weight differs", spoiled(sliceModel(analysis, keeping([0, 2])), 0.5)],
  ["a weight is not a number", spoiled(sliceModel(analysis, keeping([0, 2])), Number.NaN)],
])("refused: %s", async (_what, sliced) => {
  await expect(verifySlice(runner, analysis, keeping([0, 2]), sliced, feeds)).rejects.toMatchObject({
    code: "slice-differs",
  });
});
