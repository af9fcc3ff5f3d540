/** @file Masks, wrappers and the known answers of the toy games. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binomial } from "../math/combinatorics.ts";
import { sum } from "../math/sums.ts";
import { cached } from "./cached.ts";
import {
  advanceSubset,
  bitsOfMask,
  coalitionSize,
  everyMask,
  maskFromBits,
  prefixMasks,
  unrankSubset,
  writePrefixes,
} from "./coalitions.ts";
import { counted } from "./counted.ts";
import { maxModelGame } from "./max-model.ts";
import {
  additiveGame,
  airportGame,
  gloveGame,
  interactionGame,
  type KnownGame,
  noisyGame,
  quadraticGame,
  randomInteractionGame,
  unanimityGame,
} from "./toy-games.ts";
import { placeOfRow, playWalks, rowsAlong } from "./walks.ts";

describe("coalitions", () => {
  test("bits and masks are two spellings of one coalition", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (bits) => {
        expect(bitsOfMask(maskFromBits(bits, 32))).toBe(bits);
      }),
    );
    expect([...maskFromBits(0b0110, 4)]).toEqual([0, 1, 1, 0]);
    expect(everyMask(3)).toHaveLength(24);
    expect(coalitionSize(everyMask(4))).toBe(4 * 8);
  });

  test("prefixes grow by one player in the given order", () => {
    expect([...prefixMasks([2, 0, 1])]).toEqual([0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1]);
    const masks = new Uint8Array(3 * 4);
    writePrefixes([3, 1, 0, 2], 2, 3, masks, 1);
    expect([...masks]).toEqual([0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 0, 1]);
  });

  test("subsets in order: advancing and unranking agree and reach each subset once", () => {
    for (const [players, size] of [
      [6, 0],
      [6, 1],
      [6, 3],
      [6, 6],
    ] as const) {
      const subset = new Uint32Array(size);
      unrankSubset(players, size, 0, subset);
      const seen = new Set<string>();
      let rank = 0;
      do {
        const direct = new Uint32Array(size);
        unrankSubset(players, size, rank++, direct);
        expect(direct).toEqual(subset);
        seen.add(subset.join());
      } while (advanceSubset(players, subset, size));
      expect(seen.size).toBe(binomial(players, size));
    }
  });
});

describe("counted", () => {
  test("tallies rows and calls and changes nothing else", async () => {
    const game = counted(additiveGame([1, 2, 4]));
    expect([...(await game.values(everyMask(3), new Uint32Array(8)))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await game.values(maskFromBits(1, 3), new Uint32Array(1));
    expect([game.rows, game.calls, game.players, game.examples]).toEqual([9, 2, 3, 1]);
  });
});

describe("cached", () => {
  test("asks for every row once and answers alike", async () => {
    const inner = counted(noisyGame(20, 3, 1));
    const game = cached(inner);
    const masks = Uint8Array.from({ length: 6 * 20 }, (_, k) => (k * k + (k >> 3)) % 2);
    const examples = Uint32Array.of(0, 1, 2, 0, 1, 2);
    const fresh = await inner.values(masks, examples);
    expect(await game.values(masks, examples)).toEqual(fresh);
    const asked = inner.rows;
    expect(await game.values(masks, examples)).toEqual(fresh);
    expect(inner.rows).toBe(asked);
    expect(game.hits).toBe(6);
    const mixed = await game.values(masks.subarray(0, 40), Uint32Array.of(2, 1)); // one unknown, one known
    expect(mixed[1]).toBe(fresh[1]);
    expect(inner.rows).toBe(asked + 1);
  });

  test("tells coalitions apart by every player and example", async () => {
    const players = 37;
    const game = cached(additiveGame(Float64Array.from({ length: players }, (_, i) => 2 ** i)));
    for (let i = 0; i < players; i++) {
      const mask = new Uint8Array(players);
      mask[i] = 1;
      expect((await game.values(mask, Uint32Array.of(0)))[0]).toBe(2 ** i);
    }
    expect(game.hits).toBe(0);
  });

  test("forgets the row not asked for longest", async () => {
    const inner = counted(additiveGame([1, 2]));
    const game = cached(inner, { capacity: 2 });
    const ask = (bits: number) => game.values(maskFromBits(bits, 2), Uint32Array.of(0));
    for (const bits of [0, 1, 0, 2]) await ask(bits);
    expect(game.size).toBe(2);
    await ask(0);
    expect(inner.rows).toBe(3);
    await ask(1);
    expect(inner.rows).toBe(4);
  });

  test("answers a call larger than its memory", async () => {
    const game = cached(additiveGame([1, 2, 4]), { capacity: 3 });
    const masks = everyMask(3);
    for (let k = 0; k < 2; k++)
      expect([...(await game.values(masks, new Uint32Array(8)))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

/** Shapley values straight from the definition, averaged over examples. */
async function definition(game: KnownGame): Promise<Float64Array> {
  const { players, examples } = game;
  const values = new Float64Array(players);
  for (let e = 0; e < examples; e++) {
    const table = await game.values(everyMask(players), new Uint32Array(2 ** players).fill(e));
    for (let bits = 0; bits < 2 ** players; bits++) {
      const size = coalitionSize(maskFromBits(bits, players));
      for (let i = 0; i < players; i++) {
        if ((bits >> i) & 1) continue;
        const gain = table[bits | (1 << i)]! - table[bits]!;
        values[i] = values[i]! + gain / (players * binomial(players - 1, size) * examples);
      }
    }
  }
  return values;
}

