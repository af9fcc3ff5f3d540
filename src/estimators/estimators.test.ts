/** @file One suite over every estimator in the registry. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Game } from "../games/game.ts";
import { gameOf, noisyGame, randomInteractionGame } from "../games/toy-games.ts";
import {
  brokenGame,
  codeOf,
  collect,
  errorAt,
  finish,
  isLinear,
  keepsItsBudget,
  seesAdditiveGames,
  sharesOutTheGrandValue,
  sluggish,
} from "./estimator.properties.ts";
import { type EstimatorName, estimators } from "./index.ts";

/** Values add up to the grand value whatever the sample. */
const efficient = ["exact", "permutation", "permutation-whole", "kernel-shap", "leverage", "simshap"];
/** Estimates that carry no sampling error at all on additive games (ridge and noise of weights aside). */
const additive = [
  "exact",
  "leave-one-out",
  "partial",
  "permutation",
  "permutation-whole",
  "owen",
  "first-in-last-out",
];
/** Choose what to look at by what they have seen: no sums over a fixed sample. */
const adaptive = ["greedy", "sequential"];
/** Sample without end, so that errors can be watched falling. */
const sampling = [
  "permutation",
  "stratified",
  "permutation-whole",
  "kernel-shap",
  "leverage",
  "simshap",
  "owen",
];

const runs = { numRuns: 25, seed: 5 };

