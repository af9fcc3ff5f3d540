/** @file Games with room for few examples against games with room for all: the same bytes, whatever is computed again. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { graphBuilder } from "../../test/helpers/build.ts";
import { ceilingForms, ceilingNetwork, scatteredRows } from "../../test/helpers/ceilings.ts";
import { batchNorm, conv, dense, head, relu } from "../../test/helpers/networks.ts";
import { noise, turns } from "../../test/helpers/tiny-classifier.ts";
import { analyzeChannels } from "../channels/groups.ts";
import { datasetFromArrays, fitToInputs } from "../datasets/index.ts";
import { type Estimate, estimators } from "../estimators/index.ts";
import { decodeSums } from "../estimators/state.ts";
import type { Model } from "../graph/model.ts";
import { stream, uniform } from "../math/random.ts";
import type { Job } from "./jobs.ts";
import { type NetworkGame, networkGame } from "./network-game.ts";
import { places } from "./places.ts";
import { blockOf } from "./prefix-blocks.ts";
import { type Runner, startRunner } from "./runner.ts";
import { cutTail } from "./tail.ts";
import { preparePayoff } from "./targets.ts";

let one: Runner;
let two: Runner;
beforeAll(async () => {
  [one, two] = [await startRunner({ workers: 1 }), await startRunner({ workers: 2 })];
});
afterAll(() => Promise.all([one.close(), two.close()]));

const size = 2200;
const images = datasetFromArrays({ inputs: noise([size, 3, 16, 16]), labels: turns(size) });

async function gameOf(model: Model, runner: Runner, memory?: number): Promise<NetworkGame> {
  const analysis = analyzeChannels(model);
  const dataset = fitToInputs(images, analysis.model.graph.inputs);
  const payoff = await preparePayoff(analysis, dataset, runner);
  const group = analysis.groups.findIndex(({ id }) => id === "inner");
  return networkGame({ analysis, groups: [group], dataset, payoff, runner, memory });
}

/** Whether two runs gave the same; arrays of thousands of numbers are no use in a message. */
function areEqual(a: readonly Float64Array[], b: readonly Float64Array[]): boolean {
  return a.length === b.length && a.every((own, k) => own.every((value, row) => value === b[k]![row]));
}

const rowsOn = (players: number, seed: number) => scatteredRows(size, players, seed);

/** Bytes of the activations of one example, and the least memory a game by rows can do with, as its refusal tells. */
async function bytesFor(model: Model): Promise<{ readonly entry: number; readonly least: number }> {
  const refused = await gameOf(model, one, 1).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "activations-too-large", data: { available: 1 } });
  const { needed, examples } = (refused as { data: { needed: number; examples: number } }).data;
  return { entry: needed / examples, least: needed };
}

describe.each(ceilingForms)("a network with a %s", (form) => {
  test("gives the same bytes with any ceiling and for any number of workers", async () => {
    const model = ceilingNetwork(form);
    const whole = await gameOf(model, two);
    expect(whole.kept).toBe(size);
    const calls = [1, 2, 3].map((seed) => rowsOn(whole.players, seed));
    const payoffs = (game: NetworkGame) =>
      Promise.all(calls.map(([masks, examples]) => game.values(masks, examples)));
    const wanted = await payoffs(whole);
    const { entry } = await bytesFor(model);
    const ceilings = [
      [one, 0.8],
      [two, 0.8],
      [two, 0.95],
    ] as const;
    for (const [runner, share] of ceilings) {
      const narrow = await gameOf(model, runner, Math.floor(share * size * entry));
      expect(narrow.method).toBe(whole.method);
      expect(narrow.kept).toBeLessThan(size);
      expect(areEqual(await payoffs(narrow), wanted)).toBe(true);
      expect(areEqual(await payoffs(narrow), wanted)).toBe(true);
    }
  });
});

test("with room for one job and no more, jobs wait for each other", async () => {
  const model = ceilingNetwork("late");
  const { least } = await bytesFor(model);
  const narrow = await gameOf(model, two, least);
  expect(narrow.kept).toBeLessThan(size / 2);
  expect(narrow.method).toBe("rows");
  const [masks, examples] = rowsOn(narrow.players, 4);
  const [a, b] = await Promise.all([narrow.values(masks, examples), narrow.values(masks, examples)]);
  expect(areEqual([a], [b])).toBe(true);
  expect(a.every(Number.isFinite)).toBe(true);
  expect(narrow.recomputedShare()).toBe(0); // fewer than there are examples
  for (const seed of [5, 6, 7, 8]) await narrow.values(...rowsOn(narrow.players, seed));
  expect(narrow.recomputedShare()).toBeGreaterThan(0);
  await expect(gameOf(model, two, least - 1)).rejects.toMatchObject({ code: "activations-too-large" });
});

