/** @file The game a network plays is that of its slices: payoffs of coalitions, and the values estimators find. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { conv, dense, head, networks, relu } from "../../test/helpers/networks.ts";
import { drawTiny, noise, tinyClassifier, turns } from "../../test/helpers/tiny-classifier.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import { type Dataset, datasetFromArrays, fitToInputs, openDataset } from "../datasets/index.ts";
import { type Estimate, type EstimatorName, estimators } from "../estimators/index.ts";
import { everyMask, maskFromBits } from "../games/coalitions.ts";
import type { Game } from "../games/game.ts";
import { maxModelHidden, maxModelOutput } from "../games/max-model.ts";
import type { Model } from "../graph/model.ts";
import { range, stream, uniform } from "../math/random.ts";
import { sum } from "../math/sums.ts";
import { type PayoffKind, payoff } from "../metrics/index.ts";
import { readModelFile } from "../onnx/read.ts";
import { insertMasks, maskInputName } from "../passes/insert-masks.ts";
import { openBatch } from "../passes/open-batch.ts";
import { sliceModel } from "../surgery/slice.ts";
import { float32, type Tensor } from "../tensor/tensor.ts";
import { networkGame } from "./network-game.ts";
import { forward, type Runner, startRunner } from "./runner.ts";
import { outputKind, outputsOf, preparePayoff } from "./targets.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 2 });
});
afterAll(() => runner.close());

interface Play {
  readonly analysis: ChannelAnalysis;
  readonly dataset: Dataset;
  readonly game: Game;
}

interface Table {
  readonly model: Model;
  readonly groups: readonly string[];
  readonly dataset: Dataset;
  readonly kind?: PayoffKind;
}

async function play({ model, groups, dataset, kind }: Table): Promise<Play> {
  const analysis = analyzeChannels(model);
  const bound = fitToInputs(dataset, analysis.model.graph.inputs);
  const setup = await preparePayoff(analysis, bound, runner, { kind });
  const indexes = groups.map((id) => analysis.groups.findIndex((group) => group.id === id));
  const game = await networkGame({ analysis, groups: indexes, dataset: bound, payoff: setup, runner });
  return { analysis, dataset: bound, game };
}

async function estimate(game: Game, name: EstimatorName, rows?: number): Promise<Estimate> {
  const estimator = estimators[name];
  const budget = { rows: rows ?? estimator.minimumBudget(game.players, game.examples) * game.examples };
  let last: Estimate | undefined;
  for await (const one of estimator.run(game, { budget, seed: 5 })) last = one;
  return last!;
}

/** Payoffs of one coalition on every example. */
function ofCoalition(game: Game, mask: Uint8Array): Promise<Float64Array> {
  const masks = new Uint8Array(game.examples * game.players);
  for (let row = 0; row < game.examples; row++) masks.set(mask, row * game.players);
  return game.values(masks, range(game.examples));
}

const mean = (values: Float64Array) => sum(values) / values.length;

/** Shapley values by their definition, from the worth of each of the 2^players coalitions in counting order. */
function byDefinition(worth: Float64Array, players: number): number[] {
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  return Array.from({ length: players }, (_, player) => {
    let value = 0;
    for (let bits = 0; bits < worth.length; bits++) {
      if (bits & (1 << player)) continue;
      const size = maskFromBits(bits, players).reduce((total, bit) => total + bit, 0);
      const weight = (factorial(size) * factorial(players - size - 1)) / factorial(players);
      value += weight * (worth[bits | (1 << player)]! - worth[bits]!);
    }
    return value;
  });
}

function expectAllClose(got: ArrayLike<number>, wanted: ArrayLike<number>, within: number): void {
  expect(got.length).toBe(wanted.length);
  for (let k = 0; k < wanted.length; k++)
    expect(Math.abs(got[k]! - wanted[k]!), `entry ${k}`).toBeLessThanOrEqual(within);
}

