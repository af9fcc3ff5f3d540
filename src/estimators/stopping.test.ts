/** @file When runs end, and what their states and errors are worth. */
import { describe, expect, test } from "vitest";
import { counted } from "../games/counted.ts";
import type { Game } from "../games/game.ts";
import { additiveGame, gameOf, noisyGame, randomInteractionGame } from "../games/toy-games.ts";
import { normal, stream } from "../math/random.ts";
import { ascending, spearman } from "../math/ranks.ts";
import { mean } from "../math/sums.ts";
import { expectedAgreement } from "./agreement.ts";
import { codeOf, collect, finish } from "./estimator.properties.ts";
import type { Estimate } from "./estimator.ts";
import { estimators } from "./index.ts";
import { blockCount } from "./observations.ts";
import { lookAt, rowsPerCall } from "./run.ts";
import { settlementOf } from "./settled.ts";
import { decodeDoubles, encodeDoubles } from "./state.ts";

const { permutation } = estimators;

function lowest(values: Float64Array, count: number): number[] {
  return [...ascending(values).subarray(0, count)].sort((a, b) => a - b);
}

function argMax(values: Float64Array): number {
  return values.indexOf(Math.max(...values));
}

function openPairsIn({ settlement }: Estimate): number {
  return settlement?.kind === "settled" ? settlement.openPairs : Number.NaN;
}

describe("stopping when the order is likely to be right", () => {
  test.each(["permutation", "kernel-shap", "stratified"] as const)(
    "%s expects the agreement that it turns out to have, over many runs",
    async (name) => {
      const game = noisyGame(12, 400, 8, 2);
      const stop = { kind: "ordered" as const, correlation: 0.999 };
      for (const rows of [4_000, 12_000]) {
        const [expected, found]: [number[], number[]] = [[], []];
        for (let seed = 0; seed < 40; seed++) {
          let last: Estimate | undefined; // as the game is: gradients of toys take all their coalitions
          for await (last of estimators[name].run(game, { budget: { rows }, seed, stop }));
          if (last?.settlement?.kind !== "ordered") continue;
          expected.push(last.settlement.correlation);
          found.push(spearman(last.values, game.shapley));
        }
        expect(found.length).toBeGreaterThan(30);
        expect(Math.abs(mean(expected) - mean(found))).toBeLessThan(0.05);
      }
    },
  );

  test("ends when it is likely enough, and says how likely", async () => {
    const game = noisyGame(12, 400, 8, 2);
    const last = await finish(permutation, game, {
      rows: 2_000_000,
      stop: { kind: "ordered", correlation: 0.97 },
    });
    expect(last.stoppedBy).toBe("settled");
    expect(last.settlement).toMatchObject({ kind: "ordered" });
    expect(spearman(last.values, game.shapley)).toBeGreaterThan(0.93);
  });

  test("expects nothing of noise, and everything of values without errors", () => {
    const random = stream(5, 0);
    const noise = new Float64Array(blockCount * 40).map(() => normal(random));
    const none = new Float64Array(blockCount * 40);
    const values = Float64Array.from({ length: 40 }, (_, player) => {
      let sum = 0;
      for (let block = 0; block < blockCount; block++) sum += noise[block * 40 + player]!;
      return sum;
    });
    const centred = noise.map((value, k) => value - values[k % 40]! / blockCount);
    expect(expectedAgreement(values, centred)).toBeLessThan(0.5);
    expect(expectedAgreement(values, none)).toBe(1);
    expect(expectedAgreement(Float64Array.of(1), new Float64Array(blockCount))).toBe(1);
  });

  test.each([0, 1, Number.NaN])("refuses a correlation of %d", async (correlation) => {
    const wrong = finish(permutation, additiveGame([1, 2]), {
      rows: 100,
      stop: { kind: "ordered", correlation },
    });
    expect(await codeOf(wrong)).toBe("invalid-option");
  });
});

