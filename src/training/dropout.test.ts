import { expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { isProblem } from "../base/problem.ts";
import { referenceEngine } from "../engine/reference/reference.ts";
import type { Model } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { float32 } from "../tensor/tensor.ts";
import { drawMask, dropAtRandom } from "./dropout.ts";

function dropping(ratio: number | undefined, shape: readonly (string | number)[] = ["N", 3]): Model {
  const g = graphBuilder();
  const x = g.input("x", shape);
  const inputs = ratio === undefined ? [x] : [x, g.weight([], [ratio], { name: "ratio" })];
  g.output(g.node("Dropout", inputs));
  return g.build({ opset: 18 });
}

test("a Dropout becomes a product with a mask that is fed", async () => {
  const { model, dropped } = dropAtRandom(dropping(0.25));
  expect(dropped).toEqual([{ input: "dropout:0", shape: [3], ratio: 0.25 }]);
  const session = await referenceEngine.open(model);
  const mask = float32([2, 3], [0, 2, 1, 1, 0, 4]);
  const results = await session.run({ x: float32([2, 3], [1, 2, 3, 4, 5, 6]), "dropout:0": mask });
  expect([...Object.values(results)[0]!.data]).toEqual([0, 4, 3, 4, 0, 24]);
});

test("half is dropped where the file says nothing, and nothing where the ratio is 0", () => {
  expect(dropAtRandom(dropping(undefined)).dropped[0]!.ratio).toBe(0.5);
  const idle = dropping(0);
  expect(dropAtRandom(idle).dropped).toEqual([]);
});

test("masks keep expectations, drop the share asked for, and repeat with the stream", () => {
  const drop = { input: "m", shape: [40], ratio: 0.3 };
  const mask = drawMask(drop, 500, stream(5, 1));
  const values = [...(mask.data as Float32Array)];
  expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
  const dropped = values.filter((value) => value === 0).length / values.length;
  expect(Math.abs(dropped - 0.3)).toBeLessThan(4 * Math.sqrt(0.21 / values.length)); // four standard errors
  expect(drawMask(drop, 500, stream(5, 1))).toEqual(mask);
  expect(drawMask(drop, 500, stream(5, 2))).not.toEqual(mask);
});

test("open sizes are refused, naming the node", () => {
  const attempt = () => dropAtRandom(dropping(0.5, ["N", "width"]));
  expect(attempt).toThrow(/dropout_0.*--input-shape/);
  try {
    attempt();
  } catch (error) {
    expect(isProblem(error, "no-gradient")).toBe(true);
  }
});
