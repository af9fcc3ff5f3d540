/** @file Games whose activations are kept in float16, against the same games in float32. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { architectures } from "../../test/helpers/architectures/index.ts";
import { graphBuilder } from "../../test/helpers/build.ts";
import { ceilingForms, ceilingNetwork, scatteredRows } from "../../test/helpers/ceilings.ts";
import { conv, dense, head, networks, relu } from "../../test/helpers/networks.ts";
import { freeGroups } from "../../test/helpers/random-plan.ts";
import { randomFeeds } from "../../test/helpers/slicing-property.ts";
import { noise, turns } from "../../test/helpers/tiny-classifier.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import { type Dataset, datasetFromArrays, fitToInputs } from "../datasets/index.ts";
import { writePrefixes } from "../games/coalitions.ts";
import { wholeGame } from "../games/whole-game.ts";
import type { Model } from "../graph/model.ts";
import { randomOrder, stream } from "../math/random.ts";
import { fillTable } from "../oracle/index.ts";
import { openBatch } from "../passes/open-batch.ts";
import { fromNumbers, tensor, toNumbers } from "../tensor/tensor.ts";
import { entryOf } from "./chunks.ts";
import type { Job } from "./jobs.ts";
import { type NetworkGame, type NetworkGameOptions, networkGame } from "./network-game.ts";
import { type Runner, startRunner } from "./runner.ts";
import { preparePayoff } from "./targets.ts";
import { wholeNetworkGame } from "./whole-network-game.ts";

let one: Runner;
let two: Runner;
beforeAll(async () => {
  [one, two] = [await startRunner({ workers: 1 }), await startRunner({ workers: 2 })];
});
afterAll(() => Promise.all([one.close(), two.close()]));

const float16 = { activations: "float16" } as const;

type Setting = Omit<NetworkGameOptions, "activations">;

async function settingOf(model: Model, dataset: Dataset, group: string, runner = two): Promise<Setting> {
  const analysis = analyzeChannels(openBatch(model));
  const bound = fitToInputs(dataset, analysis.model.graph.inputs);
  const payoff = await preparePayoff(analysis, bound, runner);
  const index = analysis.groups.findIndex(({ id }) => id === group);
  expect(index, group).toBeGreaterThanOrEqual(0);
  return { analysis, groups: [index], dataset: bound, payoff, runner };
}

/** A random order and its reverse on each example: rows that are evaluated by adding effects where a game does so. */
function walksOn(examples: readonly number[], players: number): readonly [Uint8Array, Uint32Array] {
  const each = 2 * (players + 1);
  const masks = new Uint8Array(examples.length * each * players);
  examples.forEach((_, k) => {
    const order = randomOrder(players, stream(2, k));
    writePrefixes(order, 0, players, masks, k * each);
    writePrefixes(order.toReversed(), 0, players, masks, k * each + players + 1);
  });
  const rows = Uint32Array.from({ length: each * examples.length }, (_, row) => {
    return examples[Math.floor(row / each)]!;
  });
  return [masks, rows];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, k) => k);

function rootMeanSquare(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0) / values.length);
}

/** The difference of two games over the spread of the first one's payoffs; what single precision cannot tell is none. */
function differenceOf(a: Float64Array, b: Float64Array): number {
  const mean = a.reduce((sum, value) => sum + value, 0) / a.length;
  const difference = rootMeanSquare(a.map((value, k) => value - b[k]!));
  const blur = 1e-6 * Math.max(1, rootMeanSquare(a));
  return Math.max(0, difference - blur) / Math.max(blur, rootMeanSquare(a.map((value) => value - mean)));
}

/** Every kept number is the float16 nearest to what the other game keeps, and everything that is no float32 is the same. */
function expectRounded(game: NetworkGame, exact: NetworkGame, examples: number): void {
  game.activations.values.forEach(({ dtype, rounded, entries }, k) => {
    const wanted = exact.activations.values[k]!;
    for (let example = 0; example < examples; example++) {
      const numbers = entryOf(wanted.entries, example);
      if (rounded === undefined) expect(dtype).toBe(wanted.dtype);
      else expect([rounded, dtype, wanted.dtype]).toEqual([wanted.name, "float16", "float32"]);
      const halves =
        rounded === undefined
          ? numbers
          : fromNumbers("float16", [numbers.length], numbers as Float32Array).data;
      expect(entryOf(entries, example).slice()).toEqual(halves.slice());
    }
  });
}

/** Groups that a game can be made of, with what it is played on. */
function gamesOf(build: () => Model): { readonly analysis: ChannelAnalysis; readonly dataset: Dataset } {
  const model = openBatch(build());
  const analysis = analyzeChannels(model);
  const inputs = randomFeeds(model, stream(4, 0));
  return { analysis, dataset: fitToInputs(datasetFromArrays({ inputs }), analysis.model.graph.inputs) };
}