describe("stopping when the set to remove is settled", () => {
  test.each(["permutation", "kernel-shap", "leverage", "owen", "permutation-whole"] as const)(
    "%s stops early on a clear game, at the right set",
    async (name) => {
      const game = noisyGame(12, 60, 8, 0.3);
      const sorted = game.shapley.toSorted();
      const remove = 1 + argMax(sorted.slice(0, 8).map((value, k) => sorted[k + 1]! - value));
      const stop = { kind: "settled" as const, remove, confidence: 0.95 };
      const last = await finish(estimators[name], game, { rows: 2_000_000, stop });
      expect(last.stoppedBy).toBe("settled");
      expect(last.settlement).toEqual({ kind: "settled", remove, openPairs: 0 });
      expect(last.rows).toBeLessThan(1_000_000);
      expect(lowest(last.values, remove)).toEqual(lowest(game.shapley, remove));
    },
  );

  test("runs to the budget when two players at the cut are alike", async () => {
    const alike = gameOf(6, 40, (m, at, e) => {
      const rest = m[at + 2]! * 3 + m[at + 3]! * 4 + m[at + 4]! * 5 + m[at + 5]! * (6 + (e % 3));
      return rest - Math.max(m[at]!, m[at + 1]!);
    });
    const stop = { kind: "settled" as const, remove: 1, confidence: 0.9 };
    const last = await finish(permutation, alike, { rows: 60_000, stop });
    expect(last.stoppedBy).toBe("budget");
    expect(openPairsIn(last)).toBeGreaterThan(0);
  });

  test("errs rarer than allowed, over many runs on a game with a narrow cut", async () => {
    const random = stream(12, 0);
    const noise = Float64Array.from({ length: 4000 * 5 }, () => normal(random));
    const game = gameOf(5, 4000, (m, at, e) => {
      let v = 0;
      for (let i = 0; i < 5; i++) v += m[at + i]! * (0.1 * i + noise[e * 5 + i]!);
      return v;
    });
    const exact = (await finish(estimators["leave-one-out"], game, { rows: 24_000 })).values;
    let wrong = 0;
    let settled = 0;
    for (let seed = 0; seed < 60; seed++) {
      const stop = { kind: "settled" as const, remove: 2, confidence: 0.8 };
      const last = await finish(permutation, game, { rows: 40_000, seed, stop });
      if (last.stoppedBy !== "settled") continue;
      settled++;
      if (`${lowest(last.values, 2)}` !== `${lowest(exact, 2)}`) wrong++;
    }
    expect(settled).toBeGreaterThan(20);
    expect(wrong / settled).toBeLessThan(0.2);
  });

  test("noise shared by all players does not keep the decision open", () => {
    const values = Float64Array.of(0, 1, 2);
    const shared = new Float64Array(blockCount * 3).map((_, k) => (Math.floor(k / 3) % 2 === 0 ? 3 : -3));
    const own = shared.map((v, k) => (k % 3 === 0 ? v : -v));
    const rule = { kind: "settled" as const, remove: 1, confidence: 0.95 };
    expect(settlementOf(values, shared, rule, 0)).toMatchObject({ openPairs: 0 });
    expect(settlementOf(values, own, rule, 0)).toMatchObject({ openPairs: 2 });
  });

  test("refuses to remove nobody, everybody, or with certainty", async () => {
    const rule = (remove: number, confidence: number) => ({ kind: "settled" as const, remove, confidence });
    for (const stop of [rule(0, 0.9), rule(4, 0.9), rule(2, 1), rule(2, 0)])
      expect(await codeOf(finish(permutation, additiveGame([1, 2, 3, 4]), { rows: 99, stop }))).toBe(
        "invalid-option",
      );
  });
});

describe("other ends", () => {
  test("stops at the wished precision, which then holds", async () => {
    const game = randomInteractionGame(8, 3);
    const last = await finish(permutation, game, { budget: { precision: 0.02 } });
    expect(last.stoppedBy).toBe("precision");
    expect(Math.max(...last.standardErrors)).toBeLessThanOrEqual(0.02);
    const looser = await finish(permutation, game, { budget: { precision: 0.06 } });
    expect(looser.rows).toBeLessThan(last.rows);
  });

  test("stops when time is up, between calls", async () => {
    const game = randomInteractionGame(8, 3);
    const last = await finish(permutation, game, { budget: { seconds: 0.05 } });
    expect(last.stoppedBy).toBe("seconds");
    expect(last.rows % rowsPerCall).toBeLessThan(rowsPerCall);
    expect(last.rows).toBeGreaterThan(0);
  });

  test("refuses a budget that never ends, unless the work does", async () => {
    const game = randomInteractionGame(8, 3);
    expect(await codeOf(finish(permutation, game, { budget: {} }))).toBe("budget-invalid");
    const { stoppedBy } = await finish(estimators.exact, game, { budget: {} });
    expect(stoppedBy).toBe("complete");
  });

  test("leaving the loop aborts the calls under way", async () => {
    const signals: AbortSignal[] = [];
    const game = additiveGame(new Float64Array(10));
    const watched: Game = {
      ...game,
      values: (masks, examples, options) => {
        signals.push(options!.signal!);
        return game.values(masks, examples);
      },
    };
    for await (const estimate of permutation.run(watched, { budget: { rows: 100_000 }, seed: 1 })) {
      expect(estimate.stoppedBy).toBeUndefined();
      break;
    }
    expect(signals.length).toBeGreaterThan(1);
    expect(signals.every((signal) => signal.aborted)).toBe(true);
  });

  test("yields regularly, and only the last estimate says why it ended", async () => {
    const { estimates } = await collect(permutation, randomInteractionGame(8, 3), {
      budget: { rows: 50_000 },
      seed: 1,
    });
    expect(estimates.length).toBeGreaterThan(20);
    expect(estimates.slice(0, -1).every((estimate: Estimate) => estimate.stoppedBy === undefined)).toBe(true);
    expect(estimates.at(-1)!.stoppedBy).toBe("budget");
  });
});

