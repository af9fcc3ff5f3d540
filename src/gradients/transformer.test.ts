import { expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../../test/helpers/build.ts";
import { checkGradients } from "../../test/helpers/gradient-check.ts";
import { normalTensor } from "../../test/helpers/normal-tensor.ts";
import { ortEngine } from "../engine/ort/engine.ts";
import type { Model } from "../graph/model.ts";
import { differentiate } from "./differentiate.ts";

const [width, heads] = [6, 2];

/** Weights by name, so that a test can ask for their gradients. */
type Weigh = (name: string, shape: readonly number[]) => string;

function weighing(g: GraphBuilder): { weigh: Weigh; names: string[] } {
  const names: string[] = [];
  const weigh: Weigh = (name, shape) => {
    names.push(name);
    return g.weight(shape, undefined, { name });
  };
  return { weigh, names };
}

function dense(g: GraphBuilder, weigh: Weigh, x: string, name: string, from: number, to: number): string {
  const product = g.node("MatMul", [x, weigh(`${name}.weight`, [from, to])]);
  return g.node("Add", [product, weigh(`${name}.bias`, [to])]);
}

function normalised(g: GraphBuilder, weigh: Weigh, x: string, name: string): string {
  const parameters = [weigh(`${name}.scale`, [width]), weigh(`${name}.shift`, [width])];
  return g.node("LayerNormalization", [x, ...parameters], { epsilon: 0.01 });
}

/** [N, T, width] → [N, heads, T, width / heads]. */
function split(g: GraphBuilder, x: string): string {
  const sizes = g.weight([4], [0, 0, heads, width / heads], { dtype: "int64" });
  return g.node("Transpose", [g.node("Reshape", [x, sizes])], { perm: [0, 2, 1, 3] });
}

/** softmax(q · kᵀ / √d) · v over all positions, in two heads. */
function attention(g: GraphBuilder, weigh: Weigh, x: string): string {
  const [q, k, v] = ["q", "k", "v"].map((name) => split(g, dense(g, weigh, x, name, width, width)));
  const turned = g.node("Transpose", [k!], { perm: [0, 1, 3, 2] });
  const scores = g.node("Div", [g.node("MatMul", [q!, turned]), g.weight([], [Math.sqrt(width / heads)])]);
  const mixed = g.node("MatMul", [g.node("Softmax", [scores], { axis: -1 }), v!]);
  const joined = g.node("Transpose", [mixed], { perm: [0, 2, 1, 3] });
  const sizes = g.weight([3], [0, 0, width], { dtype: "int64" });
  return dense(g, weigh, g.node("Reshape", [joined, sizes]), "out", width, width);
}

/** One pre-norm encoder block and a linear head on the mean over positions. */
function encoder(): { model: Model; names: string[] } {
  const g = graphBuilder();
  const { weigh, names } = weighing(g);
  const x = g.input("x", ["N", "T", width]);
  const mixed = g.node("Add", [x, attention(g, weigh, normalised(g, weigh, x, "before"))]);
  const hidden = dense(g, weigh, normalised(g, weigh, mixed, "between"), "up", width, 2 * width);
  const active = g.node("Gelu", [hidden], { approximate: "tanh" });
  const tuned = g.node("Add", [mixed, dense(g, weigh, active, "down", 2 * width, width)]);
  const axes = g.weight([1], [1], { dtype: "int64" });
  const pooled = g.node("ReduceMean", [tuned, axes], { keepdims: 0 });
  const head = [pooled, weigh("head.weight", [4, width]), weigh("head.bias", [4])];
  g.output(g.node("LogSoftmax", [g.node("Gemm", head, { transB: 1 })]));
  return { model: g.build({ opset: 20 }), names };
}

test("every weight of a transformer encoder, with open batch and length", async () => {
  const { model, names } = encoder();
  expect(names).toHaveLength(18);
  await checkGradients({ model, feeds: { x: normalTensor([2, 3, width], 1) }, wrt: ["x", ...names] });
});

test("one gradient graph serves other batches and lengths", async () => {
  const { model, names } = encoder();
  const { model: both, gradientOf } = differentiate(model, { of: model.graph.outputs[0]!.name, wrt: names });
  const outputs = names.map((name) => ({ name: gradientOf.get(name)! }));
  const session = await ortEngine.open({ ...both, graph: { ...both.graph, outputs } });
  for (const size of [
    [1, 1, width],
    [5, 7, width],
  ]) {
    const results = await session.run({ x: normalTensor(size, 1) });
    for (const [k, name] of names.entries())
      expect(results[outputs[k]!.name]!.shape).toEqual(model.graph.initializers.get(name)!.shape);
  }
  await session.close();
});

test("a perceptron with batch normalization, hard activations and a gate", async () => {
  const g = graphBuilder();
  const { weigh, names } = weighing(g);
  const hidden = dense(g, weigh, g.input("x", ["N", 5]), "first", 5, 4);
  const parameters = ["scale", "shift", "mean"].map((name) => weigh(name, [4]));
  const variance = g.weight([4], [0.5, 1, 2, 3], { name: "variance" });
  const norm = g.node("BatchNormalization", [hidden, ...parameters, variance]);
  const gate = g.node("Sigmoid", [dense(g, weigh, hidden, "gate", 4, 1)]);
  const active = g.node("Mul", [g.node("HardSwish", [norm]), gate]);
  g.output(dense(g, weigh, g.node("Gelu", [active]), "last", 4, 2));
  const feeds = { x: normalTensor([6, 5], 3) };
  await checkGradients({ model: g.build({ opset: 20 }), feeds, wrt: ["x", ...names, "variance"] });
});
