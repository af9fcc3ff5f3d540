/** @file Coalitions along orders, made where they are evaluated, against the same coalitions sent as masks. */
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { block, gameOf, largestGap } from "../../test/helpers/block-game.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { conv, dense, head, relu } from "../../test/helpers/networks.ts";
import { noise, turns } from "../../test/helpers/tiny-classifier.ts";
import { datasetFromArrays, openDataset } from "../datasets/index.ts";
import type { Game, Walks } from "../games/game.ts";
import { rowsAlong, rowsOfWalks } from "../games/walks.ts";
import { below, randomOrder, stream } from "../math/random.ts";
import { readModelFile } from "../onnx/read.ts";
import type { Cutting } from "./cut-rows.ts";
import { cutWalks, rowsOfPiece } from "./cut-walks.ts";
import type { Job } from "./jobs.ts";
import { type Runner, startRunner } from "./runner.ts";

let one: Runner;
let two: Runner;
beforeAll(async () => {
  [one, two] = [await startRunner({ workers: 1 }), await startRunner({ workers: 2 })];
});
afterAll(() => Promise.all([one.close(), two.close()]));

type WalkJob = Extract<Job, { readonly kind: "walks" }>;

interface Watched {
  readonly runner: Runner;
  readonly jobs: readonly WalkJob[];
  readonly kinds: ReadonlySet<Job["kind"]>;
}

/** The runner, the jobs it was given for walks, and the kinds of all. */
function watched(runner: Runner): Watched {
  const jobs: WalkJob[] = [];
  const kinds = new Set<Job["kind"]>();
  const run: Runner["pool"]["run"] = (job: Job, options) => {
    kinds.add(job.kind);
    if (job.kind === "walks") jobs.push(job);
    return runner.pool.run(job, options);
  };
  return { runner: { ...runner, pool: { ...runner.pool, run } }, jobs, kinds };
}

/** Walks of random orders between random sizes; some orders name their last players only as far as they join. */
function randomWalks(players: number, examples: readonly number[], seed: number): Walks {
  const random = stream(seed, 0);
  const walks = {
    orders: new Uint32Array(examples.length * players),
    from: new Uint32Array(examples.length),
    to: new Uint32Array(examples.length),
    examples: Uint32Array.from(examples),
  };
  examples.forEach((_, k) => {
    const ends = [below(players + 1, random), below(players + 1, random)];
    const isWhole = k % 3 === 0;
    walks.from[k] = isWhole ? 0 : Math.min(...ends);
    walks.to[k] = isWhole ? players : Math.max(...ends);
    const order = randomOrder(players, random);
    walks.orders.set(k % 2 === 0 ? order : order.fill(0, walks.to[k]!), k * players);
  });
  return walks;
}

async function expectSame(game: Game, walks: Walks, reference: Game = game): Promise<void> {
  const { masks, examples } = rowsAlong(walks, game.players);
  const [got, wanted] = [await game.walks!(walks), await reference.values(masks, examples)];
  expect(got).toHaveLength(rowsOfWalks(walks));
  expect(Math.max(...wanted) - Math.min(...wanted)).toBeGreaterThan(1e-3);
  expect(largestGap(got, wanted)).toBeLessThan(2e-6);
}

const images = datasetFromArrays({ inputs: noise([6, 3, 8, 8]), labels: turns(6) });
const someExamples = [3, 3, 3, 0, 5, 5, 3, 1, 2, 2, 4, 4, 4, 4, 0];

describe.each(["plain", "shortcut and norm", "two readers"] as const)(
  "a block of convolutions: %s",
  (form) => {
    test.each(["added", "rows"] as const)(
      "walks give what masks give where a game is played by %s",
      async (method) => {
        const { runner, jobs } = watched(two);
        const memory = method === "rows" ? 90_000 : undefined;
        const game = await gameOf(block(form), images, ["inner"], runner, { memory });
        const plain = await gameOf(block(form), images, ["inner"], two, { memory: 90_000 });
        expect([game.method, plain.method]).toEqual([method, "rows"]);
        await expectSame(game, randomWalks(game.players, someExamples, 1), plain);
        const adding = new Set(jobs.map(({ effects }) => effects !== undefined));
        expect(adding.has(true)).toBe(method === "added");
      },
    );

    test("one worker and two give the same bytes, in calls that overlap", async () => {
      const [alone, both] = [
        await gameOf(block(form), images, ["inner"], one),
        await gameOf(block(form), images, ["inner"], two),
      ];
      const calls = [2, 3, 4].map((seed) => randomWalks(alone.players, someExamples, seed));
      const answers = (game: Game) => Promise.all(calls.map((walks) => game.walks!(walks)));
      expect(await answers(alone)).toEqual(await answers(both));
    });
  },
);