describe("resuming", () => {
  test("a settled run stays settled, without asking again", async () => {
    const game = counted(noisyGame(8, 60, 8, 0.2));
    const options = {
      budget: { rows: 500_000 },
      seed: 3,
      stop: { kind: "settled" as const, remove: 3, confidence: 0.9 },
    };
    const { estimates, states } = await collect(permutation, game, options);
    expect(estimates.at(-1)!.stoppedBy).toBe("settled");
    const half = states[Math.floor(states.length / 2)]!;
    const resumed = await collect(permutation, game, { ...options, resume: half });
    expect(resumed.estimates.at(-1)!.values).toEqual(estimates.at(-1)!.values);
    const before = game.rows;
    const again = await collect(permutation, game, { ...options, resume: states.at(-1)! });
    expect(again.estimates.map((estimate) => estimate.stoppedBy)).toEqual(["settled"]);
    expect(game.rows).toBe(before);
  });

  test("refuses another game, weighting or layout", async () => {
    const game = noisyGame(6, 30, 8);
    const state = (await finish(permutation, game, { rows: 3000 })).state();
    const other = (change: object, on: Game = game) =>
      codeOf(finish(permutation, on, { rows: 3000, resume: state, ...change }));
    expect(await other({}, noisyGame(7, 30, 8))).toBe("resume-mismatch");
    expect(await other({}, noisyGame(6, 31, 8))).toBe("resume-mismatch");
    expect(await other({ weighting: { kind: "banzhaf" } })).toBe("resume-mismatch");
    expect(await other({ groupSize: 3 })).toBe("resume-mismatch");
    expect(await codeOf(finish(estimators.owen, game, { rows: 3000, resume: state }))).toBe(
      "resume-mismatch",
    );
    expect(await other({})).toBeUndefined();
  });

  test("states carry doubles exactly", () => {
    const values = Float64Array.of(
      0,
      -0,
      1 / 3,
      Number.MIN_VALUE,
      Number.MAX_VALUE,
      Number.POSITIVE_INFINITY,
    );
    expect(decodeDoubles(encodeDoubles(values))).toEqual(values);
  });
});

test("looks become rarer, by a fifth each time", () => {
  const looks = Array.from({ length: 40 }, (_, k) => k + 1).filter((calls) => lookAt(calls) !== undefined);
  expect(looks).toEqual([1, 2, 3, 4, 5, 7, 9, 11, 14, 17, 21, 26, 32, 39]);
  expect(lookAt(14)).toBe(8);
});

test("errors of a mean over examples are those of drawing examples", async () => {
  const game = noisyGame(6, 4000, 5, 2);
  const shifted = Array.from(
    { length: 20 },
    (_, k): Game => ({
      ...game,
      examples: 200, // a sample of the 4,000
      values: (masks, rows) =>
        game.values(
          masks,
          rows.map((row) => k * 200 + row),
        ),
    }),
  );
  let inside = 0;
  for (const sample of shifted) {
    const { values, standardErrors } = await finish(permutation, sample, { rows: 2400 }); // each example once
    values.forEach((value, i) => {
      if (Math.abs(value - game.shapley[i]!) <= 1.96 * standardErrors[i]!) inside++;
    });
  }
  expect(inside / 120).toBeGreaterThan(0.87);
  expect(inside / 120).toBeLessThan(1);
});
