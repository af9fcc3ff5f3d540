/** @file Gradients of games, from the part of the network behind the gates, against gradients of the whole network. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { architectures } from "../../../test/helpers/architectures/index.ts";
import { graphBuilder } from "../../../test/helpers/build.ts";
import { conv, dense, networks, relu } from "../../../test/helpers/networks.ts";
import { freeGroups } from "../../../test/helpers/random-plan.ts";
import { randomFeeds } from "../../../test/helpers/slicing-property.ts";
import { noise, tinyClassifier, turns } from "../../../test/helpers/tiny-classifier.ts";
import { analyzeChannels, type ChannelAnalysis } from "../../channels/groups.ts";
import { type Dataset, datasetFromArrays, fitToInputs } from "../../datasets/index.ts";
import { type Estimate, estimators } from "../../estimators/index.ts";
import type { Model } from "../../graph/model.ts";
import { stream, uniform } from "../../math/random.ts";
import type { PayoffKind } from "../../metrics/index.ts";
import { openBatch } from "../../passes/open-batch.ts";
import { networkGame } from "../../valuation/network-game.ts";
import { engineOver, type Runner, startRunner } from "../../valuation/runner.ts";
import { preparePayoff } from "../../valuation/targets.ts";
import { openGates } from "./gate-gradients.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 2 });
});
afterAll(() => runner.close());

/** Largest difference of derivatives at random gates, in units of the largest derivative. */
async function difference(
  analysis: ChannelAnalysis,
  group: number,
  dataset: Dataset,
  kind: PayoffKind,
): Promise<number> {
  const payoff = await preparePayoff(analysis, dataset, runner, { kind });
  const options = { analysis, groups: [group], dataset, payoff };
  const game = await networkGame({ ...options, runner, gradients: "needed" });
  const whole = await openGates({ ...options, engine: engineOver(runner) });
  const random = stream(6, group);
  const examples = Uint32Array.from({ length: 40 }, (_, k) => (k * 5) % dataset.size);
  const gates = Float32Array.from({ length: examples.length * game.players }, () => uniform(random));
  const found = await game.gradients!.at(gates, examples);
  const { values } = await whole.rows(examples, gates);
  await whole.close();
  await game.close();
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return found.reduce((most, value, k) => Math.max(most, Math.abs(value - values[k]!)), 0) / largest;
}

function isPlayable(model: Model): boolean {
  const hasBatch = model.graph.inputs.every(({ shape = [] }) => typeof shape[0] === "string");
  return hasBatch && freeGroups(analyzeChannels(model)).length > 0;
}

const playable = networks.flatMap(({ name, build }) => {
  const model = build();
  return isPlayable(model) ? [[name, model] as const] : [];
});

describe("derivatives are those of the whole network", () => {
  test.each(playable)("%s", async (name, model) => {
    const analysis = analyzeChannels(model);
    const dataset = fitToInputs(
      datasetFromArrays({ inputs: randomFeeds(model, stream(4, 0)) }),
      model.graph.inputs,
    );
    let compared = 0;
    for (const group of freeGroups(analysis)) {
      const found = await difference(analysis, group, dataset, "agreement").catch((error: unknown) => {
        // groups that cannot be masked, and operators without a rule, are told apart elsewhere
        if (
          ["group-not-maskable", "no-gradient", "payoff-not-differentiable", "loss-invalid"].includes(
            (error as { code: string }).code,
          )
        )
          return 0;
        throw error;
      });
      compared++;
      expect(found).toBeLessThan(name.includes("float16") ? 0.02 : 1e-3);
    }
    expect(compared).toBeGreaterThan(0);
  });
});

const images = datasetFromArrays({ inputs: noise([60, 1, 6, 6]), labels: turns(60) });

test.each(["cross-entropy", "agreement"] as const)("with %s as payoff", async (kind) => {
  const analysis = analyzeChannels(tinyClassifier());
  const dataset = fitToInputs(images, analysis.model.graph.inputs);
  for (const group of freeGroups(analysis))
    expect(await difference(analysis, group, dataset, kind)).toBeLessThan(1e-4);
});

test("payoffs that move in steps have none: an error where they are needed, a reason where they are welcome", async () => {
  const analysis = analyzeChannels(tinyClassifier());
  const dataset = fitToInputs(images, analysis.model.graph.inputs);
  const payoff = await preparePayoff(analysis, dataset, runner, { kind: "accuracy" });
  const options = { analysis, groups: freeGroups(analysis).slice(0, 1), dataset, payoff, runner };
  await expect(networkGame({ ...options, gradients: "needed" })).rejects.toMatchObject({
    code: "payoff-not-differentiable",
  });
  const game = await networkGame({ ...options, gradients: "welcome" });
  expect(game.gradients).toBeUndefined();
  expect(game.withoutGradients).toMatchObject({ code: "payoff-not-differentiable" });
  await game.close();
});

