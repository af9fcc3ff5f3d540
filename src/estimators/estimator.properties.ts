/** @file What every estimator promises, as checks that the shared suite runs over the whole registry. */
import fc from "fast-check";
import { expect } from "vitest";
import { isProblem } from "../base/problem.ts";
import { counted } from "../games/counted.ts";
import type { Game } from "../games/game.ts";
import { withMultilinearGradients } from "../games/multilinear.ts";
import { additiveGame, gameOf, noisyGame, quadraticGame } from "../games/toy-games.ts";
import { sum } from "../math/sums.ts";
import type { Estimate, Estimator, EstimatorOptions, EstimatorState } from "./estimator.ts";

export type TestOptions = Partial<EstimatorOptions> & { readonly rows?: number };

/** A game with whatever else the estimator asks for. */
function gameFor({ gradients }: Estimator, game: Game): Game {
  return gradients !== undefined && game.gradients === undefined ? withMultilinearGradients(game) : game;
}

/** Runs to the end. Rows default to the minimum. */
export async function finish(estimator: Estimator, game: Game, options: TestOptions = {}): Promise<Estimate> {
  const { rows, ...rest } = options;
  const least = estimator.minimumBudget(game.players, game.examples, rest);
  let last: Estimate | undefined;
  for await (const estimate of estimator.run(gameFor(estimator, game), {
    budget: { rows: rows ?? least },
    seed: 1,
    ...rest,
  }))
    last = estimate;
  return last!;
}

/** Every estimate of a run. */
export async function collect(
  estimator: Estimator,
  game: Game,
  options: EstimatorOptions,
): Promise<{ readonly estimates: Estimate[]; readonly states: EstimatorState[] }> {
  const estimates: Estimate[] = [];
  const states: EstimatorState[] = [];
  for await (const estimate of estimator.run(gameFor(estimator, game), options)) {
    estimates.push(estimate);
    states.push(JSON.parse(JSON.stringify(estimate.state())));
  }
  return { estimates, states };
}

const worth = fc.double({ min: -5, max: 5, noNaN: true });
const weights = fc.array(worth, { minLength: 2, maxLength: 9 });

/** Values add up to v(all) - v(none), at whatever budget, for games of one example. */
export function sharesOutTheGrandValue(estimator: Estimator) {
  return fc.asyncProperty(weights, fc.nat(500), fc.nat(), async (w, extra, seed) => {
    const pairs = w.flatMap((a) => w.map((b) => Math.sin(a * 3 + b)));
    const game = quadraticGame(w, pairs);
    const rows = estimator.minimumBudget(w.length, 1) + extra;
    const { values } = await finish(estimator, game, { rows, seed });
    expect(Math.abs(sum(values) - sum(game.shapley))).toBeLessThan(1e-10);
  });
}

/** No run asks for more rows than its budget, and it reports what it asked for. */
export function keepsItsBudget(estimator: Estimator) {
  const run = fc.record({
    players: fc.integer({ min: 2, max: 9 }),
    examples: fc.integer({ min: 1, max: 30 }),
    extra: fc.nat(3000),
    groupSize: fc.integer({ min: 1, max: 8 }),
    concurrency: fc.integer({ min: 1, max: 4 }),
  });
  return fc.asyncProperty(run, async ({ players, examples, extra, ...options }) => {
    const game = counted(gameFor(estimator, noisyGame(players, examples, 3)));
    const rows = estimator.minimumBudget(players, examples) + extra;
    const last = await finish(estimator, game, { rows, ...options });
    expect(game.rows).toBeLessThanOrEqual(rows);
    expect(last.rows).toBe(game.rows);
    expect(["budget", "complete"]).toContain(last.stoppedBy);
    expect(last.values.every(Number.isFinite)).toBe(true);
  });
}

/** A player that never matters gets nothing, and additive games get their weights, at any budget. */
export function seesAdditiveGames(estimator: Estimator, scale: (players: number) => number) {
  return fc.asyncProperty(weights, fc.nat(200), fc.nat(), async (w, extra, seed) => {
    const withNull = [...w, 0];
    const rows = estimator.minimumBudget(withNull.length, 1) + extra;
    const { values } = await finish(estimator, additiveGame(withNull), { rows, seed });
    values.forEach((value, i) => {
      expect(Math.abs(value - withNull[i]! * scale(withNull.length))).toBeLessThan(1e-9);
    });
  });
}

/**
 * Estimates are linear in the game: one run on a·v + b·w is a times the run on v plus b times the run on w. Up to
 * rounding, which regressions magnify where the smallest samples leave a direction open.
 */
export function isLinear(estimator: Estimator) {
  return fc.asyncProperty(worth, worth, fc.nat(300), async (a, b, extra) => {
    const first = noisyGame(6, 4, 11);
    const second = noisyGame(6, 4, 12);
    const mixed: Game = {
      ...first,
      values: async (masks, examples) => {
        const v = await first.values(masks, examples);
        const w = await second.values(masks, examples);
        return v.map((payoff, row) => a * payoff + b * w[row]!);
      },
    };
    const rows = estimator.minimumBudget(6, 4) + extra;
    const [v, w, both] = await Promise.all(
      [first, second, mixed].map((game) => finish(estimator, game, { rows })),
    );
    both!.values.forEach((value, i) => {
      expect(Math.abs(value - (a * v!.values[i]! + b * w!.values[i]!))).toBeLessThan(1e-6);
    });
  });
}

/** A game that answers late and out of order, to shake out any dependence on timing. */
export function sluggish(game: Game): Game {
  let calls = 0;
  return {
    ...game,
    values: async (masks, examples, options) => {
      const turns = (calls++ * 7) % 5;
      for (let k = 0; k < turns; k++) await new Promise((resolve) => setImmediate(resolve));
      return game.values(masks, examples, options);
    },
  };
}

/** A game whose payoff is not a number for one coalition size on any example. */
export function brokenGame(players: number): Game {
  return gameOf(players, 3, (masks, at) => {
    let size = 0;
    for (let i = 0; i < players; i++) size += masks[at + i]!;
    return size === players || size === 1 ? Number.NaN : size;
  });
}

export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isProblem(error) ? error.code : undefined;
}

/** Root of the mean squared error over players and seeds 0 … repeats - 1. */
export async function errorAt(
  estimator: Estimator,
  game: Game,
  truth: ArrayLike<number>,
  rows: number,
  repeats: number,
): Promise<number> {
  let squares = 0;
  for (let seed = 0; seed < repeats; seed++) {
    const { values } = await finish(estimator, game, { rows, seed });
    values.forEach((value, i) => {
      squares += (value - truth[i]!) ** 2 / values.length;
    });
  }
  return Math.sqrt(squares / repeats);
}
