/** @file Tables, oracle sets, the order and the scores, on games whose answers are known or can be tried out. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { maskFromBits } from "../games/coalitions.ts";
import type { Game } from "../games/game.ts";
import { maxModelGame } from "../games/max-model.ts";
import {
  additiveGame,
  airportGame,
  gameOf,
  gloveGame,
  interactionGame,
  noisyGame,
  randomInteractionGame,
} from "../games/toy-games.ts";
import { type WholeGame, wholeGame } from "../games/whole-game.ts";
import { randomOrder, stream } from "../math/random.ts";
import { mean, sum } from "../math/sums.ts";
import {
  bitCount,
  type CoalitionTable,
  chunkSize,
  estimateFrom,
  fillTable,
  judge,
  membersOf,
  nestingOf,
  oracleOrder,
  oracleSets,
  overlapOf,
  randomScore,
  shareAmongFirst,
} from "./index.ts";

const tableOf = (game: Game) => fillTable(wholeGame(game));

/** A table with the given worths, one for each coalition. */
const tableWith = (values: readonly number[]): CoalitionTable => ({
  players: Math.log2(values.length),
  examples: 1,
  values: Float64Array.from(values),
});

const anyTable = (players: { min: number; max: number }) =>
  fc
    .integer(players)
    .chain((n) => fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 2 ** n, maxLength: 2 ** n }))
    .map(tableWith);

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((one) => one !== item)).map((rest) => [item, ...rest]),
  );
}

describe("the table", () => {
  test("holds the mean over examples of every coalition", async () => {
    const game = noisyGame(6, 7, 3);
    const { values } = await tableOf(game);
    for (let bits = 0; bits < 64; bits++) {
      const rows = new Uint8Array(7 * 6);
      for (let row = 0; row < 7; row++) rows.set(maskFromBits(bits, 6), row * 6);
      const direct = await game.values(
        rows,
        Uint32Array.from({ length: 7 }, (_, e) => e),
      );
      expect(values[bits]).toBe(sum(direct) / 7);
    }
  });

  test("leaves silent players out of the trials, and no digit changes", async () => {
    const game = wholeGame(
      interactionGame(7, [
        { members: [0, 2], worth: 1.1 },
        { members: [5], worth: 0.3 },
      ]),
    );
    let asked = 0;
    const counting: WholeGame = {
      ...game,
      silent: [1, 3, 4, 6],
      means: (masks, options) => {
        asked += masks.length / 7;
        return game.means(masks, options);
      },
    };
    expect(await fillTable(counting)).toEqual(await fillTable(game));
    expect(asked).toBe(2 ** 3);
  });

  test("is the same for any number of chunks under way, and tells how far it is", async () => {
    const game = wholeGame(randomInteractionGame(10, 4));
    const many: WholeGame = { ...game, examples: 2 ** 14 }; // small chunks
    const seen: number[] = [];
    const one = await fillTable(many, { concurrency: 1, onProgress: (done) => seen.push(done) });
    const six = await fillTable(many, { concurrency: 6 });
    expect(six).toEqual(one);
    expect(chunkSize(2 ** 14)).toBe(64);
    expect(seen).toEqual(Array.from({ length: 17 }, (_, k) => 64 * k));
  });

  test("stops at a signal, and refuses what is too large or not finite", async () => {
    const control = new AbortController();
    control.abort(new Error("enough"));
    await expect(fillTable(wholeGame(additiveGame([1, 2])), { signal: control.signal })).rejects.toThrow(
      "enough",
    );
    await expect(tableOf(additiveGame(new Array(25).fill(1)))).rejects.toMatchObject({
      code: "too-many-coalitions",
    });
    await expect(tableOf(gameOf(2, 1, () => Number.NaN))).rejects.toMatchObject({ code: "game-invalid" });
  });

  test("bits are counted and listed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 24 - 1 }), (bits) => {
        expect(bitCount(bits)).toBe(membersOf(bits, 24).length);
      }),
    );
  });
});

