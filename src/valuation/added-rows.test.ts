/** @file Rows evaluated by adding up effects of channels, against the same rows run as they are. */
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { block, gameOf, largestGap } from "../../test/helpers/block-game.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { conv, dense, relu } from "../../test/helpers/networks.ts";
import { noise, turns } from "../../test/helpers/tiny-classifier.ts";
import { datasetFromArrays, openDataset } from "../datasets/index.ts";
import { writePrefixes } from "../games/coalitions.ts";
import { randomOrder, stream, uniform } from "../math/random.ts";
import { metrics, type PayoffKind } from "../metrics/index.ts";
import { readModelFile } from "../onnx/read.ts";
import { adderOver } from "./adder.ts";
import { cutRows, type Range } from "./cut-rows.ts";
import type { Job } from "./jobs.ts";
import type { NetworkGame } from "./network-game.ts";
import { type Runner, startRunner } from "./runner.ts";

let one: Runner;
let two: Runner;
beforeAll(async () => {
  [one, two] = [await startRunner({ workers: 1 }), await startRunner({ workers: 2 })];
});
afterAll(() => Promise.all([one.close(), two.close()]));

interface Kinds {
  walks: number;
  rows: number;
}

/** The runner, counting rows by how they are evaluated. */
function counting(runner: Runner, seen: Kinds): Runner {
  const pool: Runner["pool"] = {
    ...runner.pool,
    run(job: Job, options) {
      if (job.kind === "rows") seen.rows += job.rows;
      if (job.kind === "added") seen.walks += job.runs.reduce((sum, rows) => sum + rows, 0);
      return runner.pool.run(job, options);
    },
  };
  return { ...runner, pool };
}

interface Rows {
  readonly masks: Uint8Array;
  readonly examples: Uint32Array;
}

/** A random order and its reverse on each of the listed examples. */
function walksOn(examples: readonly number[], players: number, seed = 1): Rows {
  const each = 2 * (players + 1);
  const masks = new Uint8Array(examples.length * each * players);
  examples.forEach((_, k) => {
    const order = randomOrder(players, stream(seed, k));
    writePrefixes(order, 0, players, masks, k * each);
    writePrefixes(order.toReversed(), 0, players, masks, k * each + players + 1);
  });
  return {
    masks,
    examples: Uint32Array.from(
      { length: each * examples.length },
      (_, row) => examples[Math.floor(row / each)]!,
    ),
  };
}

/** Random coalitions, some rows on each of the listed examples. */
function drawsOn(examples: readonly number[], each: number, players: number): Rows {
  const random = stream(8, 0);
  return {
    masks: Uint8Array.from({ length: examples.length * each * players }, () =>
      uniform(random) < 0.5 ? 1 : 0,
    ),
    examples: Uint32Array.from(
      { length: each * examples.length },
      (_, row) => examples[Math.floor(row / each)]!,
    ),
  };
}

const images = datasetFromArrays({ inputs: noise([6, 3, 8, 8]), labels: turns(6) });

describe.each(["plain", "shortcut and norm", "two readers"] as const)(
  "a block of convolutions: %s",
  (form) => {
    test("walks give what rows give, to the rounding of 32-bit floats", async () => {
      const seen: Kinds = { walks: 0, rows: 0 };
      const added = await gameOf(block(form), images, ["inner"], counting(two, seen));
      const plain = await gameOf(block(form), images, ["inner"], two, { memory: 90_000 });
      expect([added.method, plain.method]).toEqual(["added", "rows"]);
      const { masks, examples } = walksOn([3, 0, 5, 3], added.players);
      const got = await added.values(masks, examples);
      expect(seen).toEqual({ walks: examples.length, rows: 0 });
      expect(largestGap(got, await plain.values(masks, examples))).toBeLessThan(2e-6);
    });

    test("jobs of several runs give what rows give", async () => {
      const runs: number[] = [];
      const run: Runner["pool"]["run"] = (job: Job, options) => {
        if (job.kind === "added") runs.push(job.runs.length);
        return two.pool.run(job, options);
      };
      const added = await gameOf(block(form), images, ["inner"], { ...two, pool: { ...two.pool, run } });
      const plain = await gameOf(block(form), images, ["inner"], two, { memory: 90_000 });
      const visits = Array.from({ length: 24 }, (_, k) => (5 * k) % 6);
      const { masks, examples } = walksOn(visits, added.players, 7);
      const got = await added.values(masks, examples);
      expect(Math.max(...runs)).toBeGreaterThan(1);
      expect(largestGap(got, await plain.values(masks, examples))).toBeLessThan(2e-6);
    });

    test("any coalitions serve, and it does not matter on which way they are reached", async () => {
      const game = await gameOf(block(form), images, ["inner"], two);
      const { masks, examples } = drawsOn([2], 60, game.players);
      const got = await game.values(masks, examples);
      const turned = masks.slice();
      for (let row = 0; row < 60; row++)
        turned.set(masks.subarray(row * game.players, (row + 1) * game.players), (59 - row) * game.players);
      expect((await game.values(turned, examples)).reverse()).toEqual(got);
    });

    test("one worker and two give the same bytes", async () => {
      const [alone, both] = [
        await gameOf(block(form), images, ["inner"], one),
        await gameOf(block(form), images, ["inner"], two),
      ];
      const { masks, examples } = walksOn([0, 1, 2, 3, 4, 5, 0, 1], alone.players, 3);
      const calls = (game: NetworkGame) =>
        Promise.all([game.values(masks, examples), game.values(masks, examples)]);
      expect(await calls(alone)).toEqual(await calls(both));
    });
  },
);

