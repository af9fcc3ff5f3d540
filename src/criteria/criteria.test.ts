import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { isProblem, type PrunerError } from "../base/problem.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import { type Dataset, datasetFromArrays, fitToInputs } from "../datasets/index.ts";
import { ortEngine } from "../engine/ort/engine.ts";
import { referenceEngine } from "../engine/reference/reference.ts";
import type { Model } from "../graph/model.ts";
import type { DType } from "../tensor/dtype.ts";
import { float32, fromNumbers, int64 } from "../tensor/tensor.ts";
import type { PayoffSetup } from "../valuation/targets.ts";
import { type CriterionName, channelStatistics, criteria, scoreGroups } from "./index.ts";

const sizes = { inputs: 2, hidden: 3, outputs: 2 };

interface Weights {
  readonly hidden?: readonly number[];
  readonly gamma?: readonly number[];
  readonly dtype?: DType;
  readonly opset?: number;
}

/** Dense 2 → 3 → ReLU → 2, optionally with a batch normalisation in between. Weights are [in, out] (Gemm without transB). */
function dense({ hidden = [1, 2, 0, -1, 2, 0], gamma, dtype = "float32", opset = 17 }: Weights = {}): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", sizes.inputs], dtype);
  const weight = (name: string, shape: readonly number[], values: readonly number[]) =>
    g.weight(shape, values, { name, dtype });
  let y = g.node("Gemm", [x, weight("h.weight", [2, 3], hidden)]);
  if (gamma !== undefined) {
    const zeros = weight("zeros", [3], [0, 0, 0]);
    const ones = weight("ones", [3], [1, 1, 1]);
    y = g.node("BatchNormalization", [y, weight("gamma", [3], gamma), zeros, zeros, ones], { epsilon: 1e-5 });
  }
  const out = g.node("Gemm", [g.node("Relu", [y]), weight("out.weight", [3, 2], [1, 0, 0, 1, 1, 1])]);
  g.output(out, ["N", sizes.outputs], dtype);
  return g.build({ opset });
}

function dataFor(model: Model, values: readonly number[], dtype: DType = "float32"): Dataset {
  const shape = model.graph.inputs[0]!.shape!.slice(1) as number[];
  const each = shape.reduce((product, size) => product * size, 1);
  const inputs = fromNumbers(dtype, [values.length / each, ...shape], values);
  return fitToInputs(datasetFromArrays({ inputs }), model.graph.inputs);
}

async function scoresOf(name: CriterionName, model: Model, dataset?: Dataset, seed = 1): Promise<number[]> {
  const analysis = analyzeChannels(model);
  const group = openGroups(analysis)[0]!;
  const examples = dataset && { engine: referenceEngine, dataset, payoff: distanceToTen(model, dataset) };
  const scores = await scoreGroups(criteria[name], { analysis, groups: [group], seed, examples });
  return [...scores[group]!];
}

/** What criteria with gradients differentiate. */
function distanceToTen(model: Model, { size }: Dataset): PayoffSetup {
  const { name, shape } = model.graph.outputs[0]!;
  const targets = new Float32Array(size * (shape![1] as number)).fill(10);
  return { kind: "squared-error", output: name, outputIs: "logits", targets };
}

function openGroups({ groups }: ChannelAnalysis): number[] {
  return [...groups.keys()].filter((group) => groups[group]!.channels > 0);
}

async function problemOf(work: Promise<unknown>): Promise<PrunerError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isProblem(error)) throw new Error(`no problem was raised, but ${String(error)}`);
  return error;
}

const close = (expected: readonly number[]) => expected.map((value) => expect.closeTo(value, 5));