const whole = ["residual", "vision transformers", "language models", "recurrent", "rotary positions"];
/** Their branches and outputs leave no game, in float32 as little as here. */
const unplayable = ["WaveNet", "CLIP", "decoder with a cache"];
const known = [...networks, ...whole.flatMap((family) => architectures[family]!)];
const playable = known.filter(({ name, build }) => {
  const { inputs } = build().graph;
  return !unplayable.includes(name) && inputs.every(({ dtype }) => dtype !== "bool");
});

/** Root mean square difference of payoffs, as a share of their spread over coalitions and examples. */
const band = 0.03;

describe("payoffs stay near those in float32", () => {
  const seen = { inputs: new Set<number>(), types: new Set<string>(), games: 0 };

  test.each(playable)("$name", async ({ build }) => {
    const { analysis, dataset } = gamesOf(build);
    const payoff = await preparePayoff(analysis, dataset, two, { kind: "agreement" });
    for (const group of freeGroups(analysis).slice(0, 3)) {
      const setting: Setting = {
        analysis,
        groups: [group],
        dataset,
        payoff,
        runner: two,
        gradients: "welcome",
      };
      const exact = await networkGame(setting).catch(() => undefined);
      if (exact === undefined) continue; // a group without a game
      const game = await networkGame({ ...setting, ...float16 });
      expect(game.method).toBe(exact.method);
      const rows = walksOn(upTo(dataset.size), game.players);
      const [values, wanted] = [await game.values(...rows), await exact.values(...rows)];
      expect(differenceOf(wanted, values)).toBeLessThan(band);
      expectRounded(game, exact, dataset.size);
      expect(game.gradients === undefined).toBe(exact.gradients === undefined);
      if (game.gradients !== undefined) {
        const gates = Float32Array.from(rows[0], (bit) => 0.25 + bit / 2);
        const derivatives = await game.gradients.at(gates, rows[1]);
        expect(differenceOf(await exact.gradients!.at(gates, rows[1]), derivatives)).toBeLessThan(band);
      }
      seen.games++;
      seen.inputs.add(game.activations.values.length);
      for (const { dtype } of game.activations.values) seen.types.add(dtype);
      await Promise.all([game.close(), exact.close()]);
    }
  });

  test("with one value at the cut and with several, integers among them", () => {
    expect(seen.games).toBeGreaterThan(100);
    expect(Math.max(...seen.inputs)).toBeGreaterThan(2);
    expect([...seen.types].sort()).toEqual(["float16", "int32", "int64"]);
  });
});

const size = 1500;
const images = datasetFromArrays({ inputs: noise([size, 3, 16, 16]), labels: turns(size) });

const scattered = (players: number, seed: number) => scatteredRows(size, players, seed);

/** Whether two runs gave the same; arrays of thousands of numbers are no use in a message. */
function areEqual(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((value, row) => value === b[row]);
}

/** Bytes that activations of one example take in float32. */
function bytesOf({ activations: { values } }: NetworkGame): number {
  return 4 * values.reduce((sum, { entries }) => sum + entries.size, 0);
}

describe.each(ceilingForms)("a network with a %s", (form) => {
  test("gives the same bytes with any ceiling and for any number of workers", async () => {
    const setting = await settingOf(ceilingNetwork(form), images, "inner");
    const wide = await networkGame({ ...setting, ...float16 });
    expect(wide.kept).toBe(size);
    const rows = scattered(wide.players, 1);
    const wanted = await wide.values(...rows);
    for (const [runner, share] of [
      [one, 0.45],
      [two, 0.45],
      [two, 0.36],
    ] as const) {
      const memory = Math.floor(share * size * bytesOf(wide));
      const narrow = await networkGame({ ...setting, runner, memory, ...float16 });
      expect(narrow.method).toBe(wide.method);
      expect(narrow.kept).toBeLessThan(size);
      expect(areEqual(await narrow.values(...rows), wanted)).toBe(true);
      expect(areEqual(await narrow.values(...rows), wanted)).toBe(true);
      await narrow.close();
    }
    await wide.close();
  });

  test("cuts rows into the same batches as in float32", async () => {
    const batchesOf = async (activations: "float16" | "float32"): Promise<string[]> => {
      const batches: string[] = [];
      const run: Runner["pool"]["run"] = (job: Job, options) => {
        if (job.kind === "rows") batches.push(`${job.rows} rows`);
        if (job.kind === "added") batches.push(`runs of ${job.runs.join(", ")}`);
        return two.pool.run(job, options);
      };
      const setting = await settingOf(ceilingNetwork(form), images, "inner");
      const game = await networkGame({
        ...setting,
        runner: { ...two, pool: { ...two.pool, run } },
        activations,
      });
      await game.values(...scattered(game.players, 2));
      await game.close();
      return batches.sort();
    };
    const batches = await batchesOf("float16");
    expect(batches.length).toBeGreaterThan(1);
    expect(batches).toEqual(await batchesOf("float32"));
  });
});