test("stratified values of a network are unbiased: the mean of short runs is the exact value", async () => {
  const analysis = analyzeChannels(tinyClassifier());
  const dataset = fitToInputs(images, analysis.model.graph.inputs);
  const payoff = await preparePayoff(analysis, dataset, runner, { kind: "cross-entropy" });
  const group = analysis.groups.findIndex(({ id }) => id === "c2");
  const game = await networkGame({ analysis, groups: [group], dataset, payoff, runner, gradients: "needed" });
  const last = async (name: "exact" | "stratified", rows: number, seed: number): Promise<Estimate> => {
    let found: Estimate | undefined;
    for await (const estimate of estimators[name].run(game, { budget: { rows }, seed })) found = estimate;
    return found!;
  };
  const exact = (await last("exact", 32 * 60, 0)).values;
  const runs = 400;
  for (const rows of [60, 900]) {
    const sums = new Float64Array(5);
    const squares = new Float64Array(5);
    for (let seed = 0; seed < runs; seed++) {
      const { values } = await last("stratified", rows, seed);
      values.forEach((value, k) => {
        sums[k] = sums[k]! + value;
        squares[k] = squares[k]! + value * value;
      });
    }
    exact.forEach((value, k) => {
      const mean = sums[k]! / runs;
      const error = Math.sqrt(Math.max(0, squares[k]! / runs - mean * mean) / runs);
      expect(Math.abs(mean - value)).toBeLessThan(3.5 * error + 1e-7);
    });
  }
  await game.close();
});

test("rows that are left out by chance: the same for any number of workers, and the rest as they are among all", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3, 20, 20]);
  const last = relu(g, conv(g, relu(g, conv(g, x, "c1", 3, 16)), "c2", 16, 24));
  g.output(dense(g, g.node("Flatten", [g.node("GlobalAveragePool", [last])]), "out", 24, 2), ["N", 2]);
  const analysis = analyzeChannels(g.build());
  const inputs = noise([70, 3, 20, 20]);
  const dataset = fitToInputs(datasetFromArrays({ inputs, labels: turns(70) }), analysis.model.graph.inputs);
  const group = analysis.groups.findIndex(({ id }) => id === "c1");
  const examples = Uint32Array.from({ length: 70 }, (_, k) => k);
  const gates = new Float32Array(70 * 16).fill(0.3);
  const draws = Float32Array.from(examples, (k) => (k % 7 === 0 ? -1 : (0.37 * k) % 1));
  const found: Float64Array[] = [];
  let exact = new Float64Array(0);
  for (const workers of [1, 2]) {
    const own = await startRunner({ workers });
    const payoff = await preparePayoff(analysis, dataset, own, { kind: "cross-entropy" });
    const options = { analysis, groups: [group], dataset, payoff, runner: own };
    const game = await networkGame({ ...options, gradients: "needed" });
    expect(game.gradients!.thinnedRows).toBeLessThan(game.gradients!.rows);
    found.push(await game.gradients!.at(gates, examples, { draws }));
    exact = (await game.gradients!.at(gates, examples)) as Float64Array<ArrayBuffer>;
    await game.close();
    await own.close();
  }
  expect(found[1]).toEqual(found[0]);
  let left = 0;
  examples.forEach((row) => {
    const [own, all] = [found[0]!, exact].map((values) => values.subarray(16 * row, 16 * (row + 1)));
    const at = all!.findIndex((value) => Math.abs(value) > 1e-4);
    if (own!.every((value) => value === 0)) left++;
    else {
      const weight = own![at]! / all![at]!; // one over the chance
      expect(weight).toBeGreaterThan(1 - 1e-3);
      if (draws[row]! < 0) expect(weight).toBeCloseTo(1, 3);
      else expect(draws[row]! * weight).toBeLessThan(1 + 1e-3);
      own!.forEach((value, k) => {
        expect(value).toBeCloseTo(all![k]! * weight, 4);
      });
    }
  });
  expect(left).toBeGreaterThan(5);
});

test("where nothing leads back to the gates, derivatives are zero", async () => {
  const { build } = architectures["precision"]!.find(({ name }) => name.startsWith("quantized"))!;
  const analysis = analyzeChannels(openBatch(build()));
  const inputs = randomFeeds(analysis.model, stream(4, 0));
  const dataset = fitToInputs(datasetFromArrays({ inputs }), analysis.model.graph.inputs);
  const payoff = await preparePayoff(analysis, dataset, runner, { kind: "agreement" });
  const [group] = freeGroups(analysis);
  const game = await networkGame({
    analysis,
    groups: [group!],
    dataset,
    payoff,
    runner,
    gradients: "needed",
  });
  const gates = new Float32Array(2 * game.players).fill(0.5);
  const found = await game.gradients!.at(gates, Uint32Array.from([0, 1]));
  expect(found).toEqual(new Float64Array(2 * game.players));
  await game.close();
});