describe("closed forms on a dense layer", () => {
  // filters (columns of the weight): (1, -1), (2, 2), (0, 0)
  test("l1", async () => expect(await scoresOf("l1", dense())).toEqual(close([2, 4, 0])));

  test("l2", async () => {
    expect(await scoresOf("l2", dense())).toEqual(close([Math.SQRT2, 2 * Math.SQRT2, 0]));
  });

  test("fpgm", async () => {
    const [ab, ac, bc] = [Math.sqrt(10), Math.SQRT2, Math.sqrt(8)];
    expect(await scoresOf("fpgm", dense())).toEqual(close([ab + ac, ab + bc, ac + bc]));
  });

  test("bn-scale", async () => {
    expect(await scoresOf("bn-scale", dense({ gamma: [-3, 0.5, 0] }))).toEqual(close([3, 0.5, 0]));
  });

  // hidden values behind ReLU for (1, 0), (0, 1), (-1, -1), (2, 1): (1,2,0), (0,2,0), (0,0,0), (1,6,0)
  const inputs = [1, 0, 0, 1, -1, -1, 2, 1];

  test("apoz is the share of values that are not zero", async () => {
    expect(await scoresOf("apoz", dense(), dataFor(dense(), inputs))).toEqual(close([0.5, 0.75, 0]));
  });

  test("mean-activation is the mean of absolute values", async () => {
    expect(await scoresOf("mean-activation", dense(), dataFor(dense(), inputs))).toEqual(
      close([0.5, 2.5, 0]),
    );
  });

  test("half precision and newer operator sets measure the same", async () => {
    const half = dense({ dtype: "float16", opset: 18 });
    expect(await scoresOf("mean-activation", half, dataFor(half, inputs, "float16"))).toEqual(
      close([0.5, 2.5, 0]),
    );
    expect(await scoresOf("l1", half)).toEqual(close([2, 4, 0]));
  });
});

describe("every criterion", () => {
  const model = dense({ gamma: [1, 0.5, 0] });
  const dataset = dataFor(model, [1, 0, 0, 1, -1, -1, 2, 1]);
  const score = (name: string, seed?: number) => scoresOf(name as CriterionName, model, dataset, seed);
  const all = Object.keys(criteria);
  const measured = Object.entries(criteria).flatMap(([name, { needs }]) =>
    needs === "activations" || needs === "gradients" ? [name] : [],
  );

  test.each(Object.values(criteria))("$title says what it is", ({ title, reference, description }) => {
    expect([title, reference, description].every((text) => text.length > 0)).toBe(true);
  });

  test.each(all)("%s gives the same scores for the same seed", async (name) => {
    expect(await score(name, 3)).toEqual(await score(name, 3));
  });

  test.each(all.filter((name) => name !== "random"))("%s does not depend on the seed", async (name) => {
    expect(await score(name, 3)).toEqual(await score(name, 4));
  });

  // a dead channel may still be sensitive, and signed scores go below zero
  const others = ["random", "fpgm", "sensitivity", "grasp"];
  const magnitudes = all.filter((name) => !others.includes(name));
  test.each(magnitudes)("%s gives a dead channel the lowest score, zero", async (name) => {
    const scores = await score(name);
    expect(scores[2]).toBe(0);
    expect(Math.min(scores[0]!, scores[1]!)).toBeGreaterThan(0);
  });

  test.each(measured)("%s refuses to run without examples", async (name) => {
    const problem = await problemOf(scoresOf(name as CriterionName, model));
    expect([problem.code, problem.data]).toEqual(["criterion-needs-data", { criterion: name }]);
  });
});

