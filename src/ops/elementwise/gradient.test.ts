import { describe, expect, test } from "vitest";
import { type AttributeShorthand, float, graphBuilder } from "../../../test/helpers/build.ts";
import type { Feeds } from "../../../test/helpers/gradient-check.ts";
import { gradientOfSum } from "../../../test/helpers/gradient-of-sum.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { ortEngine } from "../../engine/ort/engine.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import type { Model } from "../../graph/model.ts";
import { float32, fromNumbers, toNumbers } from "../../tensor/tensor.ts";

/** Gradients of y at the given operands, from both engines. */
function slopes(
  opType: string,
  x: readonly number[],
  attributes: Record<string, AttributeShorthand> = {},
  constants: readonly number[] = [],
): Promise<number[]> {
  const g = graphBuilder();
  const operands = [g.input("x", [x.length]), ...constants.map((value) => g.weight([], [value]))];
  g.output(g.node(opType, operands, attributes));
  return gradientOfSum(g.build({ opset: 18 }), float32([x.length], x));
}

/** The first output, and the gradient of its sum with respect to x, on the runtime. */
async function onRuntime(model: Model, feeds: Feeds): Promise<number[][]> {
  const of = model.graph.outputs[0]!.name;
  const { model: both, gradientOf } = differentiate(model, { of, wrt: ["x"] });
  const outputs = [{ name: of }, { name: gradientOf.get("x")! }];
  const session = await ortEngine.open({ ...both, graph: { ...both.graph, outputs } });
  const results = await session.run(feeds);
  await session.close();
  return outputs.map(({ name }) => [...toNumbers(results[name]!)]);
}

describe("at a kink the rule takes one of the two sides", () => {
  const at = { lower: -1.3, upper: Math.fround(5.9) };
  test.each<[string, readonly number[], Record<string, AttributeShorthand>, readonly number[]]>([
    ["Relu", [-2, -0, 0, 1e-20, 3], {}, [0, 0, 0, 1, 1]],
    ["ThresholdedRelu", [1, 1.5, 2], { alpha: 1.5 }, [0, 0, 1]],
    ["ThresholdedRelu", [-1, -0.5, 0, 2], { alpha: -0.5 }, [0, 0, 1, 1]],
    ["LeakyRelu", [-2, 0, 2], { alpha: 0.25 }, [0.25, 1, 1]],
    ["LeakyRelu", [-2, 0, 2], { alpha: float(0) }, [0, 1, 1]],
    ["LeakyRelu", [-2, 0, 2], { alpha: float(-2) }, [-2, 1, 1]],
    ["LeakyRelu", [-2, 0, 2], { alpha: float(3) }, [3, 1, 1]],
    ["Abs", [-2, 0, 2], {}, [-1, 0, 1]],
    ["Elu", [0, 2], { alpha: 0.5 }, [1, 1]],
    ["Elu", [0, 2], {}, [1, 1]],
    ["Celu", [0, 2], { alpha: 0.5 }, [1, 1]],
    ["Selu", [0, 2], { alpha: 0.5, gamma: float(3) }, [1.5, 3]],
    ["HardSigmoid", [-3, -2, 0, 2, 3], { alpha: 0.25 }, [0, 0, 0.25, 0, 0]],
    ["HardSwish", [-4, -3, 0, 3, 4], {}, [0, -0.5, 0.5, 1.5, 1]],
    ["Shrink", [-1, -0.5, 0, 0.5, 1], { bias: 0.25 }, [1, 0, 0, 0, 1]],
  ])("%s at %j with %j", async (opType, x, attributes, expected) => {
    (await slopes(opType, x, attributes)).forEach((slope, k) => {
      expect(slope, `at ${x[k]}`).toBeCloseTo(expected[k]!, 6);
    });
  });

  test("Clip stops the gradient at its bounds and passes it up to the next number", async () => {
    const below = Math.fround(at.upper - 4.8e-7);
    const x = [-2, Math.fround(at.lower), Math.fround(at.lower) + 1.2e-7, 0, below, at.upper, 7];
    expect(below).toBeLessThan(at.upper);
    expect(await slopes("Clip", x, {}, [at.lower, at.upper])).toEqual([0, 0, 1, 1, 1, 0, 0]);
    expect(await slopes("Clip", [-1, 0, 1e-20, 6], {}, [0, 6])).toEqual([0, 0, 1, 0]);
    expect(await slopes("Clip", [2e9, 3e9, 4e9], {}, [2e9, 3.5e9])).toEqual([0, 1, 0]); // too large for a steep sigmoid
  });
});

