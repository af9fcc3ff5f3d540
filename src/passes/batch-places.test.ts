import { describe, expect, test } from "vitest";
import { fusedTransformers } from "../../test/helpers/architectures/fused-transformers.ts";
import { languageModels } from "../../test/helpers/architectures/language-models.ts";
import { visionTransformers } from "../../test/helpers/architectures/vision-transformers.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { freeGroups, randomPlan } from "../../test/helpers/random-plan.ts";
import { expectSameOutputs, randomFeeds } from "../../test/helpers/slicing-property.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { openBytes } from "../engine/ort/direct.ts";
import { stream } from "../math/random.ts";
import { encodeModel } from "../onnx/write.ts";
import { inferFacts } from "../ops/infer.ts";
import { float32, int64, type Tensor, takeAlong } from "../tensor/tensor.ts";
import { batchPlaces } from "./batch-places.ts";
import { insertMasks, maskInputName } from "./insert-masks.ts";

test("the batch is followed through transposes and into axes it shares", () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 7, 12]);
  const first = g.node("Transpose", [x], { perm: [1, 0, 2] });
  const reshaped = (value: string, shape: readonly number[]) =>
    g.node("Reshape", [value, g.initializer(`to ${shape.join()}`, int64([shape.length], shape))]);
  const heads = reshaped(first, [7, -1, 4]); // [7, 3*N, 4]
  const relu = g.node("Relu", [heads]);
  const rows = reshaped(relu, [-1, 12]); // [7*N, 12]
  g.output(reshaped(rows, [7, -1, 12]));
  const model = g.build();
  const places = batchPlaces(model.graph, inferFacts(model), "N");
  const place = (axis: number, outer: number, inner: number) => ({ axis, outer, inner });
  expect(places.get(x)).toEqual(place(0, 1, 1));
  expect(places.get(first)).toEqual(place(1, 1, 1));
  expect(places.get(relu)).toEqual(place(1, 1, 3));
  expect(places.get(rows)).toEqual(place(0, 7, 1));
});

/** CLIP compares every image with every text: its rows are not independent. */
const independent = [...visionTransformers, ...languageModels, ...fusedTransformers].filter(
  ({ name }) => name !== "CLIP",
);

describe.each(independent)("$name", ({ build }) => {
  test("a row of masks silences its own example alone", async () => {
    const model = build();
    const analysis = analyzeChannels(model);
    const free = freeGroups(analysis);
    const session = await openBytes(encodeModel(insertMasks(analysis, free)), { optimization: "off" });
    const feeds = randomFeeds(model, stream(4, 0)); // three examples
    const plans = [0, 1, 2].map((k) => randomPlan(analysis, 0.5, stream(5, k)));
    const masks = (rows: readonly number[]): [string, Tensor][] =>
      free.map((group) => {
        const { id, channels } = analysis.groups[group]!;
        const values = Float32Array.from(rows.flatMap((row) => [...plans[row]![group]!]));
        return [maskInputName(id), float32([rows.length, channels], values)];
      });
    const together = await session.run({ ...feeds, ...Object.fromEntries(masks([0, 1, 2])) });
    for (const row of [0, 1, 2]) {
      const own = Object.entries(feeds).map(([name, value]) => [
        name,
        takeAlong(value, 0, Int32Array.of(row)),
      ]);
      const alone = await session.run({ ...Object.fromEntries(own), ...Object.fromEntries(masks([row])) });
      const picked = Object.entries(together).map(([name, value]) => [
        name,
        takeAlong(value, 0, Int32Array.of(row)),
      ]);
      expectSameOutputs(Object.fromEntries(picked), alone, 1e-4);
    }
    await session.close();
  });
});
