/** @file Closed forms and published identities: what proves that each estimator computes what it says. */
import { describe, expect, test } from "vitest";
import { everyMask } from "../games/coalitions.ts";
import type { Game } from "../games/game.ts";
import { maxModelGame } from "../games/max-model.ts";
import {
  airportGame,
  gameOf,
  gloveGame,
  type KnownGame,
  noisyGame,
  quadraticGame,
  randomInteractionGame,
  unanimityGame,
} from "../games/toy-games.ts";
import { binomial } from "../math/combinatorics.ts";
import { addVector, emptyMoments, variances } from "../math/moments.ts";
import { normal, sampleWithoutReplacement, stream, uniform } from "../math/random.ts";
import { spearman } from "../math/ranks.ts";
import { factorised } from "../math/solve.ts";
import { sum } from "../math/sums.ts";
import { errorAt, finish } from "./estimator.properties.ts";
import { estimators } from "./index.ts";
import { shapleyKernelWeight } from "./kernel-shap.ts";

function expectClose(values: ArrayLike<number>, expected: ArrayLike<number>, within: number): void {
  expect(values).toHaveLength(expected.length);
  for (let i = 0; i < values.length; i++)
    expect(Math.abs(values[i]! - expected[i]!), `player ${i}`).toBeLessThanOrEqual(within);
}

/** Payoff of every coalition of a game without examples, in counting order. */
function tableOf(game: Game): Promise<Float64Array> {
  return game.values(everyMask(game.players), new Uint32Array(2 ** game.players));
}

const closed: readonly (readonly [string, KnownGame])[] = [
  ["unanimity", unanimityGame(6, [1, 3, 4])],
  ["airport", airportGame([1, 3, 3, 7, 10])],
  ["glove", gloveGame(4)],
  ["quadratic", quadraticGame([1, -2, 3], [0, 1, 4, 0, 0, -2, 0, 0, 0])],
  ["interactions", randomInteractionGame(9, 2)],
  ["examples with noise", noisyGame(7, 25, 4)],
];

