import { expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { trainableParameters } from "./parameters.ts";

/** A layer with everything a file stores that is no weight. */
function mixed() {
  const g = graphBuilder();
  const x = g.input("x", ["N", 2, 4, 4]);
  const conv = g.node("Conv", [
    x,
    g.weight([3, 2, 1, 1], undefined, { name: "w" }),
    g.weight([3], undefined, { name: "b" }),
  ]);
  const statistics = ["mean", "variance"].map((name) => g.weight([3], [1, 1, 1], { name }));
  const scale = ["gamma", "beta"].map((name) => g.weight([3], [1, 1, 1], { name }));
  const norm = g.node("BatchNormalization", [conv, ...scale, ...statistics]);
  const clipped = g.node("Clip", [
    norm,
    g.weight([], [0], { name: "low" }),
    g.weight([], [6], { name: "high" }),
  ]);
  const scaled = g.node("Mul", [clipped, g.weight([1], [0.125], { name: "factor" })]);
  const masked = g.node("Add", [
    scaled,
    g.weight([1, 1, 4, 4], new Array(16).fill(-1e9), { name: "attention mask" }),
  ]);
  const shifted = g.node("Add", [masked, g.weight([1, 3, 1, 1], [1, 2, 3], { name: "shift" })]);
  const slope = g.node("PRelu", [shifted, g.weight([1], [0.25], { name: "slope" })]);
  g.output(slope);
  return g.build({ opset: 18 }).graph;
}

test("weights, biases, scales, shifts and slopes are trained; statistics, bounds, factors and infinities are not", () => {
  expect(trainableParameters(mixed())).toEqual(["w", "b", "gamma", "beta", "shift", "slope"]);
});

test("what is frozen is left out", () => {
  expect(trainableParameters(mixed(), (name) => name.length === 1)).toEqual([
    "gamma",
    "beta",
    "shift",
    "slope",
  ]);
});
