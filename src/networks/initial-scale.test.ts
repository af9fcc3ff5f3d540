/** Freshly initialised networks run, and neither activations nor logits vanish or explode. */
import { describe, expect, test } from "vitest";
import { openBytes } from "../engine/ort/direct.ts";
import { useBatchStatistics } from "../gradients/batch-statistics.ts";
import { differentiate } from "../gradients/differentiate.ts";
import type { Model } from "../graph/model.ts";
import { normal, stream, uniform } from "../math/random.ts";
import { encodeModel } from "../onnx/write.ts";
import { float32, sizeOf, type Tensor, toNumbers } from "../tensor/tensor.ts";
import { buildNetwork, networks, resnet50, vgg16 } from "./index.ts";

interface Case {
  readonly name: string;
  readonly build: (seed: number) => Model;
  readonly seeds: number;
  /** Standard deviation of the logits over examples and classes. */
  readonly logits: readonly [least: number, most: number];
  /** Root mean square behind the ReLUs. */
  readonly activations: readonly [least: number, most: number];
}

const named = (name: string) => (seed: number) => buildNetwork(name, { seed });

/** PyTorch's layers shrink what they are given, so the perceptrons start small; xavier and Kaiming keep its size. */
const cases: readonly Case[] = [
  {
    name: "lenet-300-100",
    build: named("lenet-300-100"),
    seeds: 8,
    logits: [0.02, 0.12],
    activations: [0.02, 0.3],
  },
  { name: "lenet5", build: named("lenet5"), seeds: 8, logits: [0.03, 0.25], activations: [0.01, 0.4] },
  {
    name: "lenet5-large",
    build: named("lenet5-large"),
    seeds: 4,
    logits: [0.01, 0.08],
    activations: [0.01, 0.4],
  },
  {
    name: "lenet5-caffe",
    build: named("lenet5-caffe"),
    seeds: 8,
    logits: [0.1, 0.5],
    activations: [0.1, 0.6],
  },
  {
    name: "vgg16, half as wide",
    build: (seed) => vgg16({ seed, width: 0.5 }),
    seeds: 1,
    logits: [0.15, 0.6],
    activations: [0.4, 1],
  },
  { name: "vgg16-slim", build: named("vgg16-slim"), seeds: 4, logits: [0.15, 0.6], activations: [0.4, 1] },
  { name: "resnet20", build: named("resnet20"), seeds: 4, logits: [0.8, 5], activations: [0.6, 3] },
  { name: "resnet32", build: named("resnet32"), seeds: 2, logits: [0.8, 5], activations: [0.6, 4] },
  { name: "resnet56", build: named("resnet56"), seeds: 2, logits: [0.8, 6], activations: [0.6, 5] },
  {
    name: "resnet50, a quarter of its width, images of 64 pixels",
    build: (seed) => resnet50({ seed, width: 16, inputSize: 64, classes: 10 }),
    seeds: 2,
    logits: [0.25, 1.2],
    activations: [0.4, 3],
  },
];

describe.each(cases)("$name", ({ build, seeds, logits, activations }) => {
  test("starts at a sensible scale with the statistics of a batch", async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { logits: found, ...hidden } = await run(watched(useBatchStatistics(build(seed)).model), seed);
      expect(spread(found!)).toBeGreaterThan(logits[0]);
      expect(spread(found!)).toBeLessThan(logits[1]);
      for (const [name, value] of Object.entries(hidden)) {
        expect(magnitude(value), name).toBeGreaterThan(activations[0]);
        expect(magnitude(value), name).toBeLessThan(activations[1]);
      }
    }
  });

  test("gradients reach every parameter and neither vanish nor explode", async () => {
    const { model, gradientOf } = withGradients(build(1));
    const gradients = await run(model, 1, 8);
    for (const [name, gradient] of gradientOf) {
      expect(magnitude(gradients[gradient]!), name).toBeGreaterThan(0.01);
      expect(magnitude(gradients[gradient]!), name).toBeLessThan(200); // also false for NaN
    }
    const lastBias = gradients[[...gradientOf.values()].at(-1)!]!;
    expect(toNumbers(lastBias).every((value) => value === 8)).toBe(true); // one for each example
  });

  test("runs as it is, before any statistics were gathered, with finite outputs", async () => {
    const { logits: found } = await run(build(1), 1);
    expect(toNumbers(found!).every(Number.isFinite)).toBe(true);
    expect(spread(found!)).toBeGreaterThan(0);
  });
});

test.each(["vgg16", "resnet50"] as const)("%s runs at full size", async (name) => {
  const { logits } = await run(buildNetwork(name), 1, 1);
  expect(logits?.shape).toEqual([1, networks[name].classes]);
  expect(toNumbers(logits!).every(Number.isFinite)).toBe(true);
});

/** Digits have ink on a fifth of the pixels; colours are centred and scaled. */
async function run(model: Model, seed: number, examples = 16): Promise<Record<string, Tensor>> {
  const shape = [examples, ...(model.graph.inputs[0]!.shape!.slice(1) as number[])];
  const random = stream(seed, 0, 1);
  const digit = (): number => (uniform(random) < 0.2 ? uniform(random) : 0);
  const draw = shape[1] === 1 ? digit : () => normal(random);
  const input = float32(shape, Float32Array.from({ length: sizeOf(shape) }, draw));
  const session = await openBytes(encodeModel(model));
  try {
    return await session.run({ input });
  } finally {
    await session.close();
  }
}

/** Makes what stands behind every ReLU an output. */
function watched(model: Model): Model {
  const rectified = model.graph.nodes.filter(({ opType }) => opType === "Relu");
  const outputs = [...model.graph.outputs, ...rectified.map((node) => ({ name: node.outputs[0]! }))];
  return { ...model, graph: { ...model.graph, outputs } };
}

/** Adds the gradients of the summed logits, by parameter. */
function withGradients(model: Model): {
  readonly model: Model;
  readonly gradientOf: ReadonlyMap<string, string>;
} {
  const { model: training, composites } = useBatchStatistics(model);
  const wrt = [...model.graph.initializers].flatMap(([name, { dtype }]) =>
    dtype === "float32" && !name.includes(".running_") ? [name] : [],
  );
  const { model: differentiated, gradientOf } = differentiate(training, { of: "logits", wrt, composites });
  expect([...gradientOf.keys()]).toEqual(wrt);
  const outputs = [...gradientOf.values()].map((name) => ({ name }));
  return { model: { ...differentiated, graph: { ...differentiated.graph, outputs } }, gradientOf };
}

function magnitude(value: Tensor): number {
  const numbers = toNumbers(value);
  return Math.sqrt(numbers.reduce((sum, number) => sum + number * number, 0) / numbers.length);
}

function spread(value: Tensor): number {
  const numbers = toNumbers(value);
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  return Math.sqrt(numbers.reduce((sum, number) => sum + (number - mean) ** 2, 0) / numbers.length);
}
