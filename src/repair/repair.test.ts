/** @file Repair: exact where it can be, never worse on held-out examples, the same for any number of workers. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../../test/helpers/build.ts";
import { batchNorm, conv, dense, head, networks, relu } from "../../test/helpers/networks.ts";
import { randomPlan, removesSomething } from "../../test/helpers/random-plan.ts";
import { randomFeeds } from "../../test/helpers/slicing-property.ts";
import { noise } from "../../test/helpers/tiny-classifier.ts";
import { isProblem } from "../base/problem.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import { type Dataset, datasetFromArrays, fitToInputs } from "../datasets/index.ts";
import type { Model } from "../graph/model.ts";
import { stream } from "../math/random.ts";
import { encodeModel } from "../onnx/write.ts";
import { sliceModel } from "../surgery/slice.ts";
import { type Tensor, toNumbers } from "../tensor/tensor.ts";
import { type Runner, startRunner } from "../valuation/runner.ts";
import { outputsOf } from "../valuation/targets.ts";
import { type RepairOptions, type RepairResult, repair } from "./index.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 2 });
});
afterAll(() => runner.close());

/** A pruned network with examples to repair it on. */
interface Patient extends Pick<RepairOptions, "analysis" | "masks" | "pruned" | "dataset"> {
  readonly dataset: Dataset;
}

function patientOf(model: Model, keep: Readonly<Record<string, readonly number[]>>, inputs: Tensor): Patient {
  const analysis = analyzeChannels(model);
  const masks = analysis.groups.map(({ id, channels }) =>
    Uint8Array.from({ length: channels }, (_, channel) =>
      (keep[id] ?? [channel]).includes(channel) ? 1 : 0,
    ),
  );
  return patient(analysis, masks, inputs);
}

function patient(analysis: ChannelAnalysis, masks: KeepMasks, inputs: Tensor): Patient {
  const dataset = fitToInputs(datasetFromArrays({ inputs }), analysis.model.graph.inputs);
  return { analysis, masks, pruned: sliceModel(analysis, masks), dataset };
}

function build(draw: (g: GraphBuilder) => void, opset = 17): Model {
  const g = graphBuilder();
  draw(g);
  return g.build({ opset });
}

/** Largest difference from the original's first output, relative to its largest magnitude. */
async function differenceOf({ analysis, dataset }: Patient, model: Model): Promise<number> {
  const { name } = analysis.model.graph.outputs[0]!;
  const [wanted, got] = await Promise.all(
    [analysis.model, model].map((one) => outputsOf(runner, runner.share(one), dataset, name)),
  );
  const scale = Math.max(...wanted!.map(Math.abs));
  return Math.max(...wanted!.map((value, k) => Math.abs(value - got![k]!))) / scale;
}

const valuesOf = ({ graph }: Model, name: string): number[] => [
  ...toNumbers(graph.initializers.get(name)!.load()),
];

const reasonsOf = ({ layers }: RepairResult) => layers.map(({ reason }) => reason);

/** Weights of which output k + half repeats output k. */
function repeated(shape: readonly number[], seed: number): Float32Array {
  const values = noise(shape, seed).data as Float32Array;
  values.copyWithin(values.length / 2, 0, values.length / 2);
  return values;
}