async function everyWorth(game: Game): Promise<Float64Array> {
  const masks = everyMask(game.players);
  const worth = new Float64Array(2 ** game.players);
  for (let bits = 0; bits < worth.length; bits++) {
    worth[bits] = mean(
      await ofCoalition(game, masks.subarray(bits * game.players, (bits + 1) * game.players)),
    );
  }
  return worth;
}

const labelled = (examples: number, shape = [1, 6, 6], seed = 1) =>
  datasetFromArrays({ inputs: noise([examples, ...shape], seed), labels: turns(examples) });

/** The logits (y − max, 0) with label 0: their margin is the error of y, which never changes its sign. */
function maxModel(outputWeights: readonly number[]): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 2]);
  const hidden = g.weight([2, 4], maxModelHidden.flat(), { name: "hidden.weight" });
  const z = g.node("Relu", [g.node("MatMul", [x, hidden], {}, { name: "hidden" })]);
  const y = g.node("MatMul", [z, g.weight([4, 1], outputWeights)]);
  const largest = g.node("ReduceMax", [x], { axes: [1], keepdims: 1 });
  const error = g.node("Sub", [y, largest]);
  g.output(g.node("Mul", [error, g.weight([1, 2], [1, 0])]), ["N", 2]);
  return g.build();
}

function maxModelTable(weights: readonly number[], examples: number): Table {
  const random = stream(3, 0);
  const inputs = float32(
    [examples, 2],
    Float32Array.from({ length: 2 * examples }, () => 10 * uniform(random)),
  );
  const labels: Tensor = { dtype: "uint8", shape: [examples], data: new Uint8Array(examples) };
  const dataset = datasetFromArrays({ inputs, labels });
  return { model: maxModel(weights), groups: ["hidden"], dataset, kind: "margin" };
}

describe("the max-model (Ancona et al. 2020)", () => {
  test.each([
    ["exact", undefined],
    ["permutation", 120_000],
  ] as const)("%s gives 5/6, 5/6, 5 and 0", async (name, rows) => {
    const { game } = await play(maxModelTable(maxModelOutput, 12_000));
    const { values } = await estimate(game, name, rows);
    [5 / 6, 5 / 6, 5, 0].forEach((value, unit) => {
      expect(Math.abs(values[unit]! - value), `unit ${unit}: ${values[unit]}`).toBeLessThan(0.05);
    });
  });

  test("a unit that only harms has a negative value", async () => {
    const { game } = await play(maxModelTable([2, 0.5, 0.5, -0.1], 12_000));
    const { values } = await estimate(game, "permutation", 60_000);
    expect(Math.abs(values[3]! + 1)).toBeLessThan(0.05);
  });
});

describe("LeNet-5, first convolution, 50 digits, accuracy", () => {
  const assets = join(import.meta.dirname, "../../assets");
  let digits: Dataset;
  let lenet: Play;
  beforeAll(async () => {
    digits = await openDataset(join(assets, "mnist-test-images.idx3-ubyte.gz"), {
      pixelScale: 255,
      limit: 50,
    });
    const model = await readModelFile(join(assets, "lenet5-mnist.onnx"));
    lenet = await play({ model, groups: ["c1"], dataset: digits, kind: "accuracy" });
  });

  test("a coalition is worth exactly the accuracy of the sliced network", async () => {
    const { analysis, dataset, game } = lenet;
    for (const bits of [0b1111111110, 0b0000000001, 0b1010101010, 0b0111101111, 0b1100000011, 0b0010110100]) {
      const mask = maskFromBits(bits, 10);
      const keep = analysis.groups.map(({ id, channels }) =>
        id === "c1" ? mask : new Uint8Array(channels).fill(1),
      );
      const sliced = sliceModel(analysis, keep);
      const outputs = await outputsOf(runner, runner.share(sliced), dataset, "logits");
      const right = payoff("accuracy").rows(outputs, 10, dataset.labels!.values, new Float64Array(50));
      expect([...(await ofCoalition(game, mask))]).toEqual([...right]);
    }
  });

  test("exact values are those of the definition and share out the gain", async () => {
    const { game } = lenet;
    const worth = await everyWorth(game);
    const { values } = await estimate(game, "exact");
    expectAllClose(values, byDefinition(worth, 10), 1e-12);
    expect(Math.abs(sum(values) - (worth.at(-1)! - worth[0]!))).toBeLessThan(1e-9);
  });
});