test("a ceiling on memory changes no byte", async () => {
  const many = datasetFromArrays({ inputs: noise([80, 3, 8, 8]), labels: turns(80) });
  const wide = await gameOf(block("plain"), many, ["inner"], two);
  const visits = Array.from({ length: 240 }, (_, k) => (37 * (k >> 1)) % 80);
  const walks = randomWalks(wide.players, visits, 9);
  const wanted = await wide.walks!(walks);
  for (const runner of [one, two]) {
    const narrow = await gameOf(block("plain"), many, ["inner"], runner, { memory: 6e6 }); // effects on all take 9e6
    expect(narrow.method).toBe("added");
    const calls = await Promise.all([narrow.walks!(walks), narrow.walks!(walks)]);
    for (const got of calls) expect(largestGap(got, wanted)).toBe(0);
  }
});

test("effects that a thread had at hand give way to those it computes", async () => {
  const game = await gameOf(block("plain"), images, ["inner"], one);
  await game.walks!(randomWalks(game.players, [0], 1)); // those on example 0 are at hand now, …
  await expectSame(game, randomWalks(game.players, [0, 1], 2)); // … when those on 1 are made
});

test("walks longer than a run go on where the run before ended", async () => {
  const g = graphBuilder();
  const inner = relu(g, conv(g, g.input("x", ["N", 3, 16, 16]), "inner", 3, 50));
  head(g, relu(g, conv(g, inner, "outer", 50, 64)), 64);
  const dataset = datasetFromArrays({ inputs: noise([3, 3, 16, 16]), labels: turns(3) });
  const { runner, jobs } = watched(two);
  const game = await gameOf(g.build(), dataset, ["inner"], runner);
  expect(game.method).toBe("added");
  await expectSame(game, randomWalks(game.players, [0, 0, 2, 1, 1, 1], 5));
  expect(Math.max(...jobs.map(({ runs }) => runs.length))).toBeGreaterThan(1);
  expect(jobs.reduce((sum, { size }) => sum + size.walks, 0)).toBeGreaterThan(6);
});

test("several groups are played along one order of all their channels", async () => {
  const g = graphBuilder();
  const first = relu(g, conv(g, g.input("x", ["N", 3, 8, 8]), "first", 3, 12));
  const second = relu(g, conv(g, first, "second", 12, 10));
  head(g, second, 10);
  for (const [method, memory] of [
    ["added", undefined],
    ["rows", 60_000],
  ] as const) {
    const game = await gameOf(g.build(), images, ["first", "second"], two, { memory });
    expect([game.players, game.method]).toEqual([22, method]);
    await expectSame(game, randomWalks(22, someExamples, 6));
  }
});

test("a single player, and walks of one coalition", async () => {
  const g = graphBuilder();
  const layer = relu(g, dense(g, g.input("x", ["N", 3]), "layer", 3, 1));
  g.output(dense(g, layer, "out", 1, 2), ["N", 2]);
  const dataset = datasetFromArrays({ inputs: noise([6, 3]), labels: turns(6) });
  const game = await gameOf(g.build(), dataset, ["layer"], two);
  const walks = {
    orders: new Uint32Array(3),
    from: Uint32Array.of(0, 1, 0),
    to: Uint32Array.of(0, 1, 1),
    examples: Uint32Array.of(4, 4, 2),
  };
  const { masks, examples } = rowsAlong(walks, 1);
  expect([...masks]).toEqual([0, 1, 0, 1]);
  expect(largestGap(await game.walks!(walks), await game.values(masks, examples))).toBeLessThan(1e-6);
});

test("what is no number is told, and leaves other examples alone", async () => {
  const inputs = noise([2, 3, 8, 8]);
  (inputs.data as Float32Array).fill(3e38, 0, 40); // finite, but not what is computed from it
  const game = await gameOf(block("plain"), datasetFromArrays({ inputs, labels: turns(2) }), ["inner"], one);
  const onExample = (example: number) => game.walks!(randomWalks(game.players, [example], 1));
  await expect(onExample(0)).rejects.toMatchObject({ code: "output-not-finite" });
  expect((await onExample(1)).every(Number.isFinite)).toBe(true);
});

const assets = join(import.meta.dirname, "../../assets");