test("a run that is interrupted and taken up again ends in the same bytes", async () => {
  const model = ceilingNetwork("late");
  const { entry } = await bytesFor(model);
  const wide = await gameOf(model, two);
  const options = { seed: 4, budget: { rows: 20_000 } };
  let wanted: Estimate | undefined;
  for await (const estimate of estimators.permutation.run(wide, options)) wanted = estimate;
  const narrow = await gameOf(model, two, 0.7 * size * entry);
  const abort = new AbortController();
  let state: ReturnType<Estimate["state"]> | undefined;
  const left = (async () => {
    for await (const estimate of estimators.permutation.run(narrow, { ...options, signal: abort.signal })) {
      state = estimate.state();
      if (estimate.rows > 5000) abort.abort(new Error("enough"));
    }
  })();
  await expect(left).rejects.toThrow("enough");
  let last: Estimate | undefined;
  for await (const estimate of estimators.permutation.run(narrow, { ...options, resume: state }))
    last = estimate;
  expect(last!.values).toEqual(wanted!.values);
  expect(decodeSums(last!.state().sums)).toEqual(decodeSums(wanted!.state().sums));
});

test.each([
  ["with room for some examples", 2],
  ["with room for all", undefined],
] as const)("a failure leaves places as they were, %s", async (_, batches) => {
  const model = ceilingNetwork("late");
  let failing = false;
  const pool: Runner["pool"] = {
    ...two.pool,
    run(job: Job, options) {
      if (job.kind !== "fill" || !failing) return two.pool.run(job, options);
      options?.onDone?.();
      return Promise.reject(new Error("no data"));
    },
  };
  const memory = batches && batches * (await bytesFor(model)).least;
  const game = await gameOf(model, { ...two, pool }, memory);
  expect(game.kept < size).toBe(memory !== undefined);
  const [masks, examples] = rowsOn(game.players, 5);
  failing = true;
  await expect(game.values(masks, examples)).rejects.toThrow("no data");
  failing = false;
  const wanted = await (await gameOf(model, two)).values(masks, examples);
  expect(areEqual([await game.values(masks, examples)], [wanted])).toBe(true);
});

test("calls that are broken off leave no trace in those that follow", async () => {
  const model = ceilingNetwork("shortcut");
  const game = await gameOf(model, two);
  const calls = [1, 2, 3, 4].map((seed) => rowsOn(game.players, seed));
  const wanted = await Promise.all(calls.map(([masks, examples]) => game.values(masks, examples)));
  for (let round = 0; round < 5; round++) {
    const stop = new AbortController();
    const broken = calls.map(([masks, examples]) => game.values(masks, examples, { signal: stop.signal }));
    setTimeout(() => stop.abort(new Error("enough")), 2 * round);
    const outcomes = Promise.allSettled(broken);
    const after = await Promise.all(calls.map(([masks, examples]) => game.values(masks, examples)));
    expect(areEqual(after, wanted)).toBe(true);
    for (const [k, outcome] of (await outcomes).entries())
      if (outcome.status === "fulfilled") expect(areEqual([outcome.value], [wanted[k]!])).toBe(true);
  }
});

