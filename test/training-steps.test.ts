/** Whole training steps against PyTorch's: loss, parameters, optimizer state and running statistics. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Model } from "../src/graph/model.ts";
import { fromNumbers } from "../src/tensor/tensor.ts";
import { defineOptimizer, type OptimizerSpec } from "../src/training/optimizers/index.ts";
import { type Shard, stepperFor } from "../src/training/stepper.ts";
import { type TrainingGraph, trainingGraph } from "../src/training/training-graph.ts";
import { type Runner, startRunner } from "../src/valuation/runner.ts";
import { type GraphBuilder, graphBuilder } from "./helpers/build.ts";

type Values = Readonly<Record<string, readonly number[]>>;

interface Run {
  readonly optimizer: "sgd" | "adam";
  readonly shards: number;
  readonly losses: readonly number[];
  readonly after: readonly {
    readonly step: number;
    readonly values: Values;
    readonly slots: Readonly<Record<string, Values>>;
  }[];
}

interface Fixture {
  readonly networks: readonly {
    readonly name: keyof typeof drawings;
    readonly size: number;
    readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
    readonly runs: readonly Run[];
  }[];
}

const batch = 6;
const classes = 5;
const specs: Readonly<Record<Run["optimizer"], OptimizerSpec>> = {
  sgd: { kind: "sgd", momentum: 0.9, nesterov: true },
  adam: { kind: "adam", betas: [0.9, 0.99] },
};
const learningRates = { sgd: 0.1, adam: 0.01 };

/** The numbers everything starts from, as in training-steps.py. */
function noise(count: number, stream: number): number[] {
  return Array.from({ length: count }, (_, k) =>
    Math.fround(((31 * k * k + 7919 * k + 104729 * stream) % 1009) / 1009 - 0.5),
  );
}

function startOf(name: string, shape: readonly number[], stream: number): number[] {
  const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);
  const drawn = noise(product(shape), stream);
  if (shape.length > 1) return drawn.map((v) => (4 * v) / Math.sqrt(product(shape.slice(1))));
  return name.endsWith("weight") || name.endsWith("running_var") ? drawn.map((v) => 1 + v) : drawn;
}

const normNames = ["weight", "bias", "running_mean", "running_var"];

const conv = (g: GraphBuilder, x: string, name: string, attributes: Record<string, number | number[]> = {}) =>
  g.node("Conv", [x, `${name}.weight`, ...(name.match(/^\d/) ? [`${name}.bias`] : [])], attributes);
const norm = (g: GraphBuilder, x: string, name: string) =>
  g.node("BatchNormalization", [x, ...normNames.map((part) => `${name}.${part}`)]);
const relu = (g: GraphBuilder, x: string) => g.node("Relu", [x]);
const halve = (g: GraphBuilder, x: string) =>
  g.node("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
const flatten = (g: GraphBuilder, x: string) => g.node("Flatten", [x]);
const average = (g: GraphBuilder, x: string) => flatten(g, g.node("GlobalAveragePool", [x]));
const dense = (g: GraphBuilder, x: string, name: string) =>
  g.node("Gemm", [x, `${name}.weight`, `${name}.bias`], { transB: 1 });

const padded = { pads: [1, 1, 1, 1] };

/** The networks of training-steps.py, parameters named as there. */
const drawings = {
  normalised(g: GraphBuilder, x: string): string {
    const first = halve(g, relu(g, norm(g, conv(g, x, "0", { ...padded, strides: [2, 2] }), "1")));
    return dense(g, average(g, relu(g, norm(g, conv(g, first, "4", { ...padded, group: 2 }), "5"))), "9");
  },
  lenet(g: GraphBuilder, x: string): string {
    const pooled = halve(g, relu(g, conv(g, halve(g, relu(g, conv(g, x, "0"))), "3")));
    return dense(g, relu(g, dense(g, flatten(g, pooled), "7")), "9");
  },
  residual(g: GraphBuilder, x: string): string {
    const stem = relu(g, norm(g, conv(g, x, "stem", padded), "bn0"));
    const inner = relu(g, norm(g, conv(g, stem, "conv1", { ...padded, strides: [2, 2] }), "bn1"));
    const main = norm(g, conv(g, inner, "conv2", padded), "bn2");
    const down = norm(g, conv(g, stem, "down", { strides: [2, 2] }), "bn3");
    return dense(g, average(g, relu(g, g.node("Add", [main, down]))), "linear");
  },
};

const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/training-steps.json"), "utf8"),
) as Fixture;