test("keeps twice as many examples under one ceiling, and does with half of the least memory", async () => {
  const g = graphBuilder();
  const layer = relu(g, dense(g, g.input("x", ["N", 3]), "layer", 3, 16));
  g.output(dense(g, layer, "out", 16, 2), ["N", 2]);
  const dataset = datasetFromArrays({ inputs: noise([6000, 3]), labels: turns(6000) });
  const setting = await settingOf(g.build(), dataset, "layer");
  const entry = 4 * 16;
  const [single, half] = [
    await networkGame({ ...setting, memory: 2400 * entry }),
    await networkGame({ ...setting, memory: 2400 * entry, ...float16 }),
  ];
  expect([single.kept, half.kept]).toEqual([2400, 4800]);
  const neededWith = (how: Partial<NetworkGameOptions>) =>
    networkGame({ ...setting, memory: 1, ...how }).catch((error: unknown) => {
      return (error as { readonly data: { readonly needed: number } }).data.needed;
    });
  expect(await neededWith({})).toBe(2048 * entry);
  expect(await neededWith(float16)).toBe(1024 * entry);
  await Promise.all([single, half].map((game) => game.close()));
});

test("a game that keeps halves starts from the inputs whoever plays beside it, and none starts from halves", async () => {
  const g = graphBuilder();
  let x = g.input("x", ["N", 3, 8, 8]);
  x = relu(g, conv(g, x, "stem", 3, 8));
  for (const name of ["a", "b"])
    x = relu(g, g.node("Add", [conv(g, relu(g, conv(g, x, name, 8, 10)), `${name}.out`, 10, 8), x]));
  head(g, x, 8);
  const model = g.build();
  const dataset = datasetFromArrays({ inputs: noise([60, 3, 8, 8]), labels: turns(60) });
  const firsts = await settingOf(model, dataset, "a");
  const [first, single] = [await networkGame({ ...firsts, ...float16 }), await networkGame(firsts)];
  const upstream = [single.activations, first.activations];
  const setting = await settingOf(model, dataset, "b");
  const [beside, alone] = [
    await networkGame({ ...setting, upstream, ...float16 }),
    await networkGame({ ...setting, ...float16 }),
  ];
  const rows = walksOn(upTo(60), beside.players);
  expect(areEqual(await beside.values(...rows), await alone.values(...rows))).toBe(true);
  expect([first, single].map(({ activations }) => activations.computed())).toEqual([0, 0]);
  const exact = await networkGame({ ...setting, upstream: [first.activations] });
  await exact.values(...rows);
  expect(first.activations.computed()).toBe(0);
  await Promise.all([first, single, beside, alone, exact].map((game) => game.close()));
});

describe("whole coalitions", () => {
  const dataset = datasetFromArrays({ inputs: noise([40, 1, 6, 6]), labels: turns(40) });
  function model(): Model {
    const g = graphBuilder();
    head(g, relu(g, conv(g, relu(g, conv(g, g.input("x", ["N", 1, 6, 6]), "c1", 1, 7)), "c2", 7, 5)), 5);
    return g.build();
  }

  test("are worth what they are row by row, and the same for one worker", async () => {
    const game = await wholeNetworkGame({ ...(await settingOf(model(), dataset, "c1")), ...float16 });
    expect(game.method).toBe("added");
    const table = await fillTable(game);
    const rows = await networkGame({ ...(await settingOf(model(), dataset, "c1")), ...float16 });
    const byRows = await fillTable(wholeGame(rows));
    const exact = await fillTable(await wholeNetworkGame(await settingOf(model(), dataset, "c1")));
    expect(table.values).not.toEqual(exact.values);
    table.values.forEach((value, bits) => {
      expect(Math.abs(value - byRows.values[bits]!)).toBeLessThan(1e-5);
      expect(Math.abs(value - exact.values[bits]!)).toBeLessThan(1e-3);
    });
    const alone = await wholeNetworkGame({ ...(await settingOf(model(), dataset, "c1", one)), ...float16 });
    expect((await fillTable(alone, { concurrency: 1 })).values).toEqual(table.values);
    await Promise.all([game, rows, alone].map(({ close }) => close()));
  });
});

