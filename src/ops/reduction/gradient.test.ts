import { describe, expect, test } from "vitest";
import { type AttributeShorthand, graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { gradientOfSum } from "../../../test/helpers/gradient-of-sum.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import type { Dim, Model } from "../../graph/model.ts";
import { float32, int64 } from "../../tensor/tensor.ts";

function reduced(
  opType: string,
  shape: readonly Dim[],
  axes?: readonly number[],
  attributes: Record<string, AttributeShorthand> = {},
): Model {
  const g = graphBuilder();
  const operands = [g.input("x", shape)];
  if (axes !== undefined) operands.push(g.initializer("axes", int64([axes.length], axes)));
  g.output(g.node(opType, operands, attributes));
  return g.build({ opset: 18 });
}

describe("at ties and zeros", () => {
  test.each<[string, readonly number[], readonly number[]]>([
    ["ReduceMax", [1, 4, 4, 2], [0, 0.5, 0.5, 0]],
    ["ReduceMin", [3, 3, 4, 3], [1 / 3, 1 / 3, 0, 1 / 3]],
    ["ReduceProd", [2, 3, 4, 5], [60, 40, 30, 24]],
    ["ReduceProd", [2, 0, 4, 5], [0, 40, 0, 0]],
    ["ReduceProd", [2, 0, 0, 5], [0, 0, 0, 0]],
    ["ReduceL1", [-2, 0, 0, 5], [-1, 0, 0, 1]],
    ["ReduceL2", [0, 0, 0, 0], [0, 0, 0, 0]],
    ["ReduceL2", [3, 0, 0, 4], [0.6, 0, 0, 0.8]],
  ])("%s of %j", async (opType, x, expected) => {
    const slopes = await gradientOfSum(reduced(opType, [4]), float32([4], x));
    slopes.forEach((slope, k) => {
      expect(slope).toBeCloseTo(expected[k]!, 6);
    });
  });
});

const all =
  "ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp".split(
    " ",
  );

describe("open sizes", () => {
  test.each(all)("%s over them, with and without axes kept", async (opType) => {
    const feeds = { x: normalTensor([2, 3, 4], 4) };
    await checkGradients({ model: reduced(opType, ["N", 3, "M"], [0, -1], { keepdims: 0 }), feeds });
    await checkGradients({ model: reduced(opType, ["N", 3, "M"], [2]), feeds });
    await checkGradients({ model: reduced(opType, ["N", 3, "M"]), feeds });
  });

  test.each(["Softmax", "LogSoftmax"])("%s along and beside them", async (opType) => {
    const feeds = { x: normalTensor([2, 3, 4], 4) };
    for (const axis of [0, 1, -1])
      await checkGradients({ model: reduced(opType, ["N", 3, "M"], undefined, { axis }), feeds });
  });
});

test("axes that are only known as the graph runs are refused", () => {
  const g = graphBuilder();
  const y = g.output(g.node("ReduceSum", [g.input("x", [2, 3]), g.input("axes", [1], "int64")]));
  expect(() => differentiate(g.build({ opset: 18 }), { of: y, wrt: ["x"] })).toThrow(/ReduceSum.*axes/);
});

test.each([
  ["Softmax", [0, 0, 0]],
  ["LogSoftmax", [-2, 1, 1]], // 1 − 3 · softmax
])("%s of large scores has finite gradients", async (opType, expected) => {
  const slopes = await gradientOfSum(reduced(opType, ["N", 3]), float32([1, 3], [1000, 0, -1000]));
  slopes.forEach((slope, k) => {
    expect(slope).toBeCloseTo(expected[k]!, 6);
  });
});
