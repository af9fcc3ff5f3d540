import { expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { checkGradients } from "../../test/helpers/gradient-check.ts";
import { referenceEngine } from "../engine/reference/reference.ts";
import { float32, toNumbers } from "../tensor/tensor.ts";
import { useBatchStatistics } from "./batch-statistics.ts";

const shape = [4, 3, 2, 5];
const values = Array.from({ length: 120 }, (_, k) => Math.sin(k * k) + (k % 3));

function normalised() {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 2, 5]);
  const y = g.node("BatchNormalization", [
    x,
    g.weight([3], [1, -2, 0.5], { name: "gamma" }),
    g.weight([3], [0.1, 0.2, 0.3], { name: "beta" }),
    g.weight([3], [9, 9, 9], { name: "mean" }),
    g.weight([3], [7, 7, 7], { name: "variance" }),
  ]);
  g.output(y);
  return useBatchStatistics(g.build({ opset: 18 }));
}

test("normalises by mean and biased variance of the batch", async () => {
  const { model, statistics } = normalised();
  const [{ mean, variance }] = statistics as [(typeof statistics)[0]];
  const outputs = [...model.graph.outputs, { name: mean }, { name: variance }];
  const session = await referenceEngine.open({ ...model, graph: { ...model.graph, outputs } });
  const results = await session.run({ x: float32(shape, values) });
  for (let c = 0; c < 3; c++) {
    const own = values.filter((_, k) => Math.floor(k / 10) % 3 === c).map(Math.fround);
    const average = own.reduce((sum, v) => sum + v, 0) / own.length;
    const spread = own.reduce((sum, v) => sum + (v - average) ** 2, 0) / own.length;
    expect(toNumbers(results[mean]!)[c]).toBeCloseTo(average, 6);
    expect(toNumbers(results[variance]!)[c]).toBeCloseTo(spread, 6);
  }
});

test("gradients flow through the moments", async () => {
  const { model, composites } = normalised();
  await checkGradients({
    model,
    composites,
    feeds: { x: float32(shape, values) },
    wrt: ["x", "gamma", "beta"],
  });
});

test("a normalisation that was exported in training mode is the same", () => {
  const g = graphBuilder();
  const inputs = [g.input("x", ["N", 3, 2, 5]), g.weight([3]), g.weight([3]), g.weight([3]), g.weight([3])];
  const [y] = g.nodes("BatchNormalization", inputs, ["y", "mean", "variance"], { training_mode: 1 });
  g.output(y!);
  const { model, statistics } = useBatchStatistics(g.build({ opset: 18 }));
  const node = model.graph.nodes.at(-1)!;
  expect(statistics).toHaveLength(1);
  expect([node.outputs, node.attributes.has("training_mode")]).toEqual([["y"], false]);
});

test("a normalisation whose statistics are computed stays as it is", () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 2, 5]);
  const own = g.node("Abs", [g.input("own", [3])]);
  g.output(g.node("BatchNormalization", [x, g.weight([3]), g.weight([3]), own, own]));
  const model = g.build({ opset: 18 });
  expect(useBatchStatistics(model).model.graph.nodes).toEqual(model.graph.nodes);
});