describe("exact", () => {
  test.each(closed)("gives the closed form of the %s game", async (_name, game) => {
    const { values, stoppedBy } = await finish(estimators.exact, game);
    expectClose(values, game.shapley, 1e-9);
    expect(stoppedBy).toBe("complete");
  });

  /** A dense layer whose units 2 and 3 are copies and whose unit 5 is disconnected (papers 1.8, A1). */
  test("is efficient, symmetric and null on a small network layer", async () => {
    const random = stream(31, 0);
    const inputs = Float64Array.from({ length: 40 * 4 }, () => normal(random));
    const hidden = Float64Array.from({ length: 8 * 4 }, () => normal(random));
    const out = Float64Array.from({ length: 8 }, () => normal(random));
    hidden.copyWithin(3 * 4, 2 * 4, 3 * 4);
    out[3] = out[2]!;
    out[5] = 0;
    const game = gameOf(8, 40, (masks, at, example) => {
      let y = 0;
      for (let unit = 0; unit < 8; unit++) {
        let z = 0;
        for (let k = 0; k < 4; k++) z += hidden[unit * 4 + k]! * inputs[example * 4 + k]!;
        y += masks[at + unit]! * Math.max(0, z) * out[unit]!;
      }
      return -Math.log1p(Math.exp(-y));
    });
    const { values } = await finish(estimators.exact, game);
    const examples = Uint32Array.from({ length: 40 }, (_, e) => e);
    const all = await game.values(new Uint8Array(320).fill(1), examples);
    const none = await game.values(new Uint8Array(320), examples);
    expect(Math.abs(sum(values) - (sum(all) - sum(none)) / 40)).toBeLessThan(1e-9);
    expect(Math.abs(values[2]! - values[3]!)).toBeLessThan(1e-12);
    expect(Math.abs(values[5]!)).toBeLessThan(1e-12);
    expect(Math.abs(values[2]!)).toBeGreaterThan(1e-3);
  });

  test("weighs by Banzhaf and by windows as their definitions say", async () => {
    const game = randomInteractionGame(7, 3);
    const table = await tableOf(game);
    const weightings = [
      { weighting: { kind: "banzhaf" as const }, share: (size: number) => binomial(6, size) / 64 },
      {
        weighting: { kind: "window" as const, from: 4 / 7, to: 1 },
        share: (size: number) => (size >= 4 ? 1 / 3 : 0),
      },
    ];
    for (const { weighting, share } of weightings) {
      const expected = Float64Array.from({ length: 7 }, (_, i) => {
        let value = 0;
        for (let bits = 0; bits < 128; bits++) {
          if ((bits >> i) & 1) continue;
          const size = [...bits.toString(2)].filter((digit) => digit === "1").length;
          value += (share(size) / binomial(6, size)) * (table[bits | (1 << i)]! - table[bits]!);
        }
        return value;
      });
      expectClose((await finish(estimators.exact, game, { weighting })).values, expected, 1e-12);
      const sampled = await finish(estimators.permutation, game, { weighting, rows: 60_000 });
      const band = 5 * Math.max(...sampled.standardErrors);
      expect(band).toBeLessThan(0.2);
      expectClose(sampled.values, expected, band);
      if (weighting.kind !== "banzhaf") continue;
      const owen = await finish(estimators.owen, game, { weighting, rows: 60_000 });
      expectClose(owen.values, expected, 5 * Math.max(...owen.standardErrors));
    }
  });

  test("refuses what it cannot weigh, an empty window, and 25 players", async () => {
    const game = randomInteractionGame(6, 3);
    const banzhaf = { kind: "banzhaf" as const };
    await expect(finish(estimators.simshap, game, { weighting: banzhaf, rows: 99 })).rejects.toMatchObject({
      code: "weighting-not-supported",
    });
    const narrow = { kind: "window" as const, from: 0.5, to: 0.55 };
    await expect(finish(estimators.permutation, game, { weighting: narrow, rows: 99 })).rejects.toMatchObject(
      { code: "weighting-empty" },
    );
    const wide = randomInteractionGame(25, 3);
    await expect(finish(estimators.exact, wide, { rows: 1e9 })).rejects.toMatchObject({
      code: "too-many-coalitions",
    });
  });
});

describe("the max-model (papers 9.4, A2)", () => {
  test.each(["exact", "permutation", "owen", "kernel-shap", "leverage"] as const)("by %s", async (name) => {
    const game = maxModelGame(20_000, 6);
    const { values } = await finish(estimators[name], game, { rows: 320_000 });
    expectClose(values, game.shapley, 0.05);
  });
});

describe("partial", () => {
  test("removal with limit 1 is leave-one-out divided by n, with limit n exact (A3)", async () => {
    const game = noisyGame(7, 6, 9);
    const rows = 10_000;
    const removal = (limit: number) => ({ rows, partial: { limit, side: "removal" as const } });
    const loo = await finish(estimators["leave-one-out"], game, { rows });
    const one = await finish(estimators.partial, game, removal(1));
    expectClose(
      one.values,
      loo.values.map((value) => value / 7),
      1e-12,
    );
    const exact = await finish(estimators.exact, game, { rows });
    for (const side of ["removal", "addition"] as const) {
      const all = await finish(estimators.partial, game, { rows, partial: { limit: 7, side } });
      expectClose(all.values, exact.values, 1e-12);
    }
  });

  test("addition with limit 1 is each player's worth alone, divided by n", async () => {
    const game = randomInteractionGame(6, 9);
    const table = await tableOf(game);
    const { values, rows } = await finish(estimators.partial, game, {
      partial: { limit: 1, side: "addition" },
    });
    expect(rows).toBe(7);
    expectClose(
      values,
      values.map((_, i) => (table[1 << i]! - table[0]!) / 6),
      1e-12,
    );
  });
});

