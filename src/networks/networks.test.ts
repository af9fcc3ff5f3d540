/** Architecture, cost and channel groups of every network, and the promise that equal options give equal bytes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isProblem } from "../base/problem.ts";
import { costModelOf, fullCost } from "../channels/cost.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { checkGraph } from "../graph/check.ts";
import type { Model } from "../graph/model.ts";
import { readModel } from "../onnx/read.ts";
import { encodeModel } from "../onnx/write.ts";
import { inferFacts } from "../ops/infer.ts";
import type { OptimizerSpec } from "../training/optimizers/index.ts";
import type { Schedule } from "../training/schedules.ts";
import type { WeightDecay } from "../training/weight-decay.ts";
import {
  buildNetwork,
  lenet5,
  lenet300,
  type NetworkName,
  networks,
  resnet50,
  resnetCifar,
  vgg16,
} from "./index.ts";

interface Facts {
  readonly parameters: number;
  readonly macs: number;
  /** Groups whose channels may go. */
  readonly groups: number;
  readonly classifier: string;
}

/** From the papers, from other implementations, or counted by hand; see the comments. */
const facts: Readonly<Record<NetworkName, Facts>> = {
  "lenet-300-100": { parameters: 266_610, macs: 266_200, groups: 2, classifier: "fc3" },
  lenet5: { parameters: 40_165, macs: 498_750, groups: 4, classifier: "out" },
  "lenet5-large": { parameters: 1_071_880, macs: 2_933_000, groups: 4, classifier: "out" },
  "lenet5-caffe": { parameters: 431_080, macs: 2_293_000, groups: 3, classifier: "out" }, // "431K" in the literature
  vgg16: { parameters: 14_986_698, macs: 313_463_808, groups: 14, classifier: "fc2" }, // "14.99M", "313.5M"
  "vgg16-slim": { parameters: 939_642, macs: 19_924_224, groups: 14, classifier: "fc2" },
  resnet20: { parameters: 269_722, macs: 40_551_040, groups: 10, classifier: "linear" }, // "0.27M" in the paper
  resnet32: { parameters: 464_154, macs: 68_862_592, groups: 16, classifier: "linear" }, // "0.46M"
  resnet56: { parameters: 853_018, macs: 125_485_696, groups: 28, classifier: "linear" }, // "0.85M"
  resnet50: { parameters: 25_557_032, macs: 4_089_184_256, groups: 37, classifier: "fc" }, // torchvision's count
};

const cases = Object.entries(networks).map(([name, network]) => ({ name: name as NetworkName, network }));

describe.each(cases)("$name", ({ name, network }) => {
  const model = buildNetwork(name, { seed: 1 });
  const analysis = analyzeChannels(model);
  const { parameters, macs, groups, classifier } = facts[name];

  test(`has ${parameters} parameters and takes ${macs} MACs`, () => {
    expect(fullCost(costModelOf(analysis))).toEqual({ parameters, macs });
  });

  test("is a sound graph from images to logits", () => {
    expect(checkGraph(model)).toBe(model);
    const [input] = model.graph.inputs;
    expect(input).toMatchObject({ name: "input", dtype: "float32", shape: ["N", ...network.inputShape] });
    expect(model.graph.outputs).toEqual([
      { name: "logits", dtype: "float32", shape: ["N", network.classes] },
    ]);
    const undeclared = { ...model.graph, outputs: [{ name: "logits" }] };
    const inferred = inferFacts({ ...model, graph: undeclared });
    expect(inferred.get("logits")).toMatchObject({ dtype: "float32", shape: ["N", network.classes] });
    expect(Object.fromEntries(model.metadata)).toEqual({
      "shapley_pruner.network": name,
      "shapley_pruner.seed": "1",
    });
  });

  test("lets the channels of every layer go except those of the classifier", () => {
    const free = analysis.groups.filter(({ locked, fixedChannels }) => !locked && fixedChannels === 0);
    expect(free).toHaveLength(groups);
    const made = free.flatMap(({ producers }) => producers.map((node) => node.name)).sort();
    const layers = model.graph.nodes.filter(({ opType }) => opType === "Conv" || opType === "Gemm");
    expect(made).toEqual(
      layers
        .map((node) => node.name)
        .filter((layer) => layer !== classifier)
        .sort(),
    );
    expect(analysis.groups.filter(({ locked }) => locked).map(({ id }) => id)).toEqual([classifier]);
  });

  test("has a recipe that the trainer takes part by part", () => {
    const { recipe, preprocessing, inputShape } = network;
    const parts: readonly [OptimizerSpec, Schedule, WeightDecay] = [
      recipe.optimizer,
      recipe.schedule,
      recipe.weightDecay,
    ];
    expect(parts.every((part) => part !== undefined)).toBe(true);
    for (const list of [preprocessing.mean, preprocessing.std])
      expect([1, inputShape[0]]).toContain(list.length);
  });
});

/** Every architecture at a size that is written in no time. */
const small: readonly { readonly name: string; readonly build: (seed: number) => Model }[] = [
  { name: "lenet-300-100", build: (seed) => lenet300({ seed }) },
  { name: "lenet5", build: (seed) => lenet5({ seed }) },
  { name: "lenet5, Caffe's style", build: (seed) => lenet5({ seed, style: "caffe" }) },
  { name: "vgg16", build: (seed) => vgg16({ seed, width: 0.05 }) },
  { name: "resnet20", build: (seed) => resnetCifar({ seed, depth: 20 }) },
  { name: "resnet50", build: (seed) => resnet50({ seed, width: 4 }) },
];

