/** @file How far a network stays affine in an input. */
import { expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { affineFrontier } from "./affine-frontier.ts";

/** A graph with inputs "m" (which varies) and "x", and the last value of a body as output. */
function frontierOf(body: (g: ReturnType<typeof graphBuilder>, m: string, x: string) => string): string[] {
  const g = graphBuilder();
  const m = g.input("m", ["N", 4]);
  const x = g.input("x", ["N", 4]);
  g.output(body(g, m, x), ["N", 4]);
  return affineFrontier(g.build(), ["m"]);
}

const square = (g: ReturnType<typeof graphBuilder>) => g.weight([4, 4]);

test("products with what does not vary, dense layers and sums stay affine up to the activation", () => {
  const frontier = frontierOf((g, m, x) => {
    const masked = g.node("Mul", [x, m]);
    const layer = g.node("Gemm", [masked, square(g), g.weight([4])]);
    const sum = g.node("Add", [layer, x], {}, { name: "sum" });
    return g.node("Relu", [g.node("Identity", [sum], {}, { name: "last" })]);
  });
  expect(frontier).toHaveLength(1);
  expect(frontier[0]).toMatch(/last|Identity/i);
});

test("a product of two values that vary is not, so both factors are needed", () => {
  expect(
    frontierOf((g, m, x) => g.node("Mul", [g.node("MatMul", [m, square(g)]), g.node("Add", [m, x])])),
  ).toHaveLength(2);
});

test("a divisor, a second operand of Gemm and an unknown operator end it at the input", () => {
  expect(frontierOf((g, m, x) => g.node("Div", [x, m]))).toEqual(["m"]);
  expect(
    frontierOf((g, m, x) => g.node("Gemm", [x, g.node("Transpose", [m], { perm: [1, 0] })])),
  ).toHaveLength(1);
  expect(frontierOf((g, m) => g.node("Softmax", [m]))).toEqual(["m"]);
});

test("an output that is affine counts; a value that does not vary does not", () => {
  const g = graphBuilder();
  const m = g.input("m", ["N", 4]);
  const x = g.input("x", ["N", 4]);
  const sum = g.node("Add", [m, g.node("Relu", [x])]);
  g.output(sum, ["N", 4]);
  expect(affineFrontier(g.build(), ["m"])).toEqual([sum]);
});

test("a factor that stands for infinity ends it: sums would hold nothing else", () => {
  const behind = (factor: number) =>
    frontierOf((g, m) =>
      g.node("Relu", [g.node("Mul", [m, g.weight([1], [factor])], {}, { name: "scaled" })]),
    );
  expect(behind(1e30)).toEqual(["m"]);
  expect(behind(-3)[0]).toMatch(/scaled|Mul/);
});