test("first-in-last-out is exact on games of pairs", async () => {
  const game = quadraticGame([1, 2, 3, 4], [0, 5, 1, -2, 0, 0, 3, 1, 0, 0, 0, 7, 0, 0, 0, 0]);
  expectClose((await finish(estimators["first-in-last-out"], game)).values, game.shapley, 1e-12);
});

describe("kernel-shap (A4)", () => {
  test.each(closed)("over all coalitions gives the closed form of the %s game", async (_name, game) => {
    const rows = 2 ** game.players * game.examples;
    for (const name of ["kernel-shap", "leverage"] as const) {
      const { values, stoppedBy } = await finish(estimators[name], game, { rows });
      expectClose(values, game.shapley, 1e-8);
      expect(stoppedBy).toBe("complete");
    }
  });

  test("shares out v(all) - v(none) to 1e-12 in any sample", async () => {
    const game = randomInteractionGame(12, 5);
    for (let seed = 0; seed < 20; seed++) {
      const { values } = await finish(estimators["kernel-shap"], game, { rows: 24 + 13 * seed, seed });
      expect(Math.abs(sum(values) - sum(game.shapley))).toBeLessThan(1e-12 * 12);
    }
  });

  test("the kernel", () => {
    expect(shapleyKernelWeight(1, 4)).toBe(0.25);
    expect(shapleyKernelWeight(3, 4)).toBe(0.25);
    expect(() => shapleyKernelWeight(0, 4)).toThrow(RangeError);
  });
});

describe("permutation (A5)", () => {
  test("400 orders err less than 0.6 times what 100 do", async () => {
    const game = randomInteractionGame(10, 1);
    const error = (orders: number) => errorAt(estimators.permutation, game, game.shapley, 10 * orders, 20); // 2n rows a pair of orders
    expect(await error(400)).toBeLessThan(0.6 * (await error(100)));
  });

  test("a fresh pair for every few examples beats whole orders at equal rows", async () => {
    const game = noisyGame(10, 50, 3);
    const { values: exact } = await finish(estimators.exact, game);
    const fresh = await errorAt(estimators.permutation, game, exact, 5500, 10);
    const whole = await errorAt(estimators["permutation-whole"], game, exact, 5500, 10);
    expect(fresh).toBeLessThan(0.5 * whole);
  });

  test("ranks on a window of a few examples as on all", async () => {
    const game = noisyGame(12, 200, 5, 0.3);
    const { values } = await finish(estimators.permutation, game, { rows: 24_000 });
    expect(spearman(values, game.shapley)).toBeGreaterThan(0.95);
  });
});

describe("simshap (papers 3.4)", () => {
  const rows = 2 + 32;

  test.each([
    ["interactions", randomInteractionGame(8, 17)],
    ["airport", airportGame([1, 2, 2, 3, 5, 8, 8, 9])],
  ] as const)("is unbiased on the %s game: 2,000 runs of 32 coalitions", async (name, game) => {
    const moments = emptyMoments(8);
    for (let seed = 0; seed < 2000; seed++) {
      const { values } = await finish(estimators.simshap, game, { rows, seed });
      expect(Math.abs(sum(values) - sum(game.shapley))).toBeLessThan(1e-10);
      addVector(moments, values);
    }
    const spread = variances(moments);
    moments.mean.forEach((mean, i) => {
      expect(Math.abs(mean - game.shapley[i]!)).toBeLessThan(3 * Math.sqrt(spread[i]! / 2000));
    });
    // complements help where payoffs share an offset, as those of networks do; the other game is balanced around zero
    if (name !== "airport") return;
    const unpaired = variances(await unpairedRuns(game, 32, 2000));
    expect(sum(spread)).toBeLessThan(0.5 * sum(unpaired));
  });
});

