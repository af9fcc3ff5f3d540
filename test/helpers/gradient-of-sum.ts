/** @file The gradient of the sum of a model's first output with respect to its input x, from both engines. */
import { expect } from "vitest";
import { ortEngine } from "../../src/engine/ort/engine.ts";
import { referenceEngine } from "../../src/engine/reference/reference.ts";
import { differentiate } from "../../src/gradients/differentiate.ts";
import type { Model } from "../../src/graph/model.ts";
import { type Tensor, toNumbers } from "../../src/tensor/tensor.ts";

/** Elements of the gradient, after a check that the engines agree on them to single precision. */
export async function gradientOfSum(model: Model, x: Tensor): Promise<number[]> {
  const of = model.graph.outputs[0]!.name;
  const { model: both, gradientOf } = differentiate(model, { of, wrt: ["x"] });
  const name = gradientOf.get("x")!;
  const only = { ...both, graph: { ...both.graph, outputs: [{ name }] } };
  const [ours, theirs] = await Promise.all(
    [referenceEngine, ortEngine].map(async (engine) => {
      const session = await engine.open(only);
      const result = (await session.run({ x }))[name]!;
      await session.close();
      expect(result.shape).toEqual(x.shape);
      return [...toNumbers(result)];
    }),
  );
  theirs!.forEach((value, k) => {
    expect(value, `element ${k}`).toBeCloseTo(ours![k]!, 5);
  });
  return ours!;
}