describe("what Clip cuts off flows to its bounds", () => {
  const values = [-9, -2, 0, 2, 2, 9];
  test.each([
    { bound: "lower", at: -2, lower: "x", upper: 2, expected: 2 },
    { bound: "upper", at: 2, lower: -2, upper: "x", expected: 3 },
    { bound: "lower without an upper", at: 2, lower: "x", upper: undefined, expected: 5 },
    { bound: "upper, equal to the lower", at: 2, lower: 2, upper: "x", expected: 6 },
    { bound: "lower, equal to the upper", at: 2, lower: "x", upper: 2, expected: 0 },
  ] as const)("$bound", async ({ at, lower, upper, expected }) => {
    const g = graphBuilder();
    const operand = (bound: number | "x" | undefined) =>
      bound === undefined ? "" : bound === "x" ? g.input("x", []) : g.weight([], [bound]);
    g.output(g.node("Clip", [g.weight([6], values), operand(lower), operand(upper)]));
    expect(await gradientOfSum(g.build({ opset: 18 }), float32([], [at]))).toEqual([expected]);
  });
});

test("ReLU hands NaN on, so that trouble shows", async () => {
  const g = graphBuilder();
  g.output(g.node("Relu", [g.input("x", [2])]));
  const [, gradient] = await onRuntime(g.build({ opset: 18 }), { x: float32([2], [1, Number.NaN]) });
  expect(gradient).toEqual([1, Number.NaN]);
});

test("a cast to 16 bits and back passes the gradient", async () => {
  const g = graphBuilder();
  const half = g.node("Cast", [g.input("x", [3])], { to: 10 });
  g.output(g.node("Mul", [g.node("Cast", [half], { to: 1 }), g.weight([3], [1, 2, 3])]));
  expect(await gradientOfSum(g.build({ opset: 18 }), float32([3], [0.1, 0.2, 0.3]))).toEqual([1, 2, 3]);
});

test("Celu with a negative alpha is refused", async () => {
  await expect(slopes("Celu", [1], { alpha: float(-1) })).rejects.toMatchObject({ code: "no-gradient" });
});

describe("Dropout", () => {
  /** y and the gradient of its sum at ones, on the runtime. */
  async function trained(ratio: number, mode: "constant" | boolean) {
    const g = graphBuilder();
    const inputs = [g.input("x", ["N", 50]), g.weight([], [ratio])];
    if (mode === "constant") inputs.push(g.initializer("mode", fromNumbers("bool", [], [1])));
    else inputs.push(g.input("mode", [], "bool"));
    g.output(g.node("Dropout", inputs, { seed: 3 }));
    const x = fromNumbers("float32", [4, 50], new Array(200).fill(1));
    const feeds = mode === "constant" ? { x } : { x, mode: fromNumbers("bool", [], [Number(mode)]) };
    return onRuntime(g.build({ opset: 18 }), feeds);
  }

  test.each(["constant", true] as const)(
    "passes gradients as it passed values, training by %s",
    async (mode) => {
      const [y, gradient] = await trained(0.25, mode);
      expect(gradient).toEqual(y); // x is 1 everywhere
      expect(new Set(gradient)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    },
  );

  test("is the identity when told at run time not to train", async () => {
    const [y, gradient] = await trained(0.25, false);
    expect(new Set([...y!, ...gradient!])).toEqual(new Set([1]));
  });
});

test("sizes that are only known as the graph runs do not matter", async () => {
  const g = graphBuilder();
  const hidden = g.node("HardSwish", [g.node("Mish", [g.input("x", ["N", 3, "M"])])]);
  g.output(g.node("Sigmoid", [hidden]));
  expect(await gradientOfSum(g.build({ opset: 18 }), normalTensor([2, 3, 4], 1))).toHaveLength(24);
});