describe("running the tail alone equals running the whole masked network", () => {
  const takesNumbers = networks.filter(({ build }) =>
    build().graph.inputs.every(({ dtype }) => dtype !== "bool"),
  );
  test.each(takesNumbers)("$name", async ({ build, tolerance = 1e-5 }) => {
    const analysis = analyzeChannels(openBatch(build()));
    const random = stream(11, 0);
    const examples = 6;
    const { graph } = analysis.model;
    const output = graph.outputs.at(-1)!.name;
    const shapes = graph.inputs.map(({ name, shape }) => [name, shape!.slice(1) as number[]] as const);
    const inputs = Object.fromEntries(
      shapes.map(([name, shape], k) => [name, noise([examples, ...shape], k)]),
    );
    const dataset = fitToInputs(datasetFromArrays({ inputs }), graph.inputs);
    const setup = await preparePayoff(analysis, dataset, runner, { kind: "agreement", output });
    const targets = noise([setup.targets.length]).data as Float32Array;
    for (const [k, group] of analysis.groups.entries()) {
      if (group.locked || group.channels + group.fixedChannels < 2) continue;
      const wanted = { ...setup, kind: "squared-error" as const, targets };
      const game = await networkGame({ analysis, groups: [k], dataset, payoff: wanted, runner });
      const masks = Uint8Array.from({ length: examples * game.players }, () =>
        uniform(random) < 0.6 ? 1 : 0,
      );
      const got = await game.values(masks, range(examples));
      const whole = insertMasks(analysis, [k]);
      const feeds = {
        ...dataset.batch(range(examples)),
        [maskInputName(group.id)]: float32([examples, game.players], Float32Array.from(masks)),
      };
      const outputs = (await runner.pool.run({
        kind: "forward",
        model: runner.share(whole),
        feeds,
      })) as Record<string, Tensor>;
      const { data, shape } = outputs[output]!;
      const expected = payoff("squared-error").rows(
        Float32Array.from(data as ArrayLike<number>),
        shape[1] ?? 1,
        targets,
        new Float64Array(examples),
      );
      got.forEach((value, row) => {
        expect(Math.abs(value - expected[row]!)).toBeLessThanOrEqual(
          10 * tolerance * Math.max(1, Math.abs(expected[row]!)),
        );
      });
    }
  });
});

describe("players", () => {
  /** Channels 0 and 1 of c1 are alike; channel 3 is read by nobody. */
  function withTwinsAndDummy(): Model {
    const g = graphBuilder();
    const kernel = [0.2, -0.1, 0.4, 0.3, 0.5, -0.2, 0.1, 0, 0.3];
    const other = kernel.map((value, k) => value - 0.1 * (k % 3));
    const weight = g.weight([4, 1, 3, 3], [...kernel, ...kernel, ...other, ...other], { name: "c1.weight" });
    const x = g.input("x", ["N", 1, 6, 6]);
    const first = relu(g, g.node("Conv", [x, weight], { pads: [1, 1, 1, 1] }, { name: "c1" }));
    const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [first])]);
    const out = g.weight([2, 4], [0.9, 0.9, -0.7, 0, -0.4, -0.4, 1.2, 0], { name: "out.weight" });
    g.output(g.node("Gemm", [pooled, out], { transB: 1 }, { name: "out" }), ["N", 2]);
    return g.build();
  }

  test("a unit nobody reads is worth nothing, twins are worth the same", async () => {
    const { game } = await play({ model: withTwinsAndDummy(), groups: ["c1"], dataset: labelled(20) });
    const exact = (await estimate(game, "exact")).values;
    expect(Math.abs(exact[3]!)).toBeLessThan(1e-7);
    expect(exact[0]).toBeCloseTo(exact[1]!, 7);
    expect(Math.abs(exact[0]!)).toBeGreaterThan(1e-4);
    const drawn = (await estimate(game, "permutation", 4000)).values;
    expect(Math.abs(drawn[3]!)).toBeLessThan(1e-7);
  });

  test("two groups play one game, in the order they are named", async () => {
    const model = tinyClassifier();
    const both = await play({ model, groups: ["c2", "c1"], dataset: labelled(16) });
    expect(both.game.players).toBe(9);
    const one = await play({ model, groups: ["c2"], dataset: labelled(16) });
    const keepsAllOfC1 = await ofCoalition(both.game, Uint8Array.of(1, 0, 1, 1, 0, 1, 1, 1, 1));
    expect([...keepsAllOfC1]).toEqual(
      [...(await ofCoalition(one.game, Uint8Array.of(1, 0, 1, 1, 0)))].map((value) =>
        expect.closeTo(value, 6),
      ),
    );
    const { values } = await estimate(both.game, "exact");
    const worth = await everyWorth(both.game);
    expect(sum(values)).toBeCloseTo(worth.at(-1)! - worth[0]!, 7); // stretches and single rows round differently
  });
});