describe("weights", () => {
  test("a convolution takes over what duplicates of its inputs gave", async () => {
    const model = build((g) => {
      const x = g.input("x", ["N", 2, 7, 6]);
      const first = g.weight([6, 2, 1, 1], repeated([6, 2, 1, 1], 3), { name: "c1.weight" });
      const hidden = relu(g, g.node("Conv", [x, first]));
      const second = g.weight([4, 6, 3, 3], undefined, { name: "c2.weight" });
      g.output(g.node("Conv", [hidden, second], { pads: [1, 0, 0, 1], strides: [2, 1] }), ["N", 4, 4, 5]);
    });
    const case_ = patientOf(model, { c1: [0, 1, 2] }, noise([64, 2, 7, 6], 5));
    expect(await differenceOf(case_, case_.pruned)).toBeGreaterThan(0.1);
    const { model: repaired, layers } = await repair({ runner, ...case_ });
    expect(await differenceOf(case_, repaired)).toBeLessThan(1e-4);
    expect(layers).toHaveLength(1);
    expect(layers[0]).toMatchObject({ kind: "Conv", accepted: true });
    expect(layers[0]!.residualBefore).toBeGreaterThan(0.01);
    expect(layers[0]!.residualAfter).toBeLessThan(1e-6);
  });

  test("matrices behind a Flatten do, and a MatMul without a bias", async () => {
    const model = build((g) => {
      const x = g.input("x", ["N", 2, 3, 3]);
      const first = g.weight([6, 2, 1, 1], repeated([6, 2, 1, 1], 3), { name: "c1.weight" });
      const flat = g.node("Flatten", [relu(g, g.node("Conv", [x, first]))]);
      const hidden = relu(g, dense(g, flat, "f1", 54, 5));
      g.output(g.node("MatMul", [hidden, g.weight([5, 3])]), ["N", 3]);
    });
    const case_ = patientOf(model, { c1: [0, 4, 5] }, noise([400, 2, 3, 3], 5));
    const { model: repaired, layers } = await repair({ runner, ...case_ });
    expect(await differenceOf(case_, repaired)).toBeLessThan(1e-3);
    expect(layers.map(({ kind }) => kind)).toEqual(["Gemm", "MatMul"]);
    expect(layers[1]!.reason ?? "").toContain("no bias");
  });

  test("a layer before a sum makes up for what the other side lost", async () => {
    const model = build((g) => {
      const x = g.input("x", ["N", 3, 5, 5]);
      const stream_ = relu(g, conv(g, x, "c1", 3, 4, { kernel: [1, 1] }));
      const inner = relu(g, conv(g, stream_, "c2", 4, 6, { kernel: [1, 1] }));
      const left = conv(g, inner, "c3", 6, 4, { kernel: [1, 1] });
      const right = conv(g, relu(g, conv(g, stream_, "c4", 4, 5, { kernel: [1, 1] })), "c5", 5, 4, {
        kernel: [1, 1],
      });
      g.output(g.node("Add", [right, left]), ["N", 4, 5, 5]);
    });
    const case_ = patientOf(model, { c4: [0, 1] }, noise([64, 3, 5, 5], 5));
    const { layers } = await repair({ runner, ...case_ });
    expect(layers.map(({ node }) => node)).toEqual(["c5"]);
    expect(layers[0]!.residualAfter).toBeLessThan(layers[0]!.residualBefore!);
  });

  test("large kernels are refitted in part, and the report says so", async () => {
    const model = build((g) => {
      head(g, relu(g, conv(g, relu(g, conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 6)), "c2", 6, 4)), 4);
    });
    const case_ = patientOf(model, { c1: [0, 1, 2, 3] }, noise([64, 3, 6, 6]));
    const { layers } = await repair({ runner, ...case_, maxFeatures: 10 });
    expect(layers[0]!.reason).toBe("refitted 2 of 9 kernel positions, those with the largest weights");
    expect(layers[0]!.residualAfter).toBeLessThan(layers[0]!.residualBefore!);
  });

  test("more inputs than can be refitted together leave the bias, and the report says so", async () => {
    const case_ = patientOf(
      constantChannels((g, x) => dense(g, g.node("Flatten", [x]), "f", 64, 3)),
      { c1: [0, 2] },
      noise([24, 2, 4, 4]),
    );
    const { model, layers } = await repair({ runner, ...case_, maxFeatures: 20 });
    expect(layers[0]!.reason).toBe("its 32 inputs are too many to refit together: only its bias was changed");
    expect(await differenceOf(case_, model)).toBeLessThan(1e-5);
  });

  test("nothing is changed where held-out examples gain nothing", async () => {
    const model = build((g) => {
      const x = g.input("x", ["N", 60]);
      const hidden = g.node("MatMul", [x, g.weight([60, 60], identity(60), { name: "f1.weight" })]);
      g.output(g.node("MatMul", [hidden, g.weight([60, 1])]), ["N", 1]);
    });
    const keep = Array.from({ length: 59 }, (_, k) => k + 1);
    // what is missing is noise that the inputs left know nothing of, so a refit can only help by chance
    const outcomes = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (seed) => {
        const case_ = patientOf(model, { f1: keep }, noise([16, 60], seed));
        const { model: repaired, layers } = await repair({ runner, ...case_ });
        const isSame = Buffer.compare(encodeModel(repaired), encodeModel(case_.pruned)) === 0;
        return { isSame, ...layers[0]! };
      }),
    );
    const rejected = outcomes.filter(({ accepted }) => !accepted);
    expect(rejected.length).toBeGreaterThan(0);
    for (const { isSame, accepted } of outcomes) expect(isSame).toBe(!accepted);
    for (const { reason, residualBefore, residualAfter } of rejected) {
      expect(reason).toContain("held-out");
      expect(residualAfter).toBe(residualBefore);
    }
  });
});