/** The same estimator with independent coalitions instead of complements, as written in papers 3.2. */
async function unpairedRuns(game: KnownGame, coalitions: number, runs: number) {
  const n = game.players;
  const table = await tableOf(game);
  let norm = 0;
  for (let s = 1; s < n; s++) norm += 1 / (s * (n - s));
  const moments = emptyMoments(n);
  for (let seed = 0; seed < runs; seed++) {
    const random = stream(seed, 0, 77);
    const values = new Float64Array(n).fill((table.at(-1)! - table[0]!) / n);
    for (let m = 0; m < coalitions; m++) {
      let level = uniform(random) * norm;
      let size = 1;
      while (size < n - 1 && level >= 1 / (size * (n - size))) level -= 1 / (size * (n - size++));
      const members = sampleWithoutReplacement(n, size, random);
      const payoff = table[members.reduce((bits, i) => bits | (1 << i), 0)]!;
      for (let i = 0; i < n; i++)
        values[i] = values[i]! + (norm / coalitions) * payoff * ((members.includes(i) ? n : 0) - size);
    }
    addVector(moments, values);
  }
  return moments;
}

describe("ols-uniform", () => {
  /** papers 1.3: what a regression over uniform sizes tends to, up to a constant. */
  function limitOf(table: Float64Array, n: number): Float64Array {
    let norm = 0;
    for (let s = 1; s < n; s++) norm += s * (n - s);
    return Float64Array.from({ length: n }, (_, i) => {
      let value = 0;
      for (let s = 1; s < n; s++) {
        let [inside, outside] = [0, 0];
        table.forEach((payoff, bits) => {
          const size = [...bits.toString(2)].filter((digit) => digit === "1").length;
          if (size !== s) return;
          if ((bits >> i) & 1) inside += payoff / binomial(n - 1, s - 1);
          else outside += payoff / binomial(n - 1, s);
        });
        value += (((n - 1) / n) * s * (n - s) * (inside - outside)) / norm;
      }
      return value;
    });
  }

  /** Slopes of the regression with every coalition weighed by its probability. */
  function slopesOf(table: Float64Array, n: number): Float64Array {
    const size = n + 1;
    const products = new Float64Array(size * size);
    const right = new Float64Array(size);
    for (let bits = 1; bits < 2 ** n - 1; bits++) {
      const x = Float64Array.from({ length: size }, (_, k) => (k === n ? 1 : (bits >> k) & 1));
      const weight = 1 / ((n - 1) * binomial(n, sum(x) - 1));
      for (let a = 0; a < size; a++) {
        right[a] = right[a]! + weight * x[a]! * table[bits]!;
        for (let b = 0; b < size; b++)
          products[a * size + b] = products[a * size + b]! + weight * x[a]! * x[b]!;
      }
    }
    return factorised(products, size)(right).slice(0, n);
  }

  const centred = (values: Float64Array) => values.map((value) => value - sum(values) / values.length);

  test("tends to the published limit, not to the Shapley value", async () => {
    const n = 6;
    const game = randomInteractionGame(n, 23);
    const table = await tableOf(game);
    const limit = limitOf(table, n);
    const slopes = slopesOf(table, n);
    expectClose(centred(slopes), centred(limit), 1e-10);
    const { values, standardErrors } = await finish(estimators["ols-uniform"], game, { rows: 40_000 });
    const band = 5 * Math.max(...standardErrors);
    expectClose(values, slopes, band);
    const distance = Math.max(...centred(game.shapley).map((v, i) => Math.abs(v - centred(limit)[i]!)));
    expect(distance).toBeGreaterThan(2 * band);
  });
});

test("regressions refuse samples too small to determine the values", () => {
  const n = 20;
  for (const name of ["kernel-shap", "leverage", "ols-uniform"] as const)
    expect(estimators[name].minimumBudget(n, 1)).toBeGreaterThanOrEqual(n + 1);
});
