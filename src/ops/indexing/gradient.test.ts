import { describe, expect, test } from "vitest";
import { type AttributeShorthand, graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { gradientOfSum } from "../../../test/helpers/gradient-of-sum.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import type { Dim, Model } from "../../graph/model.ts";
import { float32, int64 } from "../../tensor/tensor.ts";

/** A node whose further inputs are lists of integers in the model, "" for one left out. */
function indexed(
  opType: string,
  shape: readonly Dim[],
  lists: readonly (readonly number[] | "")[],
  attributes: Record<string, AttributeShorthand> = {},
): Model {
  const g = graphBuilder();
  const x = g.input("x", shape);
  const stored = lists.map((list, k) =>
    list === "" ? "" : g.initializer(`list${k}`, int64([list.length], list)),
  );
  g.output(g.node(opType, [x, ...stored], attributes));
  return g.build({ opset: 19 });
}

test("gradients of what is gathered several times add up", async () => {
  const model = indexed("Gather", ["N", 4], [[2, 0, 2, -2]], { axis: 1 });
  expect(await gradientOfSum(model, float32([1, 4], [1, 2, 3, 4]))).toEqual([1, 0, 3, 0]);
});

test("a table of embeddings gathers the gradients of all places of a token", async () => {
  const g = graphBuilder();
  const table = g.input("table", [5, 3]);
  g.output(g.node("Gather", [table, g.input("tokens", ["N", "T"], "int64")]));
  await checkGradients({
    model: g.build({ opset: 18 }),
    feeds: { table: normalTensor([5, 3]), tokens: int64([2, 4], [0, 4, 4, 1, -1, 4, 0, 2]) },
  });
});

describe("the batch may be open", () => {
  const far = 2 ** 31 - 1;
  test.each([
    ["Slice", [[1], [3], [1]], {}],
    [
      "Slice",
      [
        [0, 1],
        [far, far],
        [2, 3],
        [2, 2],
      ],
      {},
    ],
    [
      "Slice",
      [
        [-1, -2],
        [-far, 0],
        [1, 3],
        [-1, -3],
      ],
      {},
    ],
    ["Slice", [[-9], [-far], [1], [-1]], {}], // starts in front of the axis: its first position is taken
    ["Slice", [[0], [far], [0]], {}],
    ["Slice", [[-1], [-far], [0], [-1]], {}],
    ["Slice", [[0], [far], [0], [2]], {}],
    ["Pad", [[0, 1, 0, 2, 0, 0, -1, 3]], {}],
    ["Pad", [[0, 0, 1, 2, 0, 0, 2, 1]], { mode: "reflect" }],
    ["Pad", [[1, 0, 2, 1], "", [1, 3]], { mode: "edge" }],
    ["Pad", [[3, 2], "", [2]], { mode: "wrap" }],
    ["Gather", [[2]], { axis: 1 }],
    ["Gather", [[1, 2, 3]], { axis: 1 }],
    ["Gather", [[3, 0]], { axis: 3 }],
    ["Gather", [[2, 0, 3, 1]], { axis: -1 }],
    ["Gather", [[0, 0, -1]], { axis: 0 }],
    ["Tile", [[1, 2, 1, 3]], {}],
    ["Tile", [[2, 1, 1, 1]], {}],
    ["Expand", [[2, 1, 1, 1, 1]], {}],
  ] as const)("%s %j %j", async (opType, lists, attributes) => {
    const model = indexed(opType, ["N", 4, 5, 4], lists, attributes);
    await checkGradients({ model, feeds: { x: normalTensor([2, 4, 5, 4]) } });
  });

  test("a single position that is gathered, as for a class token", async () => {
    const g = graphBuilder();
    const first = g.initializer("first", int64([], [0]));
    g.output(g.node("Gather", [g.input("x", ["N", "T", 4]), first], { axis: 1 }));
    await checkGradients({ model: g.build({ opset: 18 }), feeds: { x: normalTensor([2, 3, 4]) } });
  });

  test("several axes may be open", async () => {
    const g = graphBuilder();
    const indices = g.initializer("indices", int64([2, 2], [0, 1, 1, 2]));
    g.output(g.node("Gather", [g.input("x", ["N", 3, "H", "W"]), indices], { axis: 1 }));
    await checkGradients({ model: g.build({ opset: 18 }), feeds: { x: normalTensor([2, 3, 2, 4]) } });
  });
});

test("updates that were written last pass their gradient, what lay below passes none", async () => {
  const g = graphBuilder();
  const [x, updates] = [g.input("x", ["N", 3]), g.input("updates", ["N", 2])];
  g.output(g.node("ScatterElements", [x, g.input("at", ["N", 2], "int64"), updates], { axis: 1 }));
  await checkGradients({
    model: g.build({ opset: 18 }),
    feeds: { x: normalTensor([2, 3]), updates: normalTensor([2, 2], 2), at: int64([2, 2], [0, 2, 1, 0]) },
  });
});