function modelOf({ name, size, tensors }: Fixture["networks"][number]): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 2, size, size]);
  tensors.forEach(({ name: tensor, shape }, k) => {
    g.weight(shape, startOf(tensor, shape, k + 1), { name: tensor });
  });
  g.output(drawings[name](g, x), ["N", classes]);
  return g.build();
}

function trainingGraphOf(model: Model): TrainingGraph {
  const output = model.graph.outputs[0]!.name;
  return trainingGraph(model, { loss: { kind: "cross-entropy", output, outputIs: "logits" } });
}

/** The batch in equal parts. */
function shardsOf(graph: TrainingGraph, size: number, count: number): Shard[] {
  const pixels = noise(batch * 2 * size * size, 0).map((v) => 3 * v);
  const examples = batch / count;
  return Array.from({ length: count }, (_, k) => {
    const own = pixels.slice(k * examples * 2 * size * size, (k + 1) * examples * 2 * size * size);
    const labels = Array.from({ length: examples }, (_, n) => (k * examples + n) % classes);
    return {
      examples,
      feeds: {
        x: fromNumbers("float32", [examples, 2, size, size], own),
        [graph.lossInputs.targets!]: fromNumbers("int64", [examples], labels),
      },
    };
  });
}

/** Within 1e-5 of the largest element, 1e-6 where all are below 0.1: gradients in front of a norm may sum to zero. */
function expectClose(name: string, got: ArrayLike<number>, wanted: readonly number[]): void {
  const scale = Math.max(0.1, ...wanted.map(Math.abs));
  const worst = wanted.reduce((most, value, k) => Math.max(most, Math.abs(got[k]! - value)), 0);
  expect({ name, length: got.length }).toEqual({ name, length: wanted.length });
  expect(worst / scale, name).toBeLessThan(1e-5);
}

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 2 });
});
afterAll(() => runner.close());

describe.each(fixture.networks)("$name", (network) => {
  test.each(network.runs)("three steps of $optimizer, shards: $shards", async (run) => {
    const graph = trainingGraphOf(modelOf(network));
    const stepper = stepperFor(runner, graph);
    const optimizer = defineOptimizer(specs[run.optimizer]);
    const state = optimizer.init(new Map(graph.parameters.entries.map(({ name, shape }) => [name, shape])));
    for (const [k, loss] of run.losses.entries()) {
      const step = await stepper.run(shardsOf(graph, network.size, run.shards));
      expectClose("loss", [step.loss], [loss]);
      optimizer.step(stepper.parameters, stepper.gradients, state, {
        learningRate: learningRates[run.optimizer],
        weightDecayOf: () => 0.01,
      });
      const wanted = run.after.find((after) => after.step === k + 1);
      if (wanted === undefined) continue;
      expect(Object.keys(wanted.slots).sort()).toEqual([...optimizer.slots].sort());
      for (const [name, values] of Object.entries(wanted.values))
        expectClose(
          `${name} at ${k + 1}`,
          (stepper.parameters.get(name) ?? stepper.statistics.get(name))!,
          values,
        );
      for (const [slot, arrays] of Object.entries(wanted.slots))
        for (const [name, values] of Object.entries(arrays))
          expectClose(`${slot} of ${name} at ${k + 1}`, state.slots.get(slot)!.get(name)!, values);
    }
  });
});

test("without batch normalisation two shards add up to one", async () => {
  const network = fixture.networks.find(({ name }) => name === "lenet")!;
  const graph = trainingGraphOf(modelOf(network));
  const gradientsOf = async (count: number) => {
    const stepper = stepperFor(runner, graph);
    const { loss } = await stepper.run(shardsOf(graph, network.size, count));
    return { loss, gradients: stepper.gradients };
  };
  const [whole, halves] = [await gradientsOf(1), await gradientsOf(2)];
  expect(halves.loss).toBeCloseTo(whole.loss, 6);
  for (const [name, gradient] of whole.gradients)
    expectClose(name, halves.gradients.get(name)!, Array.from(gradient));
});
