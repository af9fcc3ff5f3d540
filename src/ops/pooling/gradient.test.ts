import { describe, expect, test } from "vitest";
import { type AttributeShorthand, graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { gradientOfSum } from "../../../test/helpers/gradient-of-sum.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import type { Dim, Model } from "../../graph/model.ts";
import { float32 } from "../../tensor/tensor.ts";

function pooled(
  opType: string,
  shape: readonly Dim[],
  attributes: Record<string, AttributeShorthand> = {},
): Model {
  const g = graphBuilder();
  g.output(g.node(opType, [g.input("x", shape)], attributes));
  return g.build({ opset: 18 });
}

const twoByTwo = { kernel_shape: [2, 2], strides: [2, 2] };
const overlapping = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };

describe("of equal maxima the first takes all", () => {
  test("windows side by side", async () => {
    const model = pooled("MaxPool", [1, 1, 2, 6], twoByTwo);
    const x = float32([1, 1, 2, 6], [0, 0, 1, 2, 3, 0, 0, 0, 2, 2, 3, 3]);
    expect(await gradientOfSum(model, x)).toEqual([1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("overlapping windows add up at a shared winner", async () => {
    const model = pooled("MaxPool", [1, 1, 5], { kernel_shape: [3] });
    expect(await gradientOfSum(model, float32([1, 1, 5], [0, 4, 4, 4, 1]))).toEqual([0, 2, 1, 0, 0]);
  });

  test("whole planes", async () => {
    const model = pooled("GlobalMaxPool", [1, 2, 3]);
    expect(await gradientOfSum(model, float32([1, 2, 3], [1, 5, 5, 7, 7, 7]))).toEqual([0, 1, 0, 1, 0, 0]);
  });
});

test("positions beyond the last window have no gradient", async () => {
  const model = pooled("MaxPool", [1, 1, 5], { kernel_shape: [2], strides: [2] });
  expect(await gradientOfSum(model, float32([1, 1, 5], [1, 2, 4, 3, 9]))).toEqual([0, 1, 1, 0, 0]);
});

test("a forward pass that counts column by column is not asked for its positions", async () => {
  const model = pooled("MaxPool", [1, 1, 2, 3], { kernel_shape: [1, 3], storage_order: 1 });
  expect(await gradientOfSum(model, float32([1, 1, 2, 3], [1, 2, 3, 6, 5, 4]))).toEqual([0, 0, 1, 1, 0, 0]);
});

test("a norm of nothing but zeros has a gradient of zero", async () => {
  for (const p of [1, 2, 3]) {
    const model = pooled("LpPool", [1, 1, 4], { kernel_shape: [2], strides: [2], p });
    const gradient = await gradientOfSum(model, float32([1, 1, 4], [0, 0, 3, 0]));
    expect(gradient).toEqual([0, 0, expect.closeTo(1, 12), 0]);
  }
});

describe("the batch may be open", () => {
  test.each([
    ["MaxPool", twoByTwo],
    ["MaxPool", overlapping],
    ["MaxPool", { ...overlapping, ceil_mode: 1 }],
    ["AveragePool", twoByTwo],
    ["AveragePool", { ...overlapping, count_include_pad: 1 }],
    ["AveragePool", { ...overlapping, ceil_mode: 1 }],
    ["LpPool", overlapping],
    ["GlobalAveragePool", {}],
    ["GlobalMaxPool", {}],
    ["GlobalLpPool", {}],
  ] as const)("%s %j", async (opType, attributes) => {
    const model = pooled(opType, ["N", 2, 6, 8], attributes);
    await checkGradients({ model, feeds: { x: normalTensor([3, 2, 6, 8]) } });
  });

  test.each(["MaxPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"])(
    "and space too for %s",
    async (opType) => {
      const model = pooled(opType, ["N", 2, "H", "W"], opType === "MaxPool" ? overlapping : {});
      await checkGradients({ model, feeds: { x: normalTensor([2, 2, 5, 7]) } });
    },
  );
});

test("an average over open space is refused, and says why", async () => {
  const check = checkGradients({
    model: pooled("AveragePool", ["N", 2, "H", "W"], twoByTwo),
    feeds: { x: normalTensor([1, 2, 4, 4]) },
  });
  await expect(check).rejects.toMatchObject({
    code: "no-gradient",
    data: { opType: "AveragePool", reason: expect.stringContaining("--input-shape") },
  });
});