test.each([
  ["additive", additiveGame([1, -2, 0])],
  ["unanimity", unanimityGame(5, [0, 2, 3])],
  ["airport", airportGame([4, 1, 1, 9])],
  ["glove", gloveGame(3)],
  ["quadratic", quadraticGame([1, 2, 3], [0, 4, -1, 9, 0, 2, 9, 9, 0])],
  ["interaction", interactionGame(4, [{ members: [0, 1, 3], worth: 6 }])],
  ["random interactions", randomInteractionGame(7, 5)],
  ["noisy", noisyGame(5, 9, 5)],
] as const)("the %s game has the values it claims", async (_name, game) => {
  const expected = await definition(game);
  game.shapley.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 10);
  });
});

test("the max-model computes the larger input, so everyone together errs by nothing", async () => {
  const game = maxModelGame(20_000, 3);
  const examples = Uint32Array.from({ length: 20_000 }, (_, e) => e);
  const all = await game.values(new Uint8Array(80_000).fill(1), examples);
  const none = await game.values(new Uint8Array(80_000), examples);
  expect(Math.max(...all.map(Math.abs))).toBeLessThan(1e-12);
  expect(sum(none) / 20_000).toBeCloseTo(-20 / 3, 1);
  expect(sum(game.shapley)).toBeCloseTo(20 / 3, 12);
});

describe("walks", () => {
  const walks = {
    orders: Uint32Array.of(2, 0, 1, 1, 0, 0),
    from: Uint32Array.of(0, 1),
    to: Uint32Array.of(3, 2),
    examples: Uint32Array.of(5, 3),
  };

  test("pass through the coalitions of their first players", () => {
    const { masks, examples } = rowsAlong(walks, 3);
    expect([...masks]).toEqual([0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0]);
    expect([...examples]).toEqual([5, 5, 5, 5, 3, 3]);
    const places = Array.from({ length: 6 }, (_, row) => placeOfRow(walks, row));
    expect(places.map(({ walk, size }) => [walk, size])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 1],
      [1, 2],
    ]);
  });

  test("are played as masks where a game has no shorter way, and counted either way", async () => {
    const game = noisyGame(3, 6, 4, 1);
    const { masks, examples } = rowsAlong(walks, 3);
    const wanted = await game.values(masks, examples);
    const asMasks = counted(game);
    const inShort = counted({ ...game, walks: () => Promise.resolve(wanted) });
    for (const tallied of [asMasks, inShort]) {
      expect(await playWalks(tallied, walks)).toEqual(wanted);
      expect([tallied.rows, tallied.calls]).toEqual([6, 1]);
    }
    expect(asMasks.walks).toBeUndefined();
  });
});