test("docs/criteria.md tells of every criterion, and of none that is not there", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/criteria.md"), "utf8");
  const table = page.slice(page.indexOf("| name |"), page.indexOf("z are the channel's values"));
  const rows = table.split("\n").slice(2);
  const told = rows.flatMap((row) =>
    Array.from(row.split("|")[1]?.matchAll(/`([^`]+)`/g) ?? [], ([, name]) => name!),
  );
  expect(told.sort()).toEqual(Object.keys(criteria).sort());
});

test("fpgm ranks a filter between two others lowest, whatever its norm", async () => {
  const scores = await scoresOf("fpgm", dense({ hidden: [10, 11, 12, 0, 0, 0] }));
  expect(scores).toEqual(close([3, 2, 3]));
});

test("random scores differ between groups and seeds, and lie in [0, 1)", async () => {
  const [first, second] = [
    await scoresOf("random", dense(), undefined, 1),
    await scoresOf("random", dense(), undefined, 2),
  ];
  expect(first).not.toEqual(second);
  for (const value of [...first, ...second]) expect(value >= 0 && value < 1).toBe(true);
});

test("weights scaled by a factor scale the scores of norms and distances by it", async () => {
  const factors = fc.double({ min: 0.1, max: 10, noNaN: true });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 6, maxLength: 6 }),
      factors,
      async (hidden, factor) => {
        for (const name of ["l1", "l2", "fpgm"] as const) {
          const plain = await scoresOf(name, dense({ hidden }));
          const scaled = await scoresOf(name, dense({ hidden: hidden.map((value) => value * factor) }));
          plain.forEach((value, k) => {
            expect(scaled[k]! / factor).toBeCloseTo(value, 4);
          });
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("inputs scaled by a factor scale the mean activation of a layer without bias, and leave apoz alone", async () => {
  const inputs = [1, 0, 0, 1, -1, -1, 2, 1];
  const scaled = inputs.map((value) => 4 * value);
  const at = (name: CriterionName, values: readonly number[]) =>
    scoresOf(name, dense(), dataFor(dense(), values));
  expect(await at("mean-activation", scaled)).toEqual(
    (await at("mean-activation", inputs)).map((value) => 4 * value),
  );
  expect(await at("apoz", scaled)).toEqual(await at("apoz", inputs));
});

test("a convolution's channels are measured behind a Flatten at all their positions", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 1, 2, 2]);
  const relu = g.node("Relu", [g.node("Conv", [x, g.weight([2, 1, 1, 1], [1, -2], { name: "c.weight" })])]);
  g.output(g.node("Gemm", [g.node("Flatten", [relu]), g.weight([8, 2])]), ["N", 2]);
  const model = g.build();
  const dataset = dataFor(model, [1, -1, 3, 0]); // channel 0: 1, 0, 3, 0; channel 1: 0, 2, 0, 0
  expect(await scoresOf("mean-activation", model, dataset)).toEqual(close([1, 0.5]));
  expect(await scoresOf("apoz", model, dataset)).toEqual(close([0.5, 0.25]));
});

/** A residual stream of two channels with two layers that write to it, one of them normalised. */
function residual(opset = 17): Model {
  const g = graphBuilder();
  const x = g.input("x", ["N", 1, 2, 2]);
  const weight = (name: string, shape: readonly number[], values: readonly number[]) =>
    g.weight(shape, values, { name });
  const stem = g.node("Conv", [x, weight("stem.weight", [2, 1, 1, 1], [1, -1])]);
  const inner = g.node("Conv", [stem, weight("inner.weight", [2, 2, 1, 1], [3, 4, 0, 0])]);
  const [zeros, ones] = [weight("zeros", [2], [0, 0]), weight("ones", [2], [1, 1])];
  const normed = g.node("BatchNormalization", [inner, weight("gamma", [2], [-2, 0.5]), zeros, zeros, ones]);
  const sum = g.node("Add", [stem, normed]);
  const flat = g.node("Flatten", [g.node("GlobalAveragePool", [sum])]);
  g.output(g.node("Gemm", [flat, g.weight([2, 2])]), ["N", 2]);
  return g.build({ opset });
}

test("a residual stream sums over the layers that write to it", async () => {
  expect(await scoresOf("l1", residual())).toEqual(close([1 + 7, 1 + 0]));
  expect(await scoresOf("l2", residual())).toEqual(close([1 + 5, 1 + 0]));
  expect(await scoresOf("fpgm", residual())).toEqual(close([2 + 5, 2 + 5]));
  expect(await scoresOf("bn-scale", residual())).toEqual(close([2, 0.5]));
});

test("bn-scale says where it does not apply", async () => {
  const problem = await problemOf(scoresOf("bn-scale", dense()));
  expect(problem.code).toBe("criterion-not-applicable");
  expect(problem.message).toMatch(/"bn-scale" does not apply to group "h": none of its channels/);
});

test("weights that are no numbers are refused with their channel", async () => {
  const problem = await problemOf(scoresOf("l1", dense({ hidden: [1, Number.NaN, 1, 1, 1, 1] })));
  expect(problem.data).toMatchObject({ group: "h", channel: 1 });
});

describe("channelStatistics", () => {
  const model = residual();
  const values = Array.from({ length: 40 }, (_, k) => Math.sin(k * k));
  const analysis = analyzeChannels(model);
  let dataset: Dataset;
  beforeAll(() => {
    dataset = dataFor(model, values);
  });

  test("does not depend on the batch size, the last batch being smaller", async () => {
    const groups = openGroups(analysis);
    const whole = await channelStatistics({ analysis, groups, engine: referenceEngine, dataset });
    const parts = await channelStatistics({
      analysis,
      groups,
      engine: referenceEngine,
      dataset,
      batchSize: 3,
    });
    const group = groups[0]!;
    expect([...parts[group]!.meanAbsolute]).toEqual(close([...whole[group]!.meanAbsolute]));
    expect([...parts[group]!.nonZero]).toEqual(close([...whole[group]!.nonZero]));
  });

  test.each([13, 18])("onnxruntime and the reference agree under operator set %d", async (opset) => {
    const analysis = analyzeChannels(residual(opset));
    const groups = openGroups(analysis);
    const reference = await channelStatistics({ analysis, groups, engine: referenceEngine, dataset });
    const runtime = await channelStatistics({ analysis, groups, engine: ortEngine, dataset });
    expect([...runtime[groups[0]!]!.meanAbsolute]).toEqual(close([...reference[groups[0]!]!.meanAbsolute]));
  });

  test("tells channels apart that share their axis with an open size", async () => {
    const g = graphBuilder();
    const x = g.input("x", ["N", 1, "height", "width"]);
    const weight = (shape: readonly number[], values: readonly number[]) => g.weight(shape, values);
    const front = g.node("Conv", [x, weight([2, 1, 1, 1], [1, -3])]);
    const rows = g.node("Reshape", [front, g.initializer("rows", int64([3], [0, 1, -1]))]);
    const normal = g.node("InstanceNormalization", [rows, weight([1], [1]), weight([1], [0])]);
    const back = g.node("Reshape", [normal, g.node("Shape", [front])]);
    g.output(g.node("Conv", [back, weight([1, 2, 1, 1], [1, 1])]), ["N", 1, "height", "width"]);
    const model = g.build();
    const inputs = float32([1, 1, 2, 2], Float32Array.of(1, 2, 3, 4));
    const dataset = fitToInputs(datasetFromArrays({ inputs }), model.graph.inputs);
    const analysis = analyzeChannels(model);
    const groups = openGroups(analysis);
    const statistics = await channelStatistics({ analysis, groups, engine: ortEngine, dataset });
    const channels = [1, -3].map((factor) => [1, 2, 3, 4].map((value) => factor * value));
    const mean = channels.flat().reduce((sum, value) => sum + value / 8, 0);
    const deviation = Math.sqrt(channels.flat().reduce((sum, value) => sum + (value - mean) ** 2 / 8, 1e-5));
    const size = (values: readonly number[]) => values.reduce((sum, value) => sum + Math.abs(value) / 4, 0);
    const wanted = channels.map(
      (own) => (size(own) + size(own.map((value) => (value - mean) / deviation))) / 2,
    );
    [...statistics[groups[0]!]!.meanAbsolute].forEach((found, k) => {
      expect(found).toBeCloseTo(wanted[k]!, 5);
    });
  });

  test("stops between batches when aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const run = channelStatistics({
      analysis,
      groups: openGroups(analysis),
      engine: referenceEngine,
      dataset,
      signal,
    });
    await expect(run).rejects.toThrow("enough");
  });

  test("measures nothing for groups that were not asked for", async () => {
    const statistics = await channelStatistics({ analysis, groups: [], engine: referenceEngine, dataset });
    expect(statistics.every((own) => own === undefined)).toBe(true);
  });
});
