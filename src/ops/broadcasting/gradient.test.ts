import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { gradientOfSum } from "../../../test/helpers/gradient-of-sum.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import type { Dim, Model } from "../../graph/model.ts";
import { float32, fromNumbers, type Tensor } from "../../tensor/tensor.ts";

/** One node on x and constants, with x at the place of null. */
function around(opType: string, operands: readonly (Tensor | null)[], shape: readonly Dim[] = [3]): Model {
  const g = graphBuilder();
  const names = operands.map((operand, k) =>
    operand === null ? g.input("x", shape) : g.initializer(`c${k}`, operand),
  );
  g.output(g.node(opType, names));
  return g.build({ opset: 18 });
}

const three = (...values: number[]) => float32([3], values);

describe("of equal extremes the first operand takes all", () => {
  test.each([
    ["Max", [null, three(1, 2, 3)], [0, 1, 1]],
    ["Max", [three(1, 2, 3), null], [0, 0, 1]],
    ["Min", [null, three(1, 2, 3)], [1, 1, 0]],
    ["Min", [three(1, 2, 3), null], [1, 0, 0]],
    ["Max", [three(-1, 2, 9), null, three(0, 2, 4)], [1, 0, 0]],
    ["Max", [null], [1, 1, 1]],
  ] as const)("%s, case %#", async (opType, operands, expected) => {
    expect(await gradientOfSum(around(opType, operands), three(0, 2, 4))).toEqual(expected);
  });

  test("and an operand that is given twice takes it once", async () => {
    const g = graphBuilder();
    const x = g.input("x", [3]);
    g.output(g.node("Max", [x, x]));
    expect(await gradientOfSum(g.build({ opset: 18 }), three(1, 2, 3))).toEqual([1, 1, 1]);
  });
});

describe("Pow", () => {
  test.each([
    [0, [0, 0, 0]],
    [0.5, [1, 0.5, 0.25]],
    [1, [1, 1, 1]],
    [2, [0.5, 2, 8]],
    [3, [0.1875, 3, 48]],
    [-1, [-16, -1, -0.0625]],
  ])("x to the %d", async (exponent, expected) => {
    const x = three(0.25, 1, 4);
    const model = around("Pow", [null, float32([], [exponent])]);
    if (exponent === 0) {
      const { gradientOf } = differentiate(model, { of: model.graph.outputs[0]!.name, wrt: ["x"] });
      expect(gradientOf.has("x")).toBe(false); // constant
      return;
    }
    (await gradientOfSum(model, x)).forEach((slope, k) => {
      expect(slope).toBeCloseTo(expected[k]!, 5);
    });
  });

  test("where the power is constant the derivative is 0, not NaN", async () => {
    const exponents = around("Pow", [null, three(0, 1, 2)]);
    expect(await gradientOfSum(exponents, three(0, 0, 0))).toEqual([0, 1, 0]);
    const bases = around("Pow", [three(0, 0, 1), null]);
    expect(await gradientOfSum(bases, three(1, 2, 5))).toEqual([0, 0, 0]);
  });

  test("negative bases of whole exponents, and exponents that are integers", async () => {
    expect(await gradientOfSum(around("Pow", [null, float32([], [2])]), three(-2, 0, 2))).toEqual([-4, 0, 4]);
    const integers = fromNumbers("int64", [3], [1, 2, 3]);
    expect(await gradientOfSum(around("Pow", [null, integers]), three(-1, -2, 2))).toEqual([1, -4, 12]);
  });
});

test("PReLU at 0 passes the gradient", async () => {
  expect(await gradientOfSum(around("PRelu", [null, three(2, 2, 2)]), three(-1, 0, 1))).toEqual([2, 1, 1]);
});

describe("an open batch", () => {
  test.each(["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean"])(
    "%s with one number per channel",
    async (opType) => {
      const g = graphBuilder();
      const operands = [g.input("x", ["N", 2, 3, 2]), g.weight([1, 2, 1, 1], [1.5, 2.5], { name: "c" })];
      g.output(g.node(opType, operands));
      const feeds = { x: normalTensor([3, 2, 3, 2], 5) };
      await checkGradients({ model: g.build({ opset: 18 }), feeds, wrt: ["x", "c"] });
    },
  );

  test("both operands with the batch, and a condition per example", async () => {
    const g = graphBuilder();
    const [a, b] = [g.input("a", ["N", 3]), g.input("b", ["N", 1])];
    const chosen = g.node("Where", [g.node("Greater", [b, g.weight([], [0])]), g.node("Mul", [a, b]), a]);
    g.output(chosen);
    const feeds = { a: normalTensor([4, 3], 1), b: normalTensor([4, 1], 2) };
    await checkGradients({ model: g.build({ opset: 18 }), feeds });
  });

  test("a first operand that lacks leading axes", async () => {
    const g = graphBuilder();
    g.output(g.node("Sub", [g.input("a", [4]), g.input("b", ["N", 3, 4])]));
    const feeds = { a: normalTensor([4], 1), b: normalTensor([2, 3, 4], 2) };
    await checkGradients({ model: g.build({ opset: 18 }), feeds });
  });
});

describe("shapes that leave open what was repeated are refused", () => {
  test.each<[string, readonly Dim[], readonly Dim[]]>([
    ["two different open sizes", ["N", 3], ["M", 3]],
    ["an open size that meets a number", ["N", 3], [5, 3]],
  ])("%s", (_, a, b) => {
    const g = graphBuilder();
    const y = g.output(g.node("Mul", [g.input("a", a), g.input("b", b)]));
    expect(() => differentiate(g.build({ opset: 18 }), { of: y, wrt: ["a"] })).toThrow(
      expect.objectContaining({ code: "no-gradient" }) as Error,
    );
  });

  test("a rank that is not known", () => {
    const g = graphBuilder();
    const sizes = g.input("sizes", undefined, "int64");
    const reshaped = g.node("Reshape", [g.input("a", ["N", 4]), sizes]);
    const y = g.output(g.node("Add", [reshaped, g.weight([4], [1, 2, 3, 4], { name: "w" })]));
    expect(() => differentiate(g.build({ opset: 18 }), { of: y, wrt: ["w"] })).toThrow(/not known/);
  });
});