describe("Shapley values from the table (papers, A1)", () => {
  test.each([
    ["noisy", noisyGame(6, 5, 8)],
    ["airport", airportGame([1, 2, 2, 5, 9])],
    ["glove", gloveGame(4)],
  ] as const)("%s: efficient, and as known", async (_name, game) => {
    const table = await tableOf(game);
    const { values, rows } = await estimateFrom(table, "exact", { seed: 0 });
    expect(sum(values)).toBeCloseTo(table.values.at(-1)! - table.values[0]!, 9);
    game.shapley.forEach((value, i) => {
      expect(values[i]).toBeCloseTo(value, 9);
    });
    expect(rows).toBe(table.values.length * game.examples);
  });

  test("twins are worth the same, and who changes nothing is worth nothing", async () => {
    const game = interactionGame(6, [
      { members: [0, 2], worth: 1.7 },
      { members: [1, 2], worth: 1.7 },
      { members: [3], worth: 0.1 },
      { members: [0, 1, 4], worth: -0.7 },
    ]);
    const { values } = await estimateFrom(await tableOf(game), "exact", { seed: 0 });
    expect(values[0]).toBeCloseTo(values[1]!, 12);
    expect(values[5]).toBeCloseTo(0, 12);
  });

  test("the max-model has the values of its closed form", async () => {
    const table = await tableOf(maxModelGame(20_000, 5));
    const { values } = await estimateFrom(table, "exact", { seed: 0 });
    [5 / 6, 5 / 6, 5, 0].forEach((value, i) => {
      expect(Math.abs(values[i]! - value)).toBeLessThan(0.05);
    });
    expect(membersOf(oracleSets(table).keep[1]!, 4)).toEqual([2]);
    expect(membersOf(oracleSets(table).keep[3]!, 4)).toEqual([0, 1, 2]);
  });

  test("other estimators run on it, and tell what they would have cost", async () => {
    const game = additiveGame([3, 1, 2]);
    const table = { ...(await tableOf(game)), examples: 40 };
    for (const name of ["leave-one-out", "permutation", "kernel-shap", "partial"] as const) {
      const { values, rows } = await estimateFrom(table, name, { seed: 1 });
      expect(
        [...values]
          .map((value, i) => [value, i])
          .sort(([a], [b]) => b! - a!)
          .map(([, i]) => i),
      ).toEqual([0, 2, 1]);
      expect(rows % 40).toBe(0);
    }
    expect((await estimateFrom(table, "leave-one-out", { seed: 1 })).rows).toBe(4 * 40);
  });
});