test("rows without neighbours on their example are run as they are", async () => {
  const seen: Kinds = { walks: 0, rows: 0 };
  const game = await gameOf(block("plain"), images, ["inner"], counting(two, seen));
  const { masks } = drawsOn([0, 1, 2, 3, 4, 5], 8, game.players);
  const long = Uint32Array.from({ length: 48 }, (_, row) => (row < 36 ? row % 6 : 4));
  const got = await game.values(masks, long);
  expect(seen.rows).toBeGreaterThanOrEqual(36);
  const plain = await gameOf(block("plain"), images, ["inner"], two, { memory: 90_000 });
  expect(largestGap(got, await plain.values(masks, long))).toBeLessThan(2e-6);
});

test("what is no number stays none", async () => {
  const inputs = noise([2, 3, 8, 8]);
  (inputs.data as Float32Array).fill(3e38, 0, 40); // finite, but not what is computed from it
  const spoilt = datasetFromArrays({ inputs, labels: turns(2) });
  const game = await gameOf(block("plain"), spoilt, ["inner"], one);
  const { masks, examples } = walksOn([0], game.players);
  await expect(game.values(masks, examples)).rejects.toMatchObject({ code: "output-not-finite" });
  const fine = walksOn([1], game.players);
  expect((await game.values(fine.masks, fine.examples)).every(Number.isFinite)).toBe(true);
});

describe("a last layer, whose outputs are what is added up", () => {
  const g = graphBuilder();
  const hidden = relu(g, conv(g, g.input("x", ["N", 3, 8, 8]), "inner", 3, 200));
  const pooled = g.node("Flatten", [g.node("GlobalAveragePool", [hidden])]);
  g.output(dense(g, pooled, "out", 200, 100), ["N", 100]);
  const model = g.build();
  const smooth = (Object.keys(metrics) as PayoffKind[]).filter((kind) => kind !== "accuracy"); // whose steps tell little

  test.each(smooth)("walks give what rows give, to the payoff %s", async (kind) => {
    const labels = kind === "squared-error" ? noise([6, 100]) : turns(6);
    const dataset = datasetFromArrays({ inputs: noise([6, 3, 8, 8]), labels });
    const seen: Kinds = { walks: 0, rows: 0 };
    const added = await gameOf(model, dataset, ["inner"], counting(two, seen), { kind });
    const plain = await gameOf(model, dataset, ["inner"], two, { kind, memory: 400_000 });
    expect([added.method, plain.method]).toEqual(["added", "rows"]);
    const { masks, examples } = walksOn([3, 0, 5, 3], added.players);
    const [got, wanted] = [await added.values(masks, examples), await plain.values(masks, examples)];
    expect(seen).toEqual({ walks: examples.length, rows: 0 });
    expect(Math.max(...wanted) - Math.min(...wanted)).toBeGreaterThan(1e-3);
    expect(largestGap(got, wanted)).toBeLessThan(2e-6);
  });
});

test("on LeNet-5 a long walk drifts no more than a direct sum rounds", async () => {
  const assets = join(import.meta.dirname, "../../assets");
  const digits = await openDataset(join(assets, "mnist-rank-images.idx3-ubyte.gz"), {
    pixelScale: 255,
    limit: 8,
  });
  const model = await readModelFile(join(assets, "lenet5-mnist.onnx"));
  const [added, plain] = [
    await gameOf(model, digits, ["c3"], two),
    await gameOf(model, digits, ["c3"], two, { memory: 20_000 }),
  ];
  expect([added.method, plain.method]).toEqual(["added", "rows"]);
  const { masks, examples } = walksOn(new Array<number>(40).fill(7), added.players);
  const gap = largestGap(await added.values(masks, examples), await plain.values(masks, examples));
  expect(gap).toBeLessThan(1e-5);
});

