/** Gradients of whole networks: against differences in double precision, and through the runtime in single precision. */
import { describe, expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../../test/helpers/build.ts";
import { checkNetworkGradients } from "../../test/helpers/gradient-check.ts";
import { normalTensor } from "../../test/helpers/normal-tensor.ts";
import { sharedModel, sharedModelNames } from "../../test/helpers/shared.ts";
import type { Model } from "../graph/model.ts";
import { buildNetwork, type NetworkOptions } from "../networks/index.ts";
import { readModelFile } from "../onnx/read.ts";
import { liftConstants } from "../passes/lift-constants.ts";
import { openBatch } from "../passes/open-batch.ts";
import { raiseOpset } from "../passes/raise-opset.ts";
import { float32, int64 } from "../tensor/tensor.ts";
import { trainableParameters } from "../training/parameters.ts";
import { useBatchStatistics } from "./batch-statistics.ts";

/** A batch for the model's only input. */
function imagesFor(model: Model, examples: number) {
  const [input] = model.graph.inputs;
  return { [input!.name]: normalTensor([examples, ...(input!.shape!.slice(1) as number[])]) };
}

describe("reference networks, normalised by their batch", () => {
  const cases: readonly { readonly name: string; readonly options: NetworkOptions }[] = [
    { name: "lenet5", options: { inputSize: 20 } },
    { name: "resnet20", options: { inputSize: 8 } },
  ];
  test.each(cases)("$name", async ({ name, options }) => {
    const built = raiseOpset(buildNetwork(name, { seed: 3, ...options }));
    const { model, composites } = useBatchStatistics(built);
    const wrt = ["input", ...trainableParameters(built.graph)];
    await checkNetworkGradients({ model, composites, feeds: imagesFor(model, 3), wrt });
  });
});

const [tokens, width, heads] = [5, 8, 2];

function ints(g: GraphBuilder, ...values: readonly number[]): string {
  return g.initializer(`ints${g.graph().initializers.size}`, int64([values.length], values));
}

function affine(g: GraphBuilder, x: string, name: string, from: number, to: number): string {
  const product = g.node("MatMul", [x, g.weight([from, to], undefined, { name: `${name}.weight` })]);
  return g.node("Add", [g.weight([to], undefined, { name: `${name}.bias` }), product]);
}

function layerNorm(g: GraphBuilder, x: string, name: string, whole: boolean): string {
  const scale = g.weight([width], undefined, { name: `${name}.weight` });
  const shift = g.weight([width], undefined, { name: `${name}.bias` });
  if (whole) return g.node("LayerNormalization", [x, scale, shift], { axis: -1 });
  const centred = g.node("Sub", [x, g.node("ReduceMean", [x, ints(g, -1)])]);
  const squares = g.node("Pow", [centred, g.initializer(`${name}.two`, float32([], [2]))]);
  const variance = g.node("ReduceMean", [squares, ints(g, -1)]);
  const raised = g.node("Add", [variance, g.initializer(`${name}.eps`, float32([], [1e-5]))]);
  const standard = g.node("Div", [centred, g.node("Sqrt", [raised])]);
  return g.node("Add", [g.node("Mul", [standard, scale]), shift]);
}

function attention(g: GraphBuilder, x: string, name: string): string {
  const part = (which: string, perm: readonly number[]) => {
    const flat = affine(g, x, `${name}.${which}`, width, width);
    return g.node("Transpose", [g.node("Reshape", [flat, ints(g, 0, 0, heads, width / heads)])], { perm });
  };
  const [q, k, v] = [part("q", [0, 2, 1, 3]), part("k", [0, 2, 3, 1]), part("v", [0, 2, 1, 3])];
  const scale = g.initializer(`${name}.scale`, float32([], [Math.sqrt(heads / width)]));
  const scores = g.node("Mul", [g.node("MatMul", [q, k]), scale]);
  const mixed = g.node("MatMul", [g.node("Softmax", [scores], { axis: -1 }), v]);
  const joined = g.node("Reshape", [
    g.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }),
    ints(g, 0, 0, width),
  ]);
  return affine(g, joined, `${name}.out`, width, width);
}

/** x · (1 + erf(x / √2)) / 2, as PyTorch writes it. */
function gelu(g: GraphBuilder, x: string, name: string): string {
  const number = (part: string, value: number) => g.initializer(`${name}.${part}`, float32([], [value]));
  const erf = g.node("Erf", [g.node("Div", [x, number("root", Math.SQRT2)])]);
  const doubled = g.node("Mul", [x, g.node("Add", [erf, number("one", 1)])]);
  return g.node("Mul", [doubled, number("half", 0.5)]);
}

function encoder(g: GraphBuilder, x: string, name: string, whole: boolean): string {
  const attended = attention(g, layerNorm(g, x, `${name}.ln1`, whole), `${name}.attn`);
  const between = g.node("Add", [x, attended]);
  const hidden = affine(g, layerNorm(g, between, `${name}.ln2`, whole), `${name}.mlp1`, width, 2 * width);
  return g.node("Add", [between, affine(g, gelu(g, hidden, name), `${name}.mlp2`, 2 * width, width)]);
}

test("a small vision transformer as PyTorch exports it", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 8, 8]);
  const patches = g.node("Conv", [x, g.weight([width, 3, 4, 4], undefined, { name: "patch.weight" })], {
    strides: [4, 4],
  });
  const rows = g.node("Transpose", [g.node("Reshape", [patches, ints(g, 0, width, -1)])], {
    perm: [0, 2, 1],
  });
  const batch = g.node("Gather", [g.node("Shape", [x]), ints(g, 0)]);
  const size = g.node("Concat", [batch, ints(g, 1, width)], { axis: 0 });
  const token = g.node("Expand", [g.weight([1, 1, width], undefined, { name: "class_token" }), size]);
  const positions = g.weight([1, tokens, width], undefined, { name: "positions" });
  let value = g.node("Add", [g.node("Concat", [token, rows], { axis: 1 }), positions]);
  value = encoder(g, value, "whole", true);
  value = encoder(g, value, "parts", false);
  const first = g.node("Gather", [layerNorm(g, value, "ln", true), g.initializer("first", int64([], [0]))], {
    axis: 1,
  });
  const bias = g.weight([4], undefined, { name: "head.bias" });
  const weight = g.weight([4, width], undefined, { name: "head.weight" });
  g.output(g.node("Gemm", [first, weight, bias], { transB: 1 }));
  const model = g.build({ opset: 18 });
  const wrt = ["x", ...trainableParameters(model.graph)];
  expect(wrt.length).toBeGreaterThan(35);
  await checkNetworkGradients({ model, feeds: { x: normalTensor([2, 3, 8, 8]) }, wrt });
});

const zoo = sharedModelNames().filter((name) => name.startsWith("zoo/"));

describe("exported networks, normalised by their running statistics", () => {
  test.skipIf(zoo.length > 0)(`none ${sharedModel("zoo/vit-slim").reason ?? ""}`, () => undefined);

  test.each(zoo)("%s", async (name) => {
    const model = raiseOpset(liftConstants(openBatch(await readModelFile(sharedModel(name).path!))));
    const wrt = trainableParameters(model.graph, (parameter) => parameter.startsWith("/")); // scales of Resize
    const withoutRuntime = "random directions tell enough beside the networks above";
    await checkNetworkGradients({ model, feeds: imagesFor(model, 1), wrt, withoutRuntime }, 1);
  });
});