function identity(size: number): number[] {
  return Array.from({ length: size * size }, (_, k) => (k % (size + 1) === 0 ? 1 : 0));
}

/** Channels 1 and 3 of four are constant, read by a layer that `draw` adds. */
function constantChannels(draw: (g: GraphBuilder, x: string) => string): Model {
  return build((g) => {
    const x = g.input("x", ["N", 2, 4, 4]);
    const weight = g.weight([4, 2, 1, 1], [1, 2, 0, 0, -1, 1, 0, 0], { name: "c1.weight" });
    const bias = g.weight([4], [0.5, 2, 0.25, 3], { name: "c1.bias" });
    g.output(draw(g, relu(g, g.node("Conv", [x, weight, bias]))));
  });
}

describe("bias", () => {
  const second = (g: GraphBuilder) => g.weight([3, 4, 2, 2], undefined, { name: "c2.weight" });
  const cases: Readonly<Record<string, (g: GraphBuilder, x: string) => string>> = {
    "its own bias": (g, x) => g.node("Conv", [x, second(g), g.weight([3])]),
    "a bias it did not have": (g, x) => g.node("Conv", [x, second(g)]),
    "the mean of a normalisation": (g, x) => batchNorm(g, g.node("Conv", [x, second(g)]), "bn", 3),
    "a Gemm's bias": (g, x) => dense(g, g.node("Flatten", [x]), "f", 64, 3),
    "a Gemm's scaled bias for all": (g, x) =>
      g.node("Gemm", [g.node("Flatten", [x]), g.weight([64, 3]), g.weight([1])], { alpha: 0.5, beta: 0.25 }),
    "the constant of an Add": (g, x) =>
      g.node("Add", [g.weight([3]), g.node("MatMul", [g.node("Flatten", [x]), g.weight([64, 3])])]),
  };
  test.each(Object.entries(cases))("constant channels go into %s without a trace", async (_, draw) => {
    const case_ = patientOf(constantChannels(draw), { c1: [0, 2] }, noise([24, 2, 4, 4]));
    expect(await differenceOf(case_, case_.pruned)).toBeGreaterThan(0.1);
    const { model } = await repair({ runner, ...case_, methods: ["bias"] });
    expect(await differenceOf(case_, model)).toBeLessThan(1e-5);
  });

  test("a bias that other nodes share stays what it is for them", async () => {
    const model = constantChannels((g, x) => {
      const shared = g.weight([3], undefined, { name: "shared" });
      const left = g.node("Conv", [x, second(g), shared]);
      const right = g.node("Conv", ["x", g.weight([3, 2, 2, 2]), shared]);
      return g.node("Sub", [left, right]);
    });
    const case_ = patientOf(model, { c1: [0, 2] }, noise([24, 2, 4, 4]));
    const { model: repaired } = await repair({ runner, ...case_, methods: ["bias"] });
    expect(await differenceOf(case_, repaired)).toBeLessThan(1e-5);
    expect(valuesOf(repaired, "shared")).toEqual(valuesOf(model, "shared"));
  });
});