describe.each(small)("$name", ({ build }) => {
  const model = build(3);
  const bytes = encodeModel(model);

  test("gives the same bytes for the same seed, and others for another", () => {
    expect(Buffer.compare(encodeModel(build(3)), bytes)).toBe(0);
    expect(Buffer.compare(encodeModel(build(4)), bytes)).not.toBe(0);
  });

  test("draws a parameter alike whichever is read first", () => {
    const again = build(3);
    for (const value of [...again.graph.initializers.values()].reverse()) value.load();
    expect(Buffer.compare(encodeModel(again), bytes)).toBe(0);
  });

  test("draws every weight from a stream of its own", () => {
    const ratios = [...model.graph.initializers]
      .filter(([name, { shape }]) => name.endsWith(".weight") && shape.length > 1)
      .map(([, value]) => value.load().data)
      .map((data) => Number(data[0]) / Number(data[1])); // equal streams differ by a factor alone
    expect(new Set(ratios).size).toBe(ratios.length);
  });

  test("comes back from a file as it was written", () => {
    const back = readModel(bytes);
    expect(back.opsets).toEqual(model.opsets);
    expect(described(back)).toEqual(described(model));
    expect(Buffer.compare(encodeModel(back), bytes)).toBe(0);
  });
});

/** All but the elements, which the bytes tell, and what only the file knows. */
function described({ graph }: Model): unknown {
  return {
    name: graph.name,
    nodes: graph.nodes.map(({ name, opType, inputs, outputs, attributes }) => ({
      name,
      opType,
      inputs,
      outputs,
      attributes: [...attributes].map(([key, value]) => [
        key,
        "value" in value ? rounded(value.value) : value,
      ]),
    })),
    initializers: [...graph.initializers].map(([name, { dtype, shape }]) => [name, dtype, shape]),
    ends: [...graph.inputs, ...graph.outputs].map(({ name, dtype, shape }) => ({ name, dtype, shape })),
  };
}

/** Float attributes are stored in single precision. */
function rounded(value: unknown): unknown {
  return typeof value === "number" ? Math.fround(value) : value;
}

describe("options", () => {
  test("change classes, channels and size of the images", () => {
    for (const name of Object.keys(networks)) {
      const inputSize = name === "resnet50" ? 64 : 48;
      const { graph } = buildNetwork(name, { classes: 7, inputChannels: 2, inputSize });
      expect(graph.inputs[0]?.shape, name).toEqual(["N", 2, inputSize, inputSize]);
      const inferred = inferFacts({
        ...buildNetwork(name),
        graph: { ...graph, outputs: [{ name: "logits" }] },
      });
      expect(inferred.get("logits")?.shape, name).toEqual(["N", 7]);
    }
  });

  test("LeNet-5 in any sizes has the parameters and MACs of the formula", () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(size, size, fc.array(size, { maxLength: 3 }), size, (c1, c3, units, classes) => {
        const model = lenet5({ sizes: [c1, c3, ...units], classes });
        const dense = [16 * c3, ...units, classes];
        const products = dense.slice(1).map((outputs, k) => outputs * dense[k]!);
        const weights = products.reduce((sum, product) => sum + product, 0);
        const biases = [c1, c3, ...units, classes].reduce((sum, count) => sum + count, 0);
        expect(fullCost(costModelOf(analyzeChannels(model)))).toEqual({
          parameters: 25 * c1 + 25 * c1 * c3 + weights + biases,
          macs: 25 * c1 * 24 ** 2 + 25 * c1 * c3 * 8 ** 2 + weights,
        });
      }),
      { numRuns: 25 },
    );
  });

  test.each<readonly [string, () => Model, RegExp]>([
    ["sizes without a second convolution", () => lenet5({ sizes: [10] }), /--sizes: got "10"/],
    ["a layer without channels", () => lenet5({ sizes: [10, 0] }), /--sizes: got "0"/],
    ["half a unit", () => lenet300({ sizes: [2.5] }), /--sizes: got "2.5"/],
    ["no classes", () => buildNetwork("resnet20", { classes: 0 }), /--classes: got "0"/],
    ["a negative seed", () => buildNetwork("resnet20", { seed: -1 }), /--seed: got "-1"/],
    ["a depth between two networks", () => resnetCifar({ depth: 21 }), /--depth: got "21", expected 6n \+ 2/],
    ["a width of nothing", () => vgg16({ width: 0 }), /--width: got "0"/],
    [
      "an image that five poolings use up",
      () => vgg16({ inputSize: 16 }),
      /only 1 x 1 pixels reach layer "pool5"/,
    ],
    [
      "an image smaller than the kernels",
      () => lenet5({ inputSize: 4 }),
      /only 4 x 4 pixels reach layer "c1"/,
    ],
  ])("refuse %s", (_, build, message) => {
    const error = caught(build);
    expect(isProblem(error, "invalid-option")).toBe(true);
    expect(String(error)).toMatch(message);
  });
});

describe("names", () => {
  test("that are mistyped lead to the nearest ones", () => {
    const error = caught(() => buildNetwork("resnet-56"));
    expect(isProblem(error, "unknown-network")).toBe(true);
    expect(String(error)).toMatch(/no reference network "resnet-56"; nearest names: resnet56, /);
  });

  test("that resemble nothing lead to all", () => {
    const error = caught(() => buildNetwork("toString"));
    expect(isProblem(error, "unknown-network")).toBe(true);
    expect(String(error)).toMatch(/Choose one of lenet-300-100, lenet5, /);
  });
});

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}
