/** @file Whole coalitions, effects added up, against the same coalitions row by row. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { networks } from "../../test/helpers/networks.ts";
import { noise, turns } from "../../test/helpers/tiny-classifier.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { type Dataset, datasetFromArrays, fitToInputs, openDataset } from "../datasets/index.ts";
import { everyMask } from "../games/coalitions.ts";
import { wholeGame } from "../games/whole-game.ts";
import type { Model } from "../graph/model.ts";
import { stream, uniform } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import { fillTable } from "../oracle/index.ts";
import { openBatch } from "../passes/open-batch.ts";
import { networkGame } from "./network-game.ts";
import { type Runner, startRunner } from "./runner.ts";
import { preparePayoff } from "./targets.ts";
import { wholeNetworkGame } from "./whole-network-game.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ workers: 2 });
});
afterAll(() => runner.close());

const methods = new Map<string, string>();

describe("adding up effects of channels equals evaluating row by row", () => {
  const takesNumbers = networks.filter(({ build }) =>
    build().graph.inputs.every(({ dtype }) => dtype !== "bool"),
  );
  test.each(takesNumbers)("$name", async ({ name, build, tolerance = 1e-5 }) => {
    const analysis = analyzeChannels(openBatch(build()));
    const random = stream(12, 0);
    const { graph } = analysis.model;
    const inputs = Object.fromEntries(
      graph.inputs.map((input, k) => [input.name, noise([3, ...(input.shape!.slice(1) as number[])], k)]),
    );
    const dataset = fitToInputs(datasetFromArrays({ inputs }), graph.inputs);
    const output = graph.outputs.at(-1)!.name;
    const setup = await preparePayoff(analysis, dataset, runner, { kind: "agreement", output });
    const targets = noise([setup.targets.length]).data as Float32Array;
    const payoff = { ...setup, kind: "squared-error" as const, targets };
    for (const [k, group] of analysis.groups.entries()) {
      if (group.locked || group.channels + group.fixedChannels < 2) continue;
      const options = { analysis, groups: [k], dataset, payoff, runner };
      const game = await wholeNetworkGame(options);
      methods.set(name, game.method);
      if (game.method === "rows") continue;
      const masks = Uint8Array.from({ length: 9 * game.players }, () => (uniform(random) < 0.6 ? 1 : 0));
      const got = await game.means(masks);
      const wanted = await wholeGame(await networkGame(options)).means(masks);
      got.forEach((value, row) => {
        expect(Math.abs(value - wanted[row]!)).toBeLessThanOrEqual(
          10 * tolerance * Math.max(1, Math.abs(wanted[row]!)),
        );
      });
    }
  });

  test("serves nearly all of them", () => {
    const added = [...methods.values()].filter((method) => method === "added").length;
    expect(added / methods.size, JSON.stringify([...methods])).toBeGreaterThan(0.8);
  });
});

describe("the bundled LeNet-5", () => {
  const assets = join(import.meta.dirname, "../../assets");
  let model: Model;
  let digits: Dataset;
  beforeAll(async () => {
    model = await readModelFile(join(assets, "lenet5-mnist.onnx"));
    digits = await openDataset(join(assets, "mnist-rank-images.idx3-ubyte.gz"), {
      pixelScale: 255,
      limit: 20,
    });
  });

  async function options(group: string, with_: Runner) {
    const analysis = analyzeChannels(openBatch(model));
    const dataset = fitToInputs(digits, analysis.model.graph.inputs);
    const payoff = await preparePayoff(analysis, dataset, with_);
    const groups = [analysis.groups.findIndex(({ id }) => id === group)];
    return { analysis, dataset, payoff, groups, runner: with_ };
  }

  test("c1: the table is that of rows, and the same bytes for one worker", async () => {
    const game = await wholeNetworkGame(await options("c1", runner));
    expect(game.method).toBe("added");
    const table = await fillTable(game);
    const rows = wholeGame(await networkGame(await options("c1", runner)));
    const direct = await rows.means(everyMask(10));
    table.values.forEach((value, bits) => {
      expect(Math.abs(value - direct[bits]!)).toBeLessThan(1e-5);
    });
    const alone = await startRunner({ workers: 1 });
    try {
      const again = await fillTable(await wholeNetworkGame(await options("c1", alone)), { concurrency: 1 });
      expect(again.values).toEqual(table.values);
    } finally {
      await alone.close();
    }
  });

  test("without room for effects it goes row by row, to the same worths", async () => {
    const narrow = await options("c1", runner);
    const floats = 10 * 12 * 12 * 20;
    const game = await wholeNetworkGame({ ...narrow, memory: 4 * floats + 1 }); // the activations and no more
    expect(game.method).toBe("rows");
    const masks = everyMask(10).subarray(0, 300);
    const got = await game.means(masks);
    const wanted = await (await wholeNetworkGame(narrow)).means(masks);
    got.forEach((value, row) => {
      expect(Math.abs(value - wanted[row]!)).toBeLessThan(1e-5);
    });
  });
});

test("channels that nothing hears of are silent", async () => {
  const g = graphBuilder();
  const x = g.input("x", ["N", 3]);
  const first = g.weight([3, 4], [1, 0, 2, -1, 1, 0, -1, 1, 0.5, 0, 1, 1], { name: "first" }); // unit 1 is dead
  const hidden = g.node("Relu", [g.node("MatMul", [x, first], {}, { name: "hidden" })]);
  const last = g.weight([4, 2], [1, -1, 1, 2, 0.5, 1, 0, 0], { name: "last" }); // unit 3 is not read
  g.output(g.node("MatMul", [hidden, last], {}, { name: "out" }), ["N", 2]);
  const analysis = analyzeChannels(g.build());
  const dataset = fitToInputs(
    datasetFromArrays({ inputs: noise([9, 3]), labels: turns(9) }),
    analysis.model.graph.inputs,
  );
  const payoff = await preparePayoff(analysis, dataset, runner);
  const game = await wholeNetworkGame({ analysis, groups: [0], dataset, payoff, runner });
  expect(game.silent).toEqual([1, 3]);
  const { values } = await fillTable(game);
  const all = await wholeGame(await networkGame({ analysis, groups: [0], dataset, payoff, runner })).means(
    everyMask(4),
  );
  all.forEach((value, bits) => {
    expect(values[bits]).toBeCloseTo(value, 5);
  });
});
