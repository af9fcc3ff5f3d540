import { describe, expect, test } from "vitest";
import { float, graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import type { Dim, Model } from "../../graph/model.ts";

function product(a: readonly Dim[], b: readonly number[]): Model {
  const g = graphBuilder();
  g.output(g.node("MatMul", [g.input("a", a), g.weight(b, undefined, { name: "b" })]));
  return g.build({ opset: 18 });
}

describe("MatMul with an open batch", () => {
  test.each<[readonly Dim[], readonly number[], readonly number[]]>([
    [
      ["N", 3],
      [3, 2],
      [4, 3],
    ],
    [
      ["N", "T", 3],
      [3, 2],
      [2, 3, 3],
    ],
    [
      ["N", 2, "T", 3],
      [2, 3, 2],
      [2, 2, 2, 3],
    ],
    [
      ["N", 2, "T", 3],
      [1, 3, 2],
      [2, 2, 2, 3],
    ],
    [["N", "T", 3], [3], [2, 2, 3]],
    [["N", 3], [3], [2, 3]],
  ])("%j by %j", async (a, b, size) => {
    await checkGradients({ model: product(a, b), feeds: { a: normalTensor(size, 3) }, wrt: ["a", "b"] });
  });
});

test("the weight of a sequence gets one flat product", () => {
  const model = product(["N", "T", 3], [3, 2]);
  const { model: both } = differentiate(model, { of: model.graph.outputs[0]!.name, wrt: ["b"] });
  const added = both.graph.nodes.slice(model.graph.nodes.length).map(({ opType }) => opType);
  expect(added.filter((opType) => /MatMul|Gemm|ReduceSum/.test(opType))).toEqual(["Gemm"]);
});

test("two operands with different batches", async () => {
  const g = graphBuilder();
  g.output(g.node("MatMul", [g.input("a", ["N", 1, 2, 3]), g.input("b", [4, 3, 2])]));
  const feeds = { a: normalTensor([2, 1, 2, 3], 1), b: normalTensor([4, 3, 2], 2) };
  await checkGradients({ model: g.build({ opset: 18 }), feeds });
});

test("Gemm without an addend and with an open batch", async () => {
  const g = graphBuilder();
  g.output(g.node("Gemm", [g.input("a", ["N", 3]), g.input("b", [2, 3])], { transB: 1, alpha: float(2) }));
  const feeds = { a: normalTensor([4, 3], 1), b: normalTensor([2, 3], 2) };
  await checkGradients({ model: g.build({ opset: 18 }), feeds });
});

test("operands of unknown rank are refused", () => {
  const g = graphBuilder();
  const a = g.node("Reshape", [g.input("x", ["N", 4]), g.input("sizes", undefined, "int64")]);
  const y = g.output(g.node("MatMul", [a, g.weight([4, 2], undefined, { name: "w" })]));
  expect(() => differentiate(g.build({ opset: 18 }), { of: y, wrt: ["w"] })).toThrow(/MatMul.*not known/);
});
