import { describe, expect, test } from "vitest";
import { float, graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { differentiate } from "../../gradients/differentiate.ts";

const twoAndHalf = [2, 0.5];

describe("an open batch and open positions", () => {
  test("BatchNormalization, all five inputs", async () => {
    const g = graphBuilder();
    const names = ["scale", "shift", "mean"].map((name) => g.weight([2], undefined, { name }));
    const variance = g.weight([2], twoAndHalf, { name: "variance" });
    g.output(g.node("BatchNormalization", [g.input("x", ["N", 2, "H", "W"]), ...names, variance]));
    const feeds = { x: normalTensor([3, 2, 2, 3], 1) };
    const wrt = ["x", "scale", "shift", "mean", "variance"];
    await checkGradients({ model: g.build({ opset: 18 }), feeds, wrt });
  });

  test.each([
    ["InstanceNormalization", {}, 4, 18],
    ["GroupNormalization", { num_groups: 2 }, 2, 18],
    ["GroupNormalization", { num_groups: 2 }, 4, 21],
  ] as const)("%s %j with %i parameters", async (opType, attributes, parameters, opset) => {
    const g = graphBuilder();
    const [scale, shift] = ["scale", "shift"].map((name) => g.weight([parameters], undefined, { name }));
    g.output(g.node(opType, [g.input("x", ["N", 4, "H", "W"]), scale!, shift!], attributes));
    const feeds = { x: normalTensor([2, 4, 3, 2], 1) };
    await checkGradients({ model: g.build({ opset }), feeds, wrt: ["x", "scale", "shift"] });
  });

  test("LRN", async () => {
    const g = graphBuilder();
    const attributes = { size: 3, alpha: 0.5, beta: 0.5, bias: float(2) };
    g.output(g.node("LRN", [g.input("x", ["N", 5, "H", "W"])], attributes));
    await checkGradients({ model: g.build({ opset: 18 }), feeds: { x: normalTensor([2, 5, 3, 2], 1) } });
  });

  test("LayerNormalization of a sequence", async () => {
    const g = graphBuilder();
    const [scale, shift] = ["scale", "shift"].map((name) => g.weight([6], undefined, { name }));
    g.output(g.node("LayerNormalization", [g.input("x", ["N", "T", 6]), scale!, shift!]));
    const feeds = { x: normalTensor([2, 3, 6], 1) };
    await checkGradients({ model: g.build({ opset: 18 }), feeds, wrt: ["x", "scale", "shift"] });
  });
});

test("BatchNormalization spends one pass on x: the rest are sums per channel", () => {
  const g = graphBuilder();
  const names = ["scale", "shift", "mean", "variance"].map((name) => g.input(name, [2]));
  const y = g.output(g.node("BatchNormalization", [g.input("x", ["N", 2, 4, 4]), ...names]));
  const { model } = differentiate(g.build({ opset: 18 }), { of: y, seed: y, wrt: ["x", ...names] });
  const seeded = model.graph.nodes.filter(({ inputs }) => inputs.includes(y)).map(({ opType }) => opType);
  expect(seeded.sort()).toEqual(["Mul", "Mul", "ReduceSum"]); // y stands for a gradient of its shape
});

test("BatchNormalization in training mode is refused", () => {
  const g = graphBuilder();
  const names = ["scale", "shift", "mean", "variance"].map((name) => g.weight([2], undefined, { name }));
  const inputs = [g.input("x", ["N", 2, 4]), ...names];
  const [y] = g.nodes("BatchNormalization", inputs, 3, { training_mode: 1 });
  g.output(y!);
  expect(() => differentiate(g.build({ opset: 18 }), { of: y!, wrt: ["x"] })).toThrow(/training mode/);
});

test("what is computed from the deviation of a LayerNormalization is refused", () => {
  const g = graphBuilder();
  const [, , deviation] = g.nodes("LayerNormalization", [g.input("x", ["N", 4]), g.weight([4])], 3);
  g.output(deviation!);
  expect(() => differentiate(g.build({ opset: 18 }), { of: deviation!, wrt: ["x"] })).toThrow(/deviation/);
});