describe.each(Object.entries(estimators))("%s", (name, estimator) => {
  test("spends at most its budget and says what it spent", () => fc.assert(keepsItsBudget(estimator), runs));

  test.skipIf(adaptive.includes(name))("is linear in the game", () => fc.assert(isLinear(estimator), runs));

  test.runIf(efficient.includes(name))("shares out the grand value", () =>
    fc.assert(sharesOutTheGrandValue(estimator), runs),
  );

  test.runIf(additive.includes(name))("gives additive players their worth and null players nothing", () =>
    fc.assert(
      seesAdditiveGames(estimator, (players) => (name === "partial" ? 1 / players : 1)),
      runs,
    ),
  );

  test.skipIf(adaptive.includes(name))(
    "treats players that are alike alike, and finds the null player, up to its errors",
    async () => {
      // players 0 and 1 are interchangeable, player 5 does nothing
      const game = gameOf(6, 1, (m, at) => {
        const both = m[at]! + m[at + 1]!;
        return both * both * 0.5 + both * m[at + 2]! - m[at + 3]! + m[at + 2]! * m[at + 4]!;
      });
      const { values, standardErrors } = await finish(estimator, game, { rows: 4000, seed: 2 });
      const band = 1e-9 + 5 * Math.max(...standardErrors);
      expect(Math.abs(values[0]! - values[1]!)).toBeLessThan(band);
      if (name !== "ols-uniform") expect(Math.abs(values[5]!)).toBeLessThan(band);
      expect(values[0]!).toBeGreaterThan(values[3]!);
    },
  );

  test("gives the same bytes with 1, 2 and 4 calls under way, on a game that answers out of order", async () => {
    const game = noisyGame(8, 40, 21);
    const rows = Math.max(estimator.minimumBudget(8, 40), 30_000);
    const bytes = await Promise.all(
      [1, 2, 4].map(async (concurrency) => {
        const last = await finish(estimator, sluggish(game), { rows, concurrency, seed: 9 });
        return JSON.stringify([[...last.values], [...last.standardErrors], last.rows, last.state()]);
      }),
    );
    expect(bytes[1]).toBe(bytes[0]);
    expect(bytes[2]).toBe(bytes[0]);
  });

  test("differs between seeds where it draws, and repeats itself for one seed", async () => {
    const game = noisyGame(8, 40, 21);
    const rows = Math.max(estimator.minimumBudget(8, 40) / (name === "exact" ? 1 : 2), 700);
    const [a, again, b] = await Promise.all(
      [1, 1, 2].map(async (seed) => (await finish(estimator, game, { rows, seed })).values),
    );
    expect(again).toEqual(a);
    const isWholeTable = ["exact", "leave-one-out", "partial", "first-in-last-out", "greedy"].includes(name);
    if (!isWholeTable) expect(b).not.toEqual(a);
  });

  test("resumes from any saved state to the bytes of an unbroken run", async () => {
    const game = noisyGame(10, 40, 22);
    const options = { budget: { rows: Math.max(estimator.minimumBudget(10, 40), 20_000) }, seed: 4 };
    const { estimates, states } = await collect(estimator, game, options);
    const end = estimates.at(-1)!;
    for (const at of new Set([0, Math.floor(states.length / 2), states.length - 1])) {
      const { estimates: rest, states: later } = await collect(estimator, game, {
        ...options,
        resume: states[at]!,
      });
      expect(rest.at(-1)!.values).toEqual(end.values);
      expect(rest.at(-1)!.standardErrors).toEqual(end.standardErrors);
      expect(rest.at(-1)!.stoppedBy).toBe(end.stoppedBy);
      expect(later.at(-1)).toEqual(states.at(-1));
    }
  });

  test("refuses the state of another run", async () => {
    const game = noisyGame(5, 40, 22);
    const state = (await finish(estimator, game, { seed: 4 })).state();
    const again = finish(estimator, game, { seed: 5, resume: state });
    expect(await codeOf(again)).toBe("resume-mismatch");
  });

  test("stops at an abort, between calls and during one, with the reason given", async () => {
    const reason = new Error("enough");
    const before = AbortSignal.abort(reason);
    await expect(finish(estimator, noisyGame(5, 3, 1), { signal: before })).rejects.toBe(reason);
    const during = new AbortController();
    const hanging: Game = {
      players: 5,
      examples: 3,
      values: () => {
        setImmediate(() => during.abort(reason));
        return new Promise(() => {});
      },
    };
    await expect(finish(estimator, hanging, { signal: during.signal })).rejects.toBe(reason);
  });

  test("passes on the game's own failure", async () => {
    const failure = new Error("no more memory");
    const failing: Game = { players: 5, examples: 3, values: () => Promise.reject(failure) };
    await expect(finish(estimator, failing)).rejects.toBe(failure);
  });

  test("names payoffs that are not finite and answers of the wrong length", async () => {
    const broken = codeOf(finish(estimator, brokenGame(5), { rows: 2000 }));
    expect(await broken).toBe(name === "aumann-shapley" ? "derivative-not-finite" : "payoff-not-finite");
    const short: Game = {
      players: 5,
      examples: 3,
      values: async () => new Float64Array(1),
      gradients: { rows: 3, at: async () => new Float64Array(1) },
    };
    expect(await codeOf(finish(estimator, short, { rows: 2000 }))).toBe("game-invalid");
  });

  test("refuses one row less than its minimum, and what is no budget", async () => {
    const game = noisyGame(6, 3, 1);
    const needed = estimator.minimumBudget(6, 3);
    await expect(finish(estimator, game, { rows: needed - 1 })).rejects.toMatchObject({
      code: "budget-too-small",
      data: { needed, got: needed - 1 },
    });
    for (const budget of [{ rows: 0 }, { rows: 1.5 }, { seconds: -1 }, { precision: Number.NaN }])
      expect(await codeOf(finish(estimator, game, { budget }))).toBe("budget-invalid");
  });

  test("works for one player, or says why not", async () => {
    const game = gameOf(1, 2, (masks, at, example) => masks[at]! * (3 + example));
    const rows = Math.max(estimator.minimumBudget(1, 2), 40);
    if (name === "ols-uniform") {
      expect(await codeOf(finish(estimator, game, { rows }))).toBe("too-few-players");
      return;
    }
    const { values } = await finish(estimator, game, { rows });
    expect(values).toHaveLength(1);
    expect(values[0]).toBeCloseTo(3.5, 12);
  });

  test("works for two players", async () => {
    const game = gameOf(2, 1, (masks, at) => 2 * masks[at]! + masks[at]! * masks[at + 1]!);
    const { values, standardErrors } = await finish(estimator, game, { rows: 64 });
    const expected = {
      "ols-uniform": [1, -1], // up to a constant
      "leave-one-out": [3, 1],
      partial: [1.5, 0.5],
      greedy: [2, 1],
      sequential: [3, 1],
    }[name as string] ?? [2.5, 0.5];
    // a single example tells nothing of others
    const band = name === "aumann-shapley" ? 1e-6 : 1e-6 + 5 * Math.max(...standardErrors);
    expect(band).toBeLessThan(1.5);
    expect(Math.abs(values[0]! - values[1]! - (expected[0]! - expected[1]!))).toBeLessThan(band);
  });

  test.runIf(sampling.includes(name))("errors fall like budget^-1/2 or faster", async () => {
    const game = randomInteractionGame(12, 8);
    const small = await errorAt(estimator, game, game.shapley, 240, 24);
    const large = await errorAt(estimator, game, game.shapley, 3840, 24);
    const slope = Math.log(large / small) / Math.log(16);
    expect(slope).toBeLessThan(-0.42);
    expect(slope).toBeGreaterThan(-0.85);
  });

  test.runIf(sampling.includes(name))("standard errors match the spread between seeds", async () => {
    const game = randomInteractionGame(12, 8);
    let inside = 0;
    const repeats = 40;
    for (let seed = 0; seed < repeats; seed++) {
      const { values, standardErrors } = await finish(estimator, game, { rows: 2400, seed });
      values.forEach((value, i) => {
        if (Math.abs(value - game.shapley[i]!) <= 1.96 * standardErrors[i]!) inside++;
      });
    }
    const coverage = inside / (repeats * 12);
    expect(coverage).toBeGreaterThan(0.89);
    expect(coverage).toBeLessThan(name === "leverage" ? 1 : 0.985); // turns over sizes beat their own error bars
  });
});

test("the registry holds what the command line promises", () => {
  const names: EstimatorName[] = [
    "aumann-shapley",
    "exact",
    "first-in-last-out",
    "greedy",
    "kernel-shap",
    "leave-one-out",
    "leverage",
    "ols-uniform",
    "owen",
    "partial",
    "permutation",
    "permutation-whole",
    "sequential",
    "shrinkage",
    "simshap",
    "stratified",
  ];
  expect(Object.keys(estimators).sort()).toEqual(names);
});
