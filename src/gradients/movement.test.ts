/** Gradients through graphs in which elements move a lot: shortcuts, shuffles, skips and heads. */
import { describe, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../../test/helpers/build.ts";
import { checkGradients } from "../../test/helpers/gradient-check.ts";
import { normalTensor } from "../../test/helpers/normal-tensor.ts";
import { int64 } from "../tensor/tensor.ts";
import { differentiate } from "./differentiate.ts";

const far = 2 ** 31 - 1;

/** A list of integers in the model. */
function ints(g: GraphBuilder, values: readonly number[]): string {
  return g.initializer(
    `ints_${values.join("_")}_${g.graph().initializers.size}`,
    int64([values.length], values),
  );
}

test("a U-Net: down by MaxPool, up by Resize, skips by Concat", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 2, 8, 8]);
  const half = { kernel_shape: [2, 2], strides: [2, 2] };
  const block = (value: string, from: number, to: number) =>
    g.node("Tanh", [g.node("Conv", [value, g.weight([to, from, 3, 3])], { pads: [1, 1, 1, 1] })]);
  const up = (value: string, mode: string) =>
    g.node("Resize", [value, "", g.weight([4], [1, 1, 2, 2])], {
      mode,
      coordinate_transformation_mode: mode === "nearest" ? "asymmetric" : "half_pixel",
      nearest_mode: "floor",
    });
  const fine = block(x, 2, 3);
  const middle = block(g.node("MaxPool", [fine], half), 3, 4);
  const coarse = block(g.node("AveragePool", [middle], half), 4, 4);
  const back = block(g.node("Concat", [middle, up(coarse, "linear")], { axis: 1 }), 8, 3);
  g.output(block(g.node("Concat", [up(back, "nearest"), fine], { axis: 1 }), 6, 2));
  await checkGradients({
    model: g.build({ opset: 18 }),
    feeds: { x: normalTensor([2, 2, 8, 8]) },
    wrt: ["x", "w0", "w1", "w4"],
  });
});

test("a ResNet shortcut without weights: every other position, and channels of zeros", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 4, 6, 7]);
  const starts = [ints(g, [0, 0]), ints(g, [far, far]), ints(g, [2, 3]), ints(g, [2, 2])];
  const strided = g.node("Slice", [x, ...starts]);
  const shortcut = g.node("Pad", [strided, ints(g, [0, 2, 0, 0, 0, 2, 0, 0])]);
  const main = g.node("Conv", [x, g.weight([8, 4, 3, 3], undefined, { name: "w" })], {
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  });
  const sum = g.node("Add", [g.node("Tanh", [main]), shortcut]);
  g.output(g.node("Flatten", [g.node("GlobalAveragePool", [sum])]));
  await checkGradients({
    model: g.build({ opset: 18 }),
    feeds: { x: normalTensor([2, 4, 6, 7]) },
    wrt: ["x", "w"],
  });
});

test("a channel shuffle behind a split", async () => {
  const g = graphBuilder();
  const [left, right] = g.nodes("Split", [g.input("x", ["N", 6, 2, 3])], 2, { axis: 1, num_outputs: 2 });
  const joined = g.node("Concat", [left!, g.node("Tanh", [right!])], { axis: 1 });
  const groups = g.node("Reshape", [joined, ints(g, [0, 2, 3, 2, 3])]);
  const swapped = g.node("Transpose", [groups], { perm: [0, 2, 1, 3, 4] });
  g.output(g.node("Reshape", [swapped, ints(g, [-1, 6, 2, 3])]));
  await checkGradients({ model: g.build({ opset: 18 }), feeds: { x: normalTensor([2, 6, 2, 3]) } });
});

test("attention heads with a class token, batch and length open", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", "T", 6]);
  const batch = g.node("Gather", [g.node("Shape", [x]), ints(g, [0])]);
  const token = g.node("Expand", [
    g.weight([1, 1, 6], [1, 2, 3, 4, 5, 6], { name: "token" }),
    g.node("Concat", [batch, ints(g, [1, 1])], { axis: 0 }),
  ]);
  const all = g.node("Concat", [token, x], { axis: 1 });
  const heads = (weights: string, perm: number[]) =>
    g.node("Transpose", [g.node("Reshape", [g.node("MatMul", [all, weights]), ints(g, [0, 0, 2, 3])])], {
      perm,
    });
  const [q, k, v] = ["q", "k", "v"].map((name) => g.weight([6, 6], undefined, { name }));
  const scores = g.node("MatMul", [heads(q!, [0, 2, 1, 3]), heads(k!, [0, 2, 3, 1])]);
  const mixed = g.node("MatMul", [g.node("Softmax", [scores], { axis: -1 }), heads(v!, [0, 2, 1, 3])]);
  const rows = g.node("Reshape", [g.node("Transpose", [mixed], { perm: [0, 2, 1, 3] }), ints(g, [0, 0, 6])]);
  g.output(g.node("Gather", [rows, g.initializer("first", int64([], [0]))], { axis: 1 }));
  await checkGradients({
    model: g.build({ opset: 18 }),
    feeds: { x: normalTensor([2, 3, 6]) },
    wrt: ["x", "token", "q", "k", "v"],
  });
});

describe("gradients are graphs that have gradients", () => {
  test("through pools, slices, gathers and resizes", async () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 2, 4, 4]);
    const squared = g.node("Mul", [x, g.node("Mul", [x, x])]);
    const pooled = g.node("MaxPool", [squared], { kernel_shape: [2, 2], strides: [2, 2] });
    const overlapping = g.node("MaxPool", [squared], { kernel_shape: [3, 3] });
    const cut = [ints(g, [0]), ints(g, [far]), ints(g, [2]), ints(g, [2])];
    const parts = [
      g.node("Mul", [pooled, overlapping]),
      g.node("Slice", [
        g.node("AveragePool", [squared], { kernel_shape: [3, 1], pads: [1, 0, 1, 0] }),
        ...cut,
      ]),
      g.node("Gather", [squared, ints(g, [0, 3, 0])], { axis: 2 }),
      g.node("Resize", [squared, "", g.weight([4], [1, 1, 1, 2])], { mode: "linear" }),
    ];
    const flat = parts.map((part) => g.node("Flatten", [part]));
    g.output(g.node("Concat", flat, { axis: 1 }));
    const model = g.build({ opset: 18 });
    const once = differentiate(model, { of: model.graph.outputs[0]!.name, wrt: ["x"] });
    await checkGradients({
      model: once.model,
      of: once.gradientOf.get("x")!,
      feeds: { x: normalTensor([2, 2, 4, 4]) },
      wrt: ["x"],
    });
  });
});