describe("statistics", () => {
  test.each([13, 18])(
    "are mean and variance of what a normalisation reads, operator set %i",
    async (opset) => {
      const draw = (g: GraphBuilder) => {
        const x = g.input("x", ["N", 3, 6, 6]);
        const first = relu(g, batchNorm(g, conv(g, x, "c1", 3, 4), "bn1", 4));
        const inner = relu(g, batchNorm(g, conv(g, first, "c2", 4, 4), "bn2", 4));
        head(g, relu(g, batchNorm(g, conv(g, inner, "c3", 4, 5), "bn3", 5)), 5);
      };
      const inputs = noise([150, 3, 6, 6]);
      const case_ = patientOf(build(draw, opset), { c1: [0, 2, 3] }, inputs);
      const { model, layers } = await repair({ runner, ...case_, methods: ["statistics"] });
      expect(layers.map(({ node }) => node)).toEqual(["bn2", "bn3"]); // bn1 reads what it always did
      // what bn3 reads, with the new statistics of bn2 in place
      const graph = { ...model.graph, outputs: [{ name: "c3_out", dtype: "float32" as const }] };
      const read = await outputsOf(runner, runner.share({ ...model, graph }), case_.dataset, "c3_out");
      const means = valuesOf(model, "bn3.mean");
      const variances = valuesOf(model, "bn3.variance");
      for (let channel = 0; channel < 5; channel++) {
        const own = read.filter((_, k) => Math.floor(k / 36) % 5 === channel);
        const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
        const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
        expect(means[channel]).toBeCloseTo(mean, 5);
        expect(variances[channel]).toBeCloseTo(variance, 5);
      }
    },
  );

  test("lose nothing where channels lie far from zero", async () => {
    const model = build((g) => {
      const x = g.input("x", ["N", 2]);
      const hidden = g.node("Gemm", [x, g.weight([2, 3], [1, 0, 0, 0, 0, 1], { name: "f1.weight" })]);
      const far = g.node("Gemm", [hidden, g.weight([3, 1], [1, 1, 0]), g.weight([1], [3000])]);
      g.output(dense(g, batchNorm(g, far, "bn", 1), "out", 1, 2), ["N", 2]);
    });
    const inputs = noise([256, 2]);
    const case_ = patientOf(model, { f1: [0, 2] }, inputs);
    const { model: repaired } = await repair({ runner, ...case_, methods: ["statistics"] });
    const first = (inputs.data as Float32Array).filter((_, k) => k % 2 === 0);
    const mean = first.reduce((sum, value) => sum + value, 0) / first.length;
    const variance = first.reduce((sum, value) => sum + (value - mean) ** 2, 0) / first.length;
    expect(valuesOf(repaired, "bn.mean")[0]).toBeCloseTo(3000 + mean, 3);
    expect(valuesOf(repaired, "bn.variance")[0]! / variance).toBeCloseTo(1, 3);
  });

  test("stay the original network's where a refit holds their input to it", async () => {
    const model = build((g) => {
      const x = g.input("x", ["N", 3, 6, 6]);
      const inner = relu(g, conv(g, x, "c1", 3, 4));
      const left = batchNorm(g, conv(g, inner, "c2", 4, 5), "bn", 5);
      head(g, relu(g, batchNorm(g, g.node("Concat", [left, inner], { axis: 1 }), "joined", 9)), 9);
    });
    const case_ = patientOf(model, { c1: [0, 1, 3] }, noise([64, 3, 6, 6]));
    const { layers } = await repair({ runner, ...case_ });
    expect(layers.map(({ node }) => node)).toEqual(["c2", "joined", "out"]);
  });
});