describe("payoffs", () => {
  const unlabelled = datasetFromArrays({ inputs: noise([16, 1, 6, 6]) });

  test("without labels a coalition is worth how far it agrees with the original", async () => {
    const { game } = await play({ model: tinyClassifier(), groups: ["c1"], dataset: unlabelled });
    const all = await ofCoalition(game, Uint8Array.of(1, 1, 1, 1));
    for (const value of all) expect(Math.abs(value)).toBeLessThan(1e-6);
    const some = await ofCoalition(game, Uint8Array.of(1, 0, 0, 1));
    expect(Math.max(...some)).toBeLessThanOrEqual(1e-6);
    expect(Math.min(...some)).toBeLessThan(-5e-6);
  });

  test("numbers as labels are met by squared error", async () => {
    const labels = noise([16, 2], 9);
    const dataset = datasetFromArrays({ inputs: noise([16, 1, 6, 6]), labels });
    const {
      analysis,
      game,
      dataset: bound,
    } = await play({ model: tinyClassifier(), groups: ["c2"], dataset });
    const mask = Uint8Array.of(0, 1, 1, 0, 1);
    const keep = analysis.groups.map(({ id, channels }) =>
      id === "c2" ? mask : new Uint8Array(channels).fill(1),
    );
    const output = analysis.model.graph.outputs[0]!.name;
    const y = await outputsOf(runner, runner.share(sliceModel(analysis, keep)), bound, output);
    const got = await ofCoalition(game, mask);
    got.forEach((value, row) => {
      const [a, b] = [0, 1].map((k) => y[2 * row + k]! - (labels.data[2 * row + k] as number));
      expect(value).toBeCloseTo(-(a! * a! + b! * b!) / 2, 5);
    });
  });

  test.each(["Softmax", "LogSoftmax"])(
    "a network that ends in %s plays the game of its logits",
    async (op) => {
      const g = graphBuilder();
      g.output(g.node(op, [drawTiny(g)], { axis: 1 }), ["N", 2]);
      const model = g.build();
      expect(outputKind(model, model.graph.outputs[0]!.name)).not.toBe("logits");
      const dataset = labelled(16);
      const mask = Uint8Array.of(1, 0, 1, 0);
      for (const kind of ["cross-entropy", "accuracy", "agreement"] as const) {
        const probable = await play({ model, groups: ["c1"], dataset, kind });
        const plain = await play({ model: tinyClassifier(), groups: ["c1"], dataset, kind });
        const expected = await ofCoalition(plain.game, mask);
        expectAllClose(await ofCoalition(probable.game, mask), expected, 1e-5);
      }
    },
  );

  test("labels per pixel: the payoff of a row is a mean over its pixels", async () => {
    const g = graphBuilder();
    const first = relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4));
    g.output(conv(g, first, "out", 4, 3), ["N", 3, 6, 6]);
    const data = Int32Array.from({ length: 8 * 36 }, (_, k) => k % 3);
    const labels: Tensor = { dtype: "int32", shape: [8, 6, 6], data };
    const dataset = datasetFromArrays({ inputs: noise([8, 1, 6, 6]), labels });
    const { game } = await play({ model: g.build(), groups: ["c1"], dataset, kind: "accuracy" });
    const worth = await ofCoalition(game, Uint8Array.of(1, 1, 0, 1));
    for (const value of worth) expect(Math.abs(value * 36 - Math.round(value * 36))).toBeLessThan(1e-9);
  });
});