describe("oracle sets", () => {
  test("are the best of each size, with their mean, worst and ties", () => {
    fc.assert(
      fc.property(anyTable({ min: 1, max: 6 }), (table) => {
        const sets = oracleSets(table);
        for (let size = 0; size <= table.players; size++) {
          const ofSize = Array.from(table.values.keys()).filter((bits) => bitCount(bits) === size);
          const worths = ofSize.map((bits) => table.values[bits]!);
          expect(sets.best[size]).toBe(Math.max(...worths));
          expect(sets.worst[size]).toBe(Math.min(...worths));
          expect(sets.mean[size]).toBeCloseTo(mean(worths), 12);
          const best = ofSize.filter((bits) => table.values[bits] === sets.best[size]);
          const shared = (bits: number) => bitCount(bits & (sets.keep[size + 1] ?? 0));
          const most = Math.max(...best.map(shared));
          expect(sets.keep[size]).toBe(best.find((bits) => shared(bits) === most));
          expect(sets.ties[size]).toBe(best.length);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("of an additive game are nested, and their order is that of the weights", async () => {
    const sets = oracleSets(await tableOf(additiveGame([2, 5, 1, 4, 3])));
    expect(nestingOf(sets)).toEqual({ steps: 3, failures: 0, failingSizes: [], playersLeftOut: 0 });
    expect(oracleOrder(sets)).toEqual({ order: Uint32Array.of(1, 3, 4, 0, 2), overlap: 10, possible: 10 });
  });

  test("of a game that tells no sets apart are nested all the same", () => {
    const sets = oracleSets(tableWith(new Array(32).fill(1)));
    expect(nestingOf(sets).failures).toBe(0);
    expect([...sets.ties]).toEqual([1, 5, 10, 10, 5, 1]);
  });

  test("need not be nested: one strong player against a pair", async () => {
    const game = interactionGame(4, [
      { members: [0], worth: 2 },
      { members: [1, 2], worth: 5 },
      { members: [0, 1, 2], worth: -3 },
    ]);
    const sets = oracleSets(await tableOf(game));
    expect([1, 2, 3].map((size) => membersOf(sets.keep[size]!, 4))).toEqual([[0], [1, 2], [1, 2, 3]]);
    expect(nestingOf(sets)).toEqual({ steps: 2, failures: 1, failingSizes: [1], playersLeftOut: 1 });
  });
});

describe("the order", () => {
  test("shares as much with the sets of all sizes as the best of all orders", () => {
    fc.assert(
      fc.property(anyTable({ min: 2, max: 6 }), (table) => {
        const sets = oracleSets(table);
        const { order, overlap } = oracleOrder(sets);
        const all = permutations(Array.from({ length: table.players }, (_, i) => i));
        expect(overlap).toBe(Math.max(...all.map((one) => overlapOf(one, sets.keep))));
        expect([...order].sort()).toEqual([...all[0]!].sort());
      }),
      { numRuns: 25 },
    );
  });

  test("is not what counting memberships gives", () => {
    // Player 0 is in the sets of sizes 1 and 2, player 1 in those of sizes 3 to 5, the others fill up.
    const keep = Uint32Array.of(0, 0b000001, 0b000101, 0b001110, 0b011110, 0b111110, 0b111111);
    const sets = { ...oracleSets(tableWith(new Array(64).fill(0))), keep };
    const counts = [0, 1, 2, 3, 4, 5].map((i) =>
      keep.subarray(1, 6).reduce((total, bits) => total + ((bits >> i) & 1), 0),
    );
    const counted = [0, 1, 2, 3, 4, 5].sort((a, b) => counts[b]! - counts[a]! || a - b);
    expect(oracleOrder(sets).overlap).toBeGreaterThan(overlapOf(counted, keep));
  });

  test("serves the other end alike: what both ends share differs by a constant", () => {
    fc.assert(
      fc.property(anyTable({ min: 3, max: 6 }), fc.integer(), (table, seed) => {
        const { players } = table;
        const { keep } = oracleSets(table);
        const order = randomOrder(players, stream(seed, 0));
        let removed = 0;
        for (let size = 1; size < players; size++) {
          const last = new Set(order.subarray(players - size));
          const remove = membersOf((2 ** players - 1) ^ keep[players - size]!, players);
          removed += remove.filter((player) => last.has(player)).length;
        }
        expect(removed).toBe(overlapOf(order, keep)); // Σ o = Σ (n - o), so the constants cancel
      }),
      { numRuns: 40 },
    );
  });
});

describe("judging", () => {
  test("by hand: overlaps of both ends, cumulated", async () => {
    const table = await tableOf(additiveGame([4, 3, 2, 1])); // keep 0, 01, 012; remove 3, 23, 123
    const sets = oracleSets(table);
    const { add, remove, addByDepth, removeByDepth, overlapAt, regret, regretMean, regretMax } = judge(
      [3, 4, 1, 2], // 1 0 3 2
      table,
      sets,
      { depth: 3 },
    );
    expect(addByDepth).toEqual([0, 2 / 3, 4 / 6]);
    expect(removeByDepth).toEqual([0, 2 / 3, 4 / 6]);
    expect([add, remove]).toEqual([4 / 6, 4 / 6]);
    expect(overlapAt).toEqual([0, 1, 2 / 3]);
    expect(regret).toEqual([1, 0, 1]);
    expect([regretMean, regretMax]).toEqual([2 / 3, 1]);
    const perfect = judge([4, 3, 2, 1], table, sets, { depth: 3, against: { shapley: [4, 3, 2, 1] } });
    expect(perfect).toMatchObject({ add: 1, remove: 1, regretMax: 0, regretOfRandom: 0 });
    expect(perfect.agreement["shapley"]).toEqual({ kendall: 1, spearman: expect.closeTo(1, 12) });
  });

  test("a random ranking scores (2 o + 1) / (3 n) at both ends, whatever the sets", async () => {
    const table = await tableOf(randomInteractionGame(8, 6));
    const sets = oracleSets(table);
    const runs = Array.from({ length: 3000 }, (_, seed) =>
      judge(randomOrder(8, stream(seed, 1)), table, sets, { depth: 5 }),
    );
    for (const end of ["add", "remove"] as const) {
      const scores = runs.map((run) => run[end]);
      const spread = Math.sqrt(mean(scores.map((score) => score ** 2)) - mean(scores) ** 2);
      expect(Math.abs(mean(scores) - randomScore(8, 5))).toBeLessThan((4 * spread) / Math.sqrt(3000));
    }
    expect(mean(runs.map((run) => run.regretOfRandom!))).toBeCloseTo(1, 1);
    expect(randomScore(10, 5)).toBeCloseTo(55 / 150, 12);
  });

  test("scores that say nothing score as random ones do", async () => {
    const table = await tableOf(randomInteractionGame(7, 2));
    const flat = judge(new Float64Array(7), table, oracleSets(table), {
      depth: 5,
      against: { other: [1, 2, 3, 4, 5, 6, 7] },
    });
    expect(flat.add).toBeCloseTo(randomScore(7, 5), 12);
    expect(flat.remove).toBeCloseTo(randomScore(7, 5), 12);
    expect(flat.agreement["other"]).toEqual({ kendall: null, spearman: null });
  });

  test("ties share the places they stand for", () => {
    expect([...shareAmongFirst([5, 3, 3, 3, 1], 2)]).toEqual([1, 1 / 3, 1 / 3, 1 / 3, 0]);
    expect(sum(shareAmongFirst([1, 1, 2, 2, 2, 0], 4))).toBeCloseTo(4, 12);
  });

  test("the oracle's own order is at least as good as any ranking over all sizes", () => {
    fc.assert(
      fc.property(anyTable({ min: 3, max: 7 }), fc.integer(), (table, seed) => {
        const sets = oracleSets(table);
        const { order } = oracleOrder(sets);
        const scores = new Float64Array(table.players);
        order.forEach((player, place) => {
          scores[player] = -place;
        });
        const depth = table.players - 1;
        const other = judge(randomOrder(table.players, stream(seed, 0)), table, sets, { depth });
        expect(judge(scores, table, sets, { depth }).add).toBeGreaterThanOrEqual(other.add - 1e-12);
      }),
      { numRuns: 40 },
    );
  });
});