describe("what float16 cannot hold", () => {
  /** The group "layer" puts out its inputs, or their logarithms. */
  function identity(activation: "none" | "Log" = "none"): Model {
    const g = graphBuilder();
    const weight = g.weight([2, 2], [1, 0, 0, 1], { name: "weight" });
    const layer = g.node("MatMul", [g.input("x", ["N", 2]), weight], {}, { name: "layer" });
    g.output(dense(g, activation === "none" ? layer : g.node("Log", [layer]), "out", 2, 2), ["N", 2]);
    return g.build();
  }
  const rowsOf = (values: readonly number[]): Dataset => {
    const inputs = tensor("float32", [values.length / 2, 2], Float32Array.from(values));
    return datasetFromArrays({ inputs, labels: turns(values.length / 2) });
  };

  test.each([
    ["beyond its range", 65_520],
    ["far beyond its range", 3e38],
    ["below its range", -1e5],
  ])("%s: refused with the value, the group and what to do", async (_, largest) => {
    const dataset = rowsOf([1, 2, 3, largest, 5, 6]);
    const setting = await settingOf(identity(), dataset, "layer");
    const name = (await networkGame(setting)).activations.values[0]!.name;
    const expected = {
      code: "activation-overflow",
      data: { value: name, group: "layer", got: Math.fround(largest) },
    };
    const rows = [Uint8Array.from([1, 1]), Uint32Array.from([1])] as const;
    const game = await networkGame({ ...setting, ...float16 });
    await expect(game.values(...rows)).rejects.toMatchObject(expected);
    await expect(game.values(...rows)).rejects.toThrow(/"layer".*65504.*--activations float32/s);
    await expect(wholeNetworkGame({ ...setting, ...float16 })).rejects.toMatchObject(expected);
    const gradients = await networkGame({ ...setting, ...float16, gradients: "needed" });
    await expect(gradients.gradients!.at(Float32Array.from([1, 1]), rows[1])).rejects.toMatchObject(expected);
  });

  test("is refused under a ceiling as well where only a neighbour in the block has it", async () => {
    const values = Array.from({ length: 8000 }, (_, k) => (k === 11 ? 1e6 : k % 7));
    const setting = await settingOf(identity(), rowsOf(values), "layer");
    for (const memory of [undefined, 2200 * 4]) {
      const game = await networkGame({ ...setting, ...float16, memory });
      expect(game.activations.isWhole).toBe(memory === undefined);
      const values = game.values(Uint8Array.from([1, 0]), Uint32Array.from([0]));
      await expect(values).rejects.toMatchObject({ code: "activation-overflow", data: { got: 1e6 } });
    }
  });

  test("the largest numbers, and the smallest, are rounded as usual", async () => {
    const dataset = rowsOf([65_519, -65_504, 6e-8, 2e-8, -7e-6, 0.1, 1e-30, -0]);
    const setting = await settingOf(identity(), dataset, "layer");
    const [game, exact] = [await networkGame({ ...setting, ...float16 }), await networkGame(setting)];
    const rows = [new Uint8Array(8).fill(1), Uint32Array.from(upTo(4))] as const;
    await Promise.all([game.values(...rows), exact.values(...rows)]);
    expectRounded(game, exact, 4);
    const [{ entries }] = game.activations.values as [NetworkGame["activations"]["values"][number]];
    const first = toNumbers({ dtype: "float16", shape: [2], data: entryOf(entries, 0) });
    expect([...first]).toEqual([65_504, -65_504]);
  });

  test("infinities of the network itself stay what they are", async () => {
    const g = graphBuilder();
    const layer = dense(g, g.input("x", ["N", 2]), "layer", 2, 3);
    const open = g.node("Log", [g.input("open", ["N", 2])]); // as masks of attention have it
    const scores = g.node("Add", [dense(g, layer, "out", 3, 2), open]);
    g.output(g.node("Softmax", [scores], { axis: -1 }), ["N", 2]);
    const inputs = {
      x: noise([2, 2]),
      open: tensor("float32", [2, 2], Float32Array.from([1, 0, 0.5, 0.25])),
    };
    const setting = await settingOf(g.build(), datasetFromArrays({ inputs, labels: turns(2) }), "layer");
    const [game, exact] = [await networkGame({ ...setting, ...float16 }), await networkGame(setting)];
    const rows = [Uint8Array.from([1, 1, 0, 1, 0, 1]), Uint32Array.from([0, 1])] as const;
    const [values, wanted] = [await game.values(...rows), await exact.values(...rows)];
    expect(differenceOf(wanted, values)).toBeLessThan(band);
    expectRounded(game, exact, 2);
    const kept = game.activations.values.flatMap(({ entries }) => [...entryOf(entries, 0)]);
    expect(kept).toContain(0xfc00); // minus infinity
  });

  test("what is no number is found where it is found in float32", async () => {
    const setting = await settingOf(identity("Log"), rowsOf([1, 2, -1, 3]), "layer");
    const game = await networkGame({ ...setting, ...float16 });
    const all = Uint8Array.from([1, 1]);
    await expect(game.values(all, Uint32Array.from([1]))).rejects.toMatchObject({
      code: "output-not-finite",
    });
    await expect(game.values(all, Uint32Array.from([0]))).resolves.toHaveLength(1);
  });
});