describe("LeNet-5, in long calls", () => {
  test.each(["c3", "f5"])("walks behind %s give what masks give", async (group) => {
    const digits = await openDataset(join(assets, "mnist-rank-images.idx3-ubyte.gz"), {
      pixelScale: 255,
      limit: 40,
    });
    const model = await readModelFile(join(assets, "lenet5-mnist.onnx"));
    const { runner, jobs } = watched(two);
    const game = await gameOf(model, digits, [group], runner);
    const plain = await gameOf(model, digits, [group], two, { memory: group === "c3" ? 250_000 : 40_000 });
    expect([game.method, plain.method]).toEqual(["added", "rows"]);
    expect(game.rowsPerCall).toBeGreaterThan(2048);
    const examples = Array.from({ length: 300 }, (_, k) => (7 * (k >> 1)) % 40);
    const walks = randomWalks(game.players, examples, 8);
    const { masks, examples: rowExamples } = rowsAlong(walks, game.players);
    expect(largestGap(await game.walks!(walks), await plain.values(masks, rowExamples))).toBeLessThan(2e-5);
    expect(jobs.length).toBeGreaterThan(1);
  });
});

test.each([
  ["c3", true],
  ["f5", false],
])("masks behind %s of LeNet-5, row after row on one example: added up %s", async (group, isAdded) => {
  const digits = await openDataset(join(assets, "mnist-rank-images.idx3-ubyte.gz"), {
    pixelScale: 255,
    limit: 2,
  });
  const { runner, kinds } = watched(two);
  const game = await gameOf(await readModelFile(join(assets, "lenet5-mnist.onnx")), digits, [group], runner);
  expect(game.method).toBe("added");
  await expectSame(game, randomWalks(game.players, new Array<number>(30).fill(1), 3));
  expect(kinds.has("walks")).toBe(true);
  expect([kinds.has("added"), kinds.has("rows")]).toEqual([isAdded, !isAdded]); // looking for what changed must pay
});

describe("cutting", () => {
  const walkLists = fc.array(fc.tuple(fc.nat(3), fc.nat(9), fc.nat(30)), { maxLength: 15 });
  const limits = fc.record({
    rows: fc.integer({ min: 1, max: 20 }),
    fewest: fc.integer({ min: 1, max: 20 }),
    runs: fc.integer({ min: 1, max: 4 }),
    examples: fc.integer({ min: 1, max: 3 }),
    walksPerJob: fc.integer({ min: 1, max: 5 }),
  });

  test("takes every row once, within what runs and jobs may hold", () => {
    fc.assert(
      fc.property(walkLists, limits, (list, { rows, fewest, runs, examples, walksPerJob }) => {
        const walks: Walks = {
          orders: new Uint32Array(0),
          from: Uint32Array.from(list, ([, from]) => from),
          to: Uint32Array.from(list, ([, from, more]) => from + more),
          examples: Uint32Array.from(list, ([example]) => example),
        };
        const cutting: Cutting = {
          rows,
          added: { fewestWalked: fewest, fewestMasked: 1, rows: 25, examples, runs },
          walksPerJob,
        };
        const taken: number[] = [];
        for (const { kind, pieces, runs: counts } of cutWalks(walks, cutting)) {
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(pieces.length);
          expect(pieces.length).toBeLessThanOrEqual(walksPerJob);
          expect(counts.length).toBeLessThanOrEqual(kind === "rows" ? 1 : runs);
          for (const { walk, from, to, row } of pieces) {
            const first = rowsOfWalks({ from: walks.from.slice(0, walk), to: walks.to.slice(0, walk) });
            expect(row).toBe(first + from - walks.from[walk]!);
            for (let size = from; size <= to; size++) taken.push(row + size - from);
          }
          let at = 0;
          for (const count of counts) {
            const own = pieces.slice(at, at + count);
            const size = own.reduce((sum, piece) => sum + rowsOfPiece(piece), 0);
            expect(size).toBeLessThanOrEqual(kind === "rows" ? rows : 25);
            const different = new Set(own.map(({ walk }) => walks.examples[walk]));
            if (kind === "added") expect(different.size).toBeLessThanOrEqual(examples);
            at += count;
          }
        }
        expect(taken.toSorted((a, b) => a - b)).toEqual(
          Array.from({ length: rowsOfWalks(walks) }, (_, row) => row),
        );
      }),
    );
  });

  test("adds up where an example has enough rows, over its walks together", () => {
    const walks = {
      orders: new Uint32Array(0),
      from: Uint32Array.of(0, 0, 0),
      to: Uint32Array.of(5, 5, 5),
      examples: Uint32Array.of(1, 1, 2),
    };
    const kinds = cutWalks(walks, {
      rows: 50,
      added: { fewestWalked: 12, fewestMasked: 1, rows: 50, examples: 9, runs: 1 },
      walksPerJob: 9,
    }).map(({ kind, pieces }) => [kind, pieces.map(({ walk }) => walk)]);
    expect(kinds).toEqual([
      ["added", [0, 1]],
      ["rows", [2]],
    ]);
  });
});
