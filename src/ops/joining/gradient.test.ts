import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { gradientOfSum } from "../../../test/helpers/gradient-of-sum.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { float32, int64 } from "../../tensor/tensor.ts";

describe("Split", () => {
  test("parts that nothing reads have a gradient of zero", async () => {
    const g = graphBuilder();
    const parts = g.nodes("Split", [g.input("x", ["N", 6])], 3, { axis: 1, num_outputs: 3 });
    g.output(g.node("Mul", [parts[1]!, parts[1]!]));
    const model = g.build({ opset: 18 });
    expect(await gradientOfSum(model, float32([1, 6], [1, 2, 3, 4, 5, 6]))).toEqual([0, 0, 6, 8, 0, 0]);
  });

  test("of an axis of open size", async () => {
    const g = graphBuilder();
    const sizes = g.input("sizes", [2], "int64");
    const [a, b] = g.nodes("Split", [g.input("x", ["N", 3]), sizes], 2, { axis: 0 });
    g.output(g.node("Concat", [b!, a!, b!], { axis: 0 }));
    await checkGradients({
      model: g.build({ opset: 18 }),
      feeds: { x: normalTensor([5, 3]), sizes: int64([2], [2, 3]) },
    });
  });
});

describe("Concat", () => {
  test.each([
    {
      axis: 1,
      shapes: [
        ["N", 2, 3],
        ["N", 1, 3],
        ["N", 4, 3],
      ],
    },
    {
      axis: -3,
      shapes: [
        ["N", 2, 3],
        [2, 2, 3],
        ["M", 2, 3],
      ],
    },
    {
      axis: 2,
      shapes: [
        [2, "A", 3],
        [2, "A", 2],
        [2, "A", 1],
      ],
    },
  ])("along axis $axis of $shapes", async ({ axis, shapes }) => {
    const g = graphBuilder();
    g.output(
      g.node(
        "Concat",
        shapes.map((shape, k) => g.input(`x${k}`, shape)),
        { axis },
      ),
    );
    const feeds = Object.fromEntries(
      shapes.map((shape, k) => [
        `x${k}`,
        normalTensor(
          shape.map((size) => (typeof size === "number" ? size : 2)),
          k,
        ),
      ]),
    );
    await checkGradients({ model: g.build({ opset: 18 }), feeds });
  });

  test("when only one part is wanted, and when a part comes twice", async () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 2]);
    g.output(g.node("Concat", [x, g.weight([3, 4]), x, g.node("Neg", [g.weight([3, 1])])], { axis: 1 }));
    const feeds = { x: normalTensor([3, 2]) };
    await checkGradients({ model: g.build({ opset: 18 }), feeds });
    await checkGradients({ model: g.build({ opset: 18 }), feeds, wrt: ["w0"] });
  });
});
