/** @file What gradients may and may not do to values: never a bias, fewer rows where they tell something. */
import { describe, expect, test } from "vitest";
import type { Game } from "../games/game.ts";
import { withMultilinearGradients } from "../games/multilinear.ts";
import { noisyGame, randomInteractionGame } from "../games/toy-games.ts";
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { normal, stream } from "../math/random.ts";
import { coefficientOf, residualOf, shareOut } from "./control-plan.ts";
import { codeOf, errorAt, finish } from "./estimator.properties.ts";
import { estimators } from "./index.ts";

const { permutation } = estimators;
const controlled = estimators["control-variate"];

/** Gradients that are far from the truth, in another way for every player and example. */
function distorted(game: Game): Game {
  const random = stream(77, 0);
  const noise = Float64Array.from({ length: game.players * game.examples }, () => normal(random));
  return withMultilinearGradients(
    game,
    (derivative, player, example) =>
      0.4 * derivative ** 2 + noise[example * game.players + player]! - 0.3 * player,
  );
}

/** Interactions of orders 1 to 4 that differ between examples. */
function mixedGame(players: number, examples: number): Game & { readonly shapley: Float64Array } {
  const games = Array.from({ length: examples }, (_, k) => randomInteractionGame(players, 100 + k));
  return {
    players,
    examples,
    shapley: games[0]!.shapley.map((_, i) =>
      games.reduce((sum, game) => sum + game.shapley[i]! / examples, 0),
    ),
    values: async (masks, rows) => {
      const payoffs = new Float64Array(rows.length);
      for (let row = 0; row < rows.length; row++) {
        const mask = masks.slice(row * players, (row + 1) * players);
        payoffs[row] = (await games[rows[row]!]!.values(mask, Uint32Array.of(0)))[0]!;
      }
      return payoffs;
    },
  };
}

describe("is unbiased, however wrong the gradients", () => {
  const game = distorted(mixedGame(6, 9));
  const { shapley } = mixedGame(6, 9);
  test.each([
    ["too few rows for a pilot", 100],
    ["with a pilot", 420],
    ["with more pairs than examples", 900],
  ])("%s", async (_name, rows) => {
    const runs = emptyMoments(6);
    for (let seed = 0; seed < 1500; seed++)
      addVector(runs, (await finish(controlled, game, { rows, seed })).values);
    const errors = standardErrorsOf(runs);
    runs.mean.forEach((mean, i) => {
      expect(Math.abs(mean - shapley[i]!)).toBeLessThan(3.5 * errors[i]!);
    });
  });
});

test("takes off what differs between examples, at a quarter of the error or less", async () => {
  const game = withMultilinearGradients(noisyGame(8, 400, 5, 3));
  const truth = noisyGame(8, 400, 5, 3).shapley;
  const plain = await errorAt(permutation, game, truth, 4000, 12);
  const taken = await errorAt(controlled, game, truth, 4000, 12);
  expect(taken).toBeLessThan(plain / 4);
});

test("gradients without a message cost little", async () => {
  const source = mixedGame(8, 300);
  const random = stream(78, 0);
  const game = withMultilinearGradients(source, () => normal(random));
  const plain = await errorAt(permutation, source, source.shapley, 3000, 40);
  const taken = await errorAt(controlled, game, source.shapley, 3000, 40);
  expect(taken).toBeLessThan(1.25 * plain);
});

test("standard errors are those for these very examples", async () => {
  const source = mixedGame(8, 300);
  const game = withMultilinearGradients(
    source,
    (derivative, player, example) => derivative + 0.3 * Math.sin(player * example),
  );
  let inside = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { values, standardErrors } = await finish(controlled, game, { rows: 2000, seed });
    values.forEach((value, i) => {
      if (Math.abs(value - source.shapley[i]!) <= 1.96 * standardErrors[i]!) inside++;
    });
  }
  const coverage = inside / (60 * 8);
  expect(coverage).toBeGreaterThan(0.88);
  expect(coverage).toBeLessThan(0.995);
});

test("stops once the decision is settled, without a budget in rows, and resumes to the same bytes", async () => {
  const game = withMultilinearGradients(noisyGame(8, 400, 5, 3));
  const options = { budget: {}, seed: 3, stop: { kind: "settled", remove: 3, confidence: 0.95 } } as const;
  const states: string[] = [];
  let end: string | undefined;
  for await (const estimate of controlled.run(game, options)) {
    states.push(JSON.stringify(estimate.state()));
    end = JSON.stringify([[...estimate.values], estimate.rows, estimate.stoppedBy]);
  }
  expect(end).toContain("settled");
  const middle = JSON.parse(states[Math.floor(states.length / 2)]!);
  let again: string | undefined;
  for await (const { values, rows, stoppedBy } of controlled.run(game, { ...options, resume: middle }))
    again = JSON.stringify([[...values], rows, stoppedBy]);
  expect(again).toBe(end);
});

test("asks for gradients by name where a game has none", async () => {
  const asked = codeOf(
    (async () => {
      for await (const _ of controlled.run(noisyGame(4, 4, 1), { budget: { rows: 100 }, seed: 1 })) void _;
    })(),
  );
  expect(await asked).toBe("game-without-gradients");
});

describe("coefficient and split", () => {
  const items = Array.from({ length: 40 }, (_, k) => {
    const c = Float64Array.of(Math.sin(k * 1.7), Math.cos(k * 2.3));
    return { values: c.map((x, i) => 0.8 * x + 0.01 * Math.sin(k * 91 + i) + 5), controls: c };
  });

  test("the coefficient is that of least squares, for all players together", () => {
    expect(coefficientOf(items)).toBeCloseTo(0.8, 2);
    expect(residualOf(items, 0.8)).toBeLessThan(0.001);
    expect(residualOf(items, 0)).toBeCloseTo(1, 12);
  });

  test("controls that do not vary are left alone", () => {
    const flat = items.map(({ values }) => ({ values, controls: Float64Array.of(1, 1) }));
    expect(coefficientOf(flat)).toBe(0);
  });

  test.each([
    [0.03, 6],
    [0.1, 6],
    [0.5, 6],
    [0.3, 24],
  ])("no other split leaves less variance (residual %d, gradients %d rows)", (residual, gradients) => {
    const costs = { walk: 128, gradients, examples: 1000 };
    const rows = 12_800;
    const variance = (walks: number, controls: number) =>
      residual / walks + (1 - residual) * Math.max(0, 1 / controls - 1 / costs.examples);
    const { walks, controls } = shareOut(rows, residual, costs);
    expect(walks * 128 + controls * gradients).toBeLessThanOrEqual(rows);
    const best = Math.min(
      ...Array.from({ length: 99 }, (_, k) => {
        const pairs = k + 1;
        const left = Math.min(1000, Math.floor((rows - pairs * 128) / gradients));
        return left >= pairs ? variance(pairs, left) : Infinity;
      }),
      residual / 100 + (1 - residual) * (1 / 100 - 1 / 1000),
    );
    expect(variance(walks, controls === 0 ? walks : controls)).toBeLessThan(1.05 * best);
  });

  test("nothing is spent on controls that explain nothing, or that cost more than walks", () => {
    expect(shareOut(10_000, 1, { walk: 100, gradients: 6, examples: 500 }).controls).toBe(0);
    expect(shareOut(10_000, 0.6, { walk: 40, gradients: 200, examples: 500 }).controls).toBe(0);
  });
});