test("a group that the output does not depend on is refused, with the output's name", async () => {
  const g = graphBuilder();
  const first = relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4));
  g.output(first, ["N", 4, 6, 6]);
  head(g, relu(g, conv(g, first, "c2", 4, 5)), 5);
  await expect(
    play({ model: g.build(), groups: ["c2"], dataset: labelled(4), kind: "agreement" }),
  ).rejects.toThrow(new RegExp(`Group "c2".*output "${first}" does not depend`));
});

test("a batch that an export has fixed is opened", async () => {
  const mask = Uint8Array.of(1, 0, 1, 1);
  const dataset = labelled(16);
  const fixed = await play({ model: openBatch(tinyClassifier(1)), groups: ["c1"], dataset });
  const open = await play({ model: tinyClassifier(), groups: ["c1"], dataset });
  expect([...(await ofCoalition(fixed.game, mask))]).toEqual([...(await ofCoalition(open.game, mask))]);
});

test("half-precision weights and inputs", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 1, 6, 6], "float16");
  const first = relu(g, conv(g, x, "c1", 1, 4, { dtype: "float16" }));
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [first])]);
  const weight = g.weight([2, 4], undefined, { name: "out.weight", dtype: "float16" });
  g.output(g.node("Gemm", [pooled, weight], { transB: 1 }, { name: "out" }), ["N", 2], "float16");
  const { game } = await play({ model: g.build(), groups: ["c1"], dataset: labelled(16) });
  const { values } = await estimate(game, "exact");
  const worth = await everyWorth(game);
  expect(sum(values)).toBeCloseTo(worth.at(-1)! - worth[0]!, 7); // stretches and single rows round differently
  expect(values.some((value) => value !== 0)).toBe(true);
});

test("several inputs, of which the tail reads some", async () => {
  const g = graphBuilder();
  const image = g.input("image", ["N", 1, 6, 6]);
  const extra = g.input("extra", ["N", 3]);
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [relu(g, conv(g, image, "c1", 1, 4))])]);
  const joined = g.node("Concat", [pooled, relu(g, dense(g, extra, "fc", 3, 3))], { axis: 1 });
  g.output(dense(g, joined, "out", 7, 2), ["N", 2]);
  const inputs = { image: noise([16, 1, 6, 6], 1), extra: noise([16, 3], 2) };
  const dataset = datasetFromArrays({ inputs, labels: turns(16) });
  const model = g.build();
  for (const [id, players] of [
    ["c1", 4],
    ["fc", 3],
  ] as const) {
    const { game } = await play({ model, groups: [id], dataset });
    expect(game.players).toBe(players);
    const { values } = await estimate(game, "exact");
    const worth = await everyWorth(game);
    expectAllClose(values, byDefinition(worth, players), 1e-9);
  }
});

test("batches are handed on in the order of the examples", async () => {
  const g = graphBuilder();
  head(g, relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 4)), 4);
  const dataset = fitToInputs(labelled(150), g.graph().inputs);
  const starts: number[] = [];
  await forward(runner, runner.share(g.build()), dataset, (_, start, count) => starts.push(start, count), {
    batchSize: 32,
  });
  expect(starts).toEqual([0, 32, 32, 32, 64, 32, 96, 32, 128, 22]);
});
