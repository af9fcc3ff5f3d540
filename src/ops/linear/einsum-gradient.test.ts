/** @file Gradients of Einsum against finite differences. */
import { expect, test } from "vitest";
import { graphBuilder } from "../../../test/helpers/build.ts";
import { checkGradients } from "../../../test/helpers/gradient-check.ts";
import { normalTensor } from "../../../test/helpers/normal-tensor.ts";
import { ortEngine } from "../../engine/ort/engine.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import type { Model } from "../../graph/model.ts";
import { type Tensor, toNumbers } from "../../tensor/tensor.ts";

function einsum(equation: string, shapes: readonly (readonly number[])[]): Model {
  const g = graphBuilder();
  const inputs = shapes.map((shape, k) => g.input("abc"[k]!, shape));
  g.output(g.node("Einsum", inputs, { equation }));
  return g.build({ opset: 18 });
}

test.each<[string, readonly (readonly number[])[]]>([
  [
    "ij,jk->ik",
    [
      [2, 3],
      [3, 4],
    ],
  ],
  [
    "bhqd,bhkd->bhqk",
    [
      [2, 2, 3, 4],
      [2, 2, 5, 4],
    ],
  ],
  [
    "bchw,oc->bohw",
    [
      [2, 3, 2, 2],
      [4, 3],
    ],
  ],
  ["ij->ji", [[2, 3]]],
  ["ij->i", [[2, 3]]],
  ["ij,k->i", [[2, 3], [4]]],
  [
    "bi,bj,ijk->bk",
    [
      [2, 3],
      [2, 2],
      [3, 2, 2],
    ],
  ],
  [
    "ij,jk",
    [
      [2, 3],
      [3, 2],
    ],
  ],
])("%s of %j", async (equation, shapes) => {
  const names = shapes.map((_, k) => "abc"[k]!);
  const feeds = Object.fromEntries(shapes.map((shape, k) => [names[k]!, normalTensor(shape, k + 1)]));
  await checkGradients({ model: einsum(equation, shapes), feeds, wrt: names });
});

/** Gradients of a model's output by its inputs, on onnxruntime. */
async function gradientsOf(model: Model, feeds: Readonly<Record<string, Tensor>>): Promise<number[][]> {
  const wrt = Object.keys(feeds);
  const { model: both, gradientOf } = differentiate(model, { of: model.graph.outputs[0]!.name, wrt });
  const names = wrt.map((name) => gradientOf.get(name)!);
  const session = await ortEngine.open({
    ...both,
    graph: { ...both.graph, outputs: names.map((name) => ({ name })) },
  });
  const results = await session.run(feeds);
  await session.close();
  return names.map((name, k) => {
    expect(results[name]!.shape).toEqual(feeds[wrt[k]!]!.shape);
    return [...toNumbers(results[name]!)];
  });
}

test.each([[[2, 2, 3]], [[1, 2, 3]]])("an ellipsis over %j is a batch, as in MatMul", async (shape) => {
  const shapes = [shape, [2, 3, 2]];
  const g = graphBuilder();
  g.output(
    g.node(
      "MatMul",
      shapes.map((own, k) => g.input("ab"[k]!, own)),
    ),
  );
  const feeds = { a: normalTensor(shape, 1), b: normalTensor([2, 3, 2], 2) };
  const wanted = await gradientsOf(g.build({ opset: 18 }), feeds);
  const got = await gradientsOf(einsum("...ij,...jk->...ik", shapes), feeds);
  got.forEach((own, k) => {
    own.forEach((value, at) => {
      expect(value).toBeCloseTo(wanted[k]![at]!, 5);
    });
  });
});

test("a letter that stands twice in an operand is refused", () => {
  const model = einsum("ii->i", [[3, 3]]);
  const { name } = model.graph.outputs[0]!;
  expect(() => differentiate(model, { of: name, wrt: ["a"] })).toThrow(/stands twice/);
});