/** Stretches in one run, at the most. */
function mostStretches(ranges: readonly Range[], runs: readonly number[]): number {
  const left = [...ranges];
  const counts = runs.map((rows) => {
    let count = 0;
    for (let size = 0; size < rows; count++) {
      const { start, end } = left.shift()!;
      size += end - start;
    }
    return count;
  });
  return Math.max(...counts);
}

describe("cutting", () => {
  const examplesOf = fc.array(fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 30 })), { maxLength: 12 });

  test("takes every row once and in ranges that stay within batches", () => {
    fc.assert(
      fc.property(
        examplesOf,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 4 }),
        (stretches, rows, fewest, most) => {
          const examples = Uint32Array.from(
            stretches.flatMap(([example, length]) => new Array<number>(length).fill(example)),
          );
          const batches = cutRows(examples, {
            rows,
            added: { fewestMasked: fewest, fewestWalked: 1, rows: 25, examples: 3, runs: most },
          });
          const taken = batches.flatMap(({ ranges }) =>
            ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, k) => start + k)),
          );
          expect(taken.toSorted((a, b) => a - b)).toEqual([...examples.keys()]);
          for (const { kind, ranges, runs } of batches) {
            const size = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
            expect(runs.reduce((sum, own) => sum + own, 0)).toBe(size);
            expect(runs.length).toBeLessThanOrEqual(kind === "rows" ? 1 : most);
            for (const own of runs) expect(own).toBeLessThanOrEqual(kind === "rows" ? rows : 25);
            if (kind === "added") expect(mostStretches(ranges, runs)).toBeLessThanOrEqual(3);
          }
        },
      ),
    );
  });

  test("keeps a stretch that fits in one batch", () => {
    const examples = Uint32Array.from([...new Array(20).fill(1), ...new Array(20).fill(2)]);
    const batches = cutRows(examples, {
      rows: 8,
      added: { fewestMasked: 10, fewestWalked: 1, rows: 30, examples: 9, runs: 1 },
    });
    expect(batches).toEqual([
      { kind: "added", ranges: [{ start: 0, end: 20 }], runs: [20] },
      { kind: "added", ranges: [{ start: 20, end: 40 }], runs: [20] },
    ]);
  });

  test("puts several runs into a job, the same as those of jobs of one", () => {
    const examples = Uint32Array.from({ length: 100 }, (_, row) => Math.floor(row / 20));
    const cut = (runs: number) =>
      cutRows(examples, {
        rows: 8,
        added: { fewestMasked: 10, fewestWalked: 1, rows: 30, examples: 9, runs },
      });
    expect(cut(2).map(({ runs }) => runs)).toEqual([[20, 20], [20, 20], [20]]);
    expect(cut(2).flatMap(({ ranges }) => ranges)).toEqual(cut(1).flatMap(({ ranges }) => ranges));
  });
});

test("an adder adds, takes away, scales and rounds", () => {
  const adder = adderOver(1000);
  const integers = new Int32Array(adder.buffer);
  const floats = new Float32Array(adder.buffer);
  integers.set([1, -2, 3, 4, 5, 6, 7, 8, 10, 20, -30, 40, 50, 60, 70, 80]);
  adder.add(0, 32, 32);
  expect([...integers.subarray(0, 8)]).toEqual([11, 18, -27, 44, 55, 66, 77, 88]);
  adder.subtract(0, 32, 16);
  expect([...integers.subarray(0, 8)]).toEqual([1, -2, 3, 4, 55, 66, 77, 88]);
  floats.set([0.5, 0.25, 2, 1], 100);
  adder.scale(480, 0, 400, 16);
  expect([...floats.subarray(120, 124)]).toEqual([0.5, -0.5, 6, 4]);
  adder.addDistance(480, 400, 480, 16);
  expect([...floats.subarray(120, 124)]).toEqual([0.5, 0.25, 10, 7]);
  floats.set([2.5, -1.75, 1, Number.NaN], 140);
  floats.set([1, 1, -2, 1], 144);
  adder.round(640, 560, 576, 400, 16);
  expect([...integers.subarray(160, 164)]).toEqual([1, -1, 6, 0]);
});