describe("games that start from what others keep", () => {
  const many = 1500;

  /** Blocks with shortcuts; the groups inside them are players one after the other. */
  function blocks(): Model {
    const g = graphBuilder();
    const x = g.input("x", ["N", 3, 12, 12]);
    let stream = relu(g, conv(g, x, "stem", 3, 8));
    for (const name of ["a", "b", "c"]) {
      const inner = relu(g, conv(g, stream, name, 8, 10));
      stream = relu(
        g,
        g.node("Add", [batchNorm(g, conv(g, inner, `${name}.out`, 10, 8), `${name}.norm`, 8), stream]),
      );
    }
    head(g, stream, 8);
    return g.build();
  }

  async function chainOf(runner: Runner, memory?: number): Promise<NetworkGame[]> {
    const analysis = analyzeChannels(blocks());
    const arrays = datasetFromArrays({ inputs: noise([many, 3, 12, 12]), labels: turns(many) });
    const dataset = fitToInputs(arrays, analysis.model.graph.inputs);
    const payoff = await preparePayoff(analysis, dataset, runner);
    const games: NetworkGame[] = [];
    for (const name of ["a", "b", "c"]) {
      const groups = [analysis.groups.findIndex(({ id }) => id === name)];
      const upstream = games.map(({ activations }) => activations).reverse();
      games.push(
        await networkGame({ analysis, groups, dataset, payoff, runner, memory, games: 3, upstream }),
      );
    }
    return games;
  }

  const rows = (players: number): readonly [Uint8Array, Uint32Array] => {
    const [masks, examples] = rowsOn(players, 3);
    return [masks, examples.map((example) => example % many)];
  };

  test("run the network from there on only", async () => {
    const [first, second, third] = (await chainOf(one)) as [NetworkGame, NetworkGame, NetworkGame];
    expect(third.activations.exampleMacs).toBe(second.activations.exampleMacs);
    await third.values(...rows(third.players)); // asks the others for what it starts from
    expect(second.activations.computed()).toBeGreaterThanOrEqual(third.activations.computed());
    expect(first.activations.computed()).toBeGreaterThanOrEqual(second.activations.computed());
  });

  test("value coalitions as games do that start from the inputs", async () => {
    const analysis = analyzeChannels(blocks());
    const arrays = datasetFromArrays({ inputs: noise([many, 3, 12, 12]), labels: turns(many) });
    const dataset = fitToInputs(arrays, analysis.model.graph.inputs);
    const payoff = await preparePayoff(analysis, dataset, two);
    for (const [k, game] of (await chainOf(two)).entries()) {
      const groups = [analysis.groups.findIndex(({ id }) => id === "abc"[k])];
      const alone = await networkGame({ analysis, groups, dataset, payoff, runner: two });
      const [masks, examples] = rows(game.players);
      const [values, wanted] = [await game.values(masks, examples), await alone.values(masks, examples)];
      const most = Math.max(...values.map((value, row) => Math.abs(value - wanted[row]!)));
      expect(most).toBeLessThan(1e-4);
    }
  });

  test("give the same bytes with little memory and for any number of workers", async () => {
    const valuesOf = async (games: readonly NetworkGame[]) =>
      Promise.all(games.map((game) => game.values(...rows(game.players))));
    const wide = await chainOf(two);
    const wanted = await valuesOf(wide);
    expect(areEqual(await valuesOf(await chainOf(one)), wanted)).toBe(true);
    const narrow = await chainOf(two, 3 * 1.1e7);
    expect(narrow.map(({ method }) => method)).toEqual(wide.map(({ method }) => method));
    expect(Math.max(...narrow.map(({ kept }) => kept))).toBeLessThan(many);
    expect(areEqual(await valuesOf(narrow), wanted)).toBe(true);
    expect(areEqual(await valuesOf(narrow), wanted)).toBe(true);
  });
});

describe("places", () => {
  test("never give one place to two keys that are held", async () => {
    const steps = fc.array(fc.tuple(fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 4 }), fc.nat(3)), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (wanted) => {
        const room = places(4);
        const content = new Map<number, number>();
        const open: (() => void)[] = [];
        const all = wanted.map(async ([keys, patience]) => {
          const hold = await room.hold(new Set(keys));
          for (const key of hold.fresh) content.set(hold.placeOf(key)!, key);
          for (const key of keys) expect(content.get(hold.placeOf(key)!)).toBe(key);
          for (let k = 0; k < patience; k++) await Promise.resolve();
          for (const key of keys) expect(content.get(hold.placeOf(key)!)).toBe(key);
          open.push(hold.release);
          hold.release();
        });
        await Promise.all(all);
        for (const release of open) release(); // a second time changes nothing
        const last = await room.hold(new Set([0, 1, 2, 3]));
        expect(new Set([0, 1, 2, 3].map((key) => last.placeOf(key))).size).toBe(4);
      }),
    );
  });

  test("keep most of what epochs in random order come back to", async () => {
    const room = places(50);
    let fresh = 0;
    const random = stream(3, 0);
    for (let epoch = 0; epoch < 20; epoch++) {
      const order = Array.from({ length: 100 }, (_, key) => ({ key, at: uniform(random) }));
      for (const { key } of order.sort((a, b) => a.at - b.at)) {
        const hold = await room.hold(new Set([key]));
        if (epoch > 0) fresh += hold.fresh.length;
        hold.release();
      }
    }
    expect(fresh / 1900).toBeLessThan(0.55); // half of the keys have no place
  });

  test("refuse more keys than they are", async () => {
    await expect(places(2).hold(new Set([1, 2, 3]))).rejects.toThrow(RangeError);
  });
});

test("blocks are small for convolutions and large for what has little to do or many weights", () => {
  const deep = analyzeChannels(ceilingNetwork("late"));
  const prefix = (id: string, from: typeof deep) =>
    cutTail(from, [from.groups.findIndex((group) => group.id === id)], from.model.graph.outputs[0]!.name)
      .prefix!;
  const small = blockOf(prefix("inner", deep));
  const g = graphBuilder();
  const wide = relu(g, dense(g, g.input("x", ["N", 2000]), "wide", 2000, 2000));
  g.output(dense(g, relu(g, dense(g, wide, "next", 2000, 50)), "last", 50, 4), ["N", 4]);
  expect(blockOf(prefix("next", analyzeChannels(g.build())))).toBe(8);
  expect(small).toBeLessThanOrEqual(8);
});