describe("any network", () => {
  // their outputs hardly vary, so that residuals relative to the variance are rounding
  const nearlyConstant = [
    "a number computed from a size with an open batch locks what it measures",
    "an old softmax locks all axes it flattens",
  ];
  const plain = networks.filter(({ name, build: make }) => {
    if (nearlyConstant.includes(name)) return false;
    const { inputs } = make().graph;
    return inputs.length === 1 && typeof inputs[0]!.shape?.[0] === "string" && inputs[0]!.dtype === "float32";
  });

  test.each(plain)("$name: what a refit promises is what the network then does", async ({ build: make }) => {
    const model = make();
    const analysis = analyzeChannels(model);
    const masks = randomPlan(analysis, 0.6, stream(4, 0));
    if (!removesSomething(masks)) return;
    const [one] = Object.values(randomFeeds(model, stream(1, 0)));
    const case_ = patient(analysis, masks, noise([32, ...one!.shape.slice(1)]));
    const { model: repaired, layers } = await repair({ runner, ...case_, seed: 3 });
    for (const { residualBefore = 0, residualAfter = 0 } of layers)
      expect(residualAfter).toBeLessThanOrEqual(residualBefore);
    const [first] = layers.filter(({ residualAfter }) => residualAfter !== undefined);
    if (first === undefined) return;
    const again = await repair({ runner, ...case_, pruned: repaired, seed: 3, methods: ["bias"] });
    const same = again.layers.find(({ node }) => node === first.node)!;
    expect(Math.abs(same.residualBefore! - first.residualAfter!)).toBeLessThan(
      1e-4 + 0.01 * first.residualAfter!,
    );
  });
});

describe("contracts", () => {
  const model = () =>
    build((g) => {
      const x = g.input("x", ["N", 3, 6, 6]);
      const inner = relu(g, batchNorm(g, conv(g, x, "c1", 3, 6), "bn", 6));
      head(g, relu(g, conv(g, inner, "c2", 6, 4)), 4);
    });
  const some = (examples = 48) => patientOf(model(), { c1: [0, 2, 3] }, noise([examples, 3, 6, 6]));

  test("the outcome is the same for any number of workers, and another for another seed", async () => {
    const alone = await startRunner({ workers: 1 });
    try {
      const options = { ...some(), batchSize: 8, rows: 7, memory: 1000 };
      const [a, b, c] = await Promise.all([
        repair({ runner, ...options, seed: 1 }),
        repair({ runner: alone, ...options, seed: 1, memory: 2 ** 20 }),
        repair({ runner, ...options, seed: 2 }),
      ]);
      expect(encodeModel(a!.model)).toEqual(encodeModel(b!.model));
      expect(a!.layers).toEqual(b!.layers);
      expect(encodeModel(a!.model)).not.toEqual(encodeModel(c!.model));
    } finally {
      await alone.close();
    }
  });

  test("progress counts to the end, and an abort ends the work with its reason", async () => {
    const seen: string[] = [];
    await repair({
      runner,
      ...some(),
      onProgress: (done, total, node) => seen.push(`${done}/${total} ${node}`),
    });
    expect(seen).toEqual(["1/2 c2", "2/2 out"]);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(repair({ runner, ...some(), signal })).rejects.toThrow("enough");
  });

  test("too few examples and values that are no numbers are coded errors", async () => {
    await expect(repair({ runner, ...some(3) })).rejects.toSatisfy((error) =>
      isProblem(error, "calibration-too-small"),
    );
    const broken = build((g) => {
      const hidden = g.node("Log", [conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4)]);
      head(g, relu(g, batchNorm(g, conv(g, hidden, "c2", 4, 4), "bn", 4)), 4);
    });
    const case_ = patientOf(broken, { c1: [0, 2, 3] }, noise([16, 3, 6, 6]));
    for (const methods of [["weights"], ["statistics"]] as const) {
      await expect(repair({ runner, ...case_, methods })).rejects.toSatisfy((error) =>
        isProblem(error, "activation-not-finite"),
      );
    }
  });

  test("layers that cannot be refitted are listed with the reason", async () => {
    const shared = build((g) => {
      const x = relu(g, conv(g, g.input("x", ["N", 3, 6, 6]), "c1", 3, 4));
      const weight = g.weight([4, 4, 1, 1], undefined, { name: "shared.weight" });
      head(g, g.node("Add", [g.node("Conv", [x, weight]), g.node("Conv", [relu(g, x), weight])]), 4);
    });
    const result = await repair({ runner, ...patientOf(shared, { c1: [0, 2, 3] }, noise([16, 3, 6, 6])) });
    expect(reasonsOf(result)).toContain("other nodes share its weights");
  });
});
