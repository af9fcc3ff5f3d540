import { describe, expect, test } from "vitest";
import { type AttributeShorthand, graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { gradientOfSum } from "../../../test/helpers/gradient-of-sum.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import type { Dim, Model } from "../../graph/model.ts";
import { float32, int64 } from "../../tensor/tensor.ts";

interface Target {
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
}

function resized(
  shape: readonly Dim[],
  { scales, sizes }: Target,
  attributes: Record<string, AttributeShorthand>,
): Model {
  const g = graphBuilder();
  const x = g.input("x", shape);
  const given =
    scales === undefined
      ? ["", "", g.initializer("sizes", int64([sizes!.length], sizes!))]
      : ["", g.initializer("scales", float32([scales.length], scales))];
  g.output(g.node("Resize", [x, ...given], attributes));
  return g.build({ opset: 18 });
}

const modes = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"];

describe("the batch may be open", () => {
  test.each(modes)("linear, %s", async (coordinate_transformation_mode) => {
    const attributes = { mode: "linear", coordinate_transformation_mode };
    const feeds = { x: normalTensor([2, 2, 3, 4]) };
    const shape = ["N", 2, 3, 4];
    await checkGradients({ model: resized(shape, { scales: [1, 1, 2, 1.5] }, attributes), feeds });
    await checkGradients({
      model: resized(shape, { sizes: [5, 3] }, { ...attributes, axes: [2, 3] }),
      feeds,
    });
  });

  test.each([
    [
      [1, 1, 2, 2],
      ["N", 2, 3, 4],
    ],
    [
      [1, 1, 3],
      ["N", 2, 3],
    ],
    [
      [1, 1, 1, 2, 2],
      ["N", 2, 3, 2, 2],
    ],
    [
      [1, 2, 1, 2],
      ["N", 2, 3, 4],
    ],
    [
      [1, 1, 0.5, 1.5],
      ["N", 2, 4, 4],
    ],
  ])("nearest, by %j", async (scales, shape) => {
    const attributes = {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    };
    const x = normalTensor(shape.map((size) => (typeof size === "number" ? size : 2)));
    await checkGradients({ model: resized(shape, { scales }, attributes), feeds: { x } });
  });
});

test("a position that comes twice gets twice the gradient, one that is left out none", async () => {
  const attributes = { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" };
  const model = resized([1, 1, 3], { sizes: [1, 1, 4] }, attributes);
  expect(await gradientOfSum(model, float32([1, 1, 3], [1, 2, 3]))).toEqual([2, 1, 1]);
  const fewer = resized([1, 1, 4], { scales: [1, 1, 0.5] }, attributes);
  expect(await gradientOfSum(fewer, float32([1, 1, 4], [1, 2, 3, 4]))).toEqual([1, 0, 1, 0]);
});

test("sizes as another value has them are known where that value's are", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 2, 3]);
  const target = g.node("Shape", [g.input("like", ["N", 2, 5])]);
  g.output(g.node("Resize", [x, "", "", target], { mode: "linear" }));
  await checkGradients({
    model: g.build({ opset: 18 }),
    feeds: { x: normalTensor([2, 2, 3]), like: normalTensor([2, 2, 5]) },
    wrt: ["x"],
  });
});

test("a size that only shows as the graph runs is refused", () => {
  const g = graphBuilder();
  const open = g.node("Concat", [g.initializer("front", int64([2], [1, 1])), g.input("k", [1], "int64")], {
    axis: 0,
  });
  g.output(g.node("Resize", [g.input("x", [1, 1, 4]), "", "", open], { mode: "linear" }));
  const model = g.build({ opset: 18 });
  expect(() => differentiate(model, { of: model.graph.outputs[0]!.name, wrt: ["x"] })).toThrow(
    expect.objectContaining({ code: "no-gradient" }),
  );
});

test.each([
  [{ mode: "cubic" }, 'mode "cubic"'],
  [{ mode: "linear", antialias: 1 }, "antialias"],
  [{ mode: "linear", coordinate_transformation_mode: "tf_crop_and_resize" }, "it crops as it resizes"],
])("%j is refused", (attributes, reason) => {
  const model = resized([1, 1, 4], { scales: [1, 1, 2] }, attributes);
  const of = model.graph.outputs[0]!.name;
  expect(() => differentiate(model, { of, wrt: ["x"] })).toThrow(
    expect.objectContaining({ code: "no-gradient", data: expect.objectContaining({ reason }) }),
  );
});
