import { describe, expect, test } from "vitest";
import { graphBuilder } from "../../../test/helpers/build.ts";
import { sharedModel } from "../../../test/helpers/shared.ts";
import { readModelFile } from "../../onnx/read.ts";
import { float32, int64, type Tensor } from "../../tensor/tensor.ts";
import { ortEngine } from "../ort/engine.ts";
import { referenceEngine } from "./reference.ts";

/** Two convolution blocks with a residual add, a flatten and a classifier. */
function smallNetwork() {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 8, 8]);
  const stem = g.node("Relu", [
    g.node("Conv", [x, g.weight([4, 3, 3, 3]), g.weight([4])], { pads: [1, 1, 1, 1] }),
  ]);
  const block = g.node("Conv", [stem, g.weight([4, 4, 3, 3])], { pads: [1, 1, 1, 1] });
  const joined = g.node("Relu", [g.node("Add", [block, stem])]);
  const pooled = g.node("MaxPool", [joined], { kernel_shape: [2, 2], strides: [2, 2] });
  const logits = g.node("Gemm", [g.node("Flatten", [pooled]), g.weight([5, 64]), g.weight([5])], {
    transB: 1,
  });
  g.output(logits, ["N", 5]);
  return { model: g.build(), logits };
}

function images(shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return float32(
    shape,
    Float32Array.from({ length: size }, (_, k) => Math.sin(k * 0.7) + Math.cos(k * 0.13)),
  );
}

function expectClose(ours: Tensor, theirs: Tensor): void {
  expect(ours.shape).toEqual(theirs.shape);
  theirs.data.forEach((value, at) => {
    expect(ours.data[at]).toBeCloseTo(Number(value), 4);
  });
}

test("runs a whole network as onnxruntime does", async () => {
  const { model, logits } = smallNetwork();
  const feeds = { x: images([2, 3, 8, 8]) };
  const [ours, theirs] = await Promise.all([referenceEngine.open(model), ortEngine.open(model)]);
  expectClose((await ours.run(feeds))[logits]!, (await theirs.run(feeds))[logits]!);
  await theirs.close();
});

test("a value may be an output and feed other nodes", async () => {
  const g = graphBuilder();
  const x = g.input("x", [2]);
  const positive = g.node("Relu", [x]);
  const doubled = g.node("Add", [positive, positive]);
  g.output(positive, [2]);
  g.output(doubled, [2]);
  const session = await referenceEngine.open(g.build());
  const results = await session.run({ x: float32([2], [-1, 3]) });
  expect(results[positive]!.data).toEqual(Float32Array.of(0, 3));
  expect(results[doubled]!.data).toEqual(Float32Array.of(0, 6));
});

describe("what it cannot do has a code", () => {
  test("an operator without a kernel is named on opening", async () => {
    const g = graphBuilder();
    const x = g.input("x", [2]);
    g.output(g.node("Bernoulli", [x], {}, { name: "coin" }), [2]);
    await expect(referenceEngine.open(g.build())).rejects.toMatchObject({
      code: "kernel-missing",
      data: { opType: "Bernoulli", node: "coin" },
    });
  });

  test("names of the object prototype are no kernels", async () => {
    const g = graphBuilder();
    g.output(g.node("constructor", [g.input("x", [2])]), [2]);
    await expect(referenceEngine.open(g.build())).rejects.toMatchObject({ code: "kernel-missing" });
  });

  test("an attribute a kernel does not cover is refused, never guessed", async () => {
    const g = graphBuilder();
    const x = g.input("x", [1, 1, 4, 4]);
    const [, at] = g.nodes("MaxPool", [x], 2, { kernel_shape: [2, 2], storage_order: 1 });
    g.output(at!, [1, 1, 3, 3], "int64");
    const session = await referenceEngine.open(g.build());
    await expect(session.run({ x: images([1, 1, 4, 4]) })).rejects.toMatchObject({
      code: "kernel-unsupported",
    });
  });

  test.each([
    ["ConstantOfShape", [2 ** 20, 2 ** 20]],
    ["ConstantOfShape", [-1]],
    ["Size", undefined],
  ])("a malformed or outsized %s is refused", async (opType, sizes) => {
    const g = graphBuilder();
    g.output(
      g.node(opType, sizes === undefined ? [""] : [g.initializer("sizes", int64([sizes.length], sizes))]),
    );
    const session = await referenceEngine.open(g.build());
    await expect(session.run({})).rejects.toMatchObject({ code: "kernel-unsupported" });
  });

  test("an attribute that does not fit the input is refused", async () => {
    const g = graphBuilder();
    g.output(g.node("Transpose", [g.input("x", [2, 3])], { perm: [0, 7] }));
    const session = await referenceEngine.open(g.build());
    const run = session.run({ x: float32([2, 3], [1, 2, 3, 4, 5, 6]) });
    await expect(run).rejects.toMatchObject({ code: "kernel-unsupported", cause: expect.any(RangeError) });
  });

  test("a missing feed is named", async () => {
    const session = await referenceEngine.open(smallNetwork().model);
    await expect(session.run({})).rejects.toMatchObject({ code: "feed-mismatch", data: { input: "x" } });
  });
});

const lenet = sharedModel("lenet5-mnist");
test.skipIf(lenet.path === undefined)(`LeNet-5 as onnxruntime runs it ${lenet.reason ?? ""}`, async () => {
  const model = await readModelFile(lenet.path!);
  const feeds = { input: images([2, 1, 28, 28]) };
  const [ours, theirs] = await Promise.all([referenceEngine.open(model), ortEngine.open(model)]);
  const [{ logits }, { logits: expected }] = [await ours.run(feeds), await theirs.run(feeds)];
  expectClose(logits!, expected!);
  await theirs.close();
});
