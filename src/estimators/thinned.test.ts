/** @file Gradients that a game may leave out by chance: asked for where a run may end early, and no bias comes of it. */
import { describe, expect, test } from "vitest";
import type { Game, GameGradients } from "../games/game.ts";
import { withMultilinearGradients } from "../games/multilinear.ts";
import { noisyGame } from "../games/toy-games.ts";
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { finish } from "./estimator.properties.ts";
import type { Estimate, EstimatorState } from "./estimator.ts";
import { estimators } from "./index.ts";
import { evenDraws } from "./visits.ts";

const { "aumann-shapley": gradients } = estimators;
const [players, examples] = [5, 40];
const runsMade = 600;

interface ThinningGame extends Game {
  readonly gradients: GameGradients;
  /** Rows that were left out, rows that were not to be, and all that were asked for. */
  readonly count: { left: number; exact: number; asked: number };
}

/** Leaves out rows with a chance of its own for each example. */
function thinning(size = examples): ThinningGame {
  const game = withMultilinearGradients(noisyGame(players, size, 3, 1));
  const count = { left: 0, exact: 0, asked: 0 };
  return {
    ...game,
    count,
    gradients: {
      ...game.gradients,
      thinnedRows: 2,
      async at(gates, own, options) {
        const derivatives = await game.gradients.at(gates, own, options);
        count.asked += own.length;
        own.forEach((example, row) => {
          const draw = options?.draws?.[row] ?? -1;
          const chance = 0.2 + (0.8 * example) / size;
          const weight = draw < 0 ? 1 : draw < chance ? 1 / chance : 0;
          if (weight === 0) count.left++;
          if (draw < 0) count.exact++;
          for (let at = row * players; at < (row + 1) * players; at++)
            derivatives[at] = derivatives[at]! * weight;
        });
        return derivatives;
      },
    },
  };
}

async function last(game: Game, options: Parameters<typeof gradients.run>[1]): Promise<Estimate> {
  let found: Estimate | undefined;
  for await (const estimate of gradients.run(game, options)) found = estimate;
  return found!;
}

describe("aumann-shapley", () => {
  test("leaves nothing out where the budget has room for all and nothing else may end the run", async () => {
    const game = thinning();
    const found = await finish(gradients, game, { rows: 2 * examples * 3, seed: 1 });
    expect(game.count).toMatchObject({ left: 0, asked: 2 * examples });
    expect(found.rows).toBe(2 * examples * 3);
    const other = await finish(gradients, game, { rows: 2 * examples * 3, seed: 2 });
    found.values.forEach((value, player) => {
      expect(value).toBeCloseTo(other.values[player]!, 10);
    });
  });

  test.each([
    ["with too few rows for all", { rows: 100 }],
    ["under a time limit", { rows: 2 * examples * 3, seconds: 600 }],
  ])("%s it leaves some out, and is what it should be on average", async (_name, budget) => {
    const game = thinning();
    const exact = (await finish(gradients, thinning(), { rows: 2 * examples * 3 })).values;
    const runs = emptyMoments(players);
    let squares = 0;
    for (let seed = 0; seed < runsMade; seed++) {
      const { values, standardErrors } = await last(game, { budget, seed });
      addVector(runs, values);
      squares += standardErrors.reduce((sum, error) => sum + error ** 2, 0) / runsMade;
    }
    expect(game.count.left / game.count.asked).toBeGreaterThan(0.3);
    const errors = standardErrorsOf(runs);
    exact.forEach((value, player) => {
      expect(Math.abs(runs.mean[player]! - value)).toBeLessThan(3.5 * errors[player]!);
    });
    // errors that are told cover those that are made, cautious where most examples have been seen
    const made = errors.reduce((sum, error) => sum + error ** 2 * runsMade, 0);
    expect(squares / made).toBeGreaterThan(0.8);
  });

  test("counts rows that may be left out at what they cost on average", async () => {
    expect((await last(thinning(), { budget: { rows: 100 }, seed: 1 })).rows).toBe(100);
    expect((await last(thinning(), { budget: { rows: 161 }, seed: 1 })).rows).toBe(160);
  });

  test("a resumed run goes on as it began, whatever may end it now", async () => {
    const unbroken = await last(thinning(), { budget: { rows: 160 }, seed: 4 });
    const { state } = await last(thinning(), { budget: { rows: 60 }, seed: 4 });
    const resumed = await last(thinning(), { budget: { rows: 1000 }, seed: 4, resume: state() });
    expect(resumed.values).toEqual(unbroken.values);
  });
});

describe("shrinkage", () => {
  const { shrinkage } = estimators;
  const many = 300;

  test("lets those be left out that come without walks, where the budget has no room for all", async () => {
    const scarce = thinning(many);
    await finish(shrinkage, scarce, { rows: 600, seed: 1 });
    expect(scarce.count.left).toBeGreaterThan(30);
    expect(scarce.count.exact).toBeGreaterThan(0);
    const ample = thinning(many);
    await finish(shrinkage, ample, { rows: 20_000, seed: 1 });
    expect(ample.count).toMatchObject({ left: 0, exact: ample.count.asked });
  });

  test("tells about as much error as it makes", async () => {
    const exact = (await finish(gradients, thinning(many), { rows: 2 * many * 3 })).values;
    let [made, told] = [0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const { values, standardErrors } = await finish(shrinkage, thinning(many), { rows: 600, seed });
      values.forEach((value, player) => {
        made += (value - exact[player]!) ** 2;
        told += standardErrors[player]! ** 2;
      });
    }
    expect(Math.sqrt(made / told)).toBeGreaterThan(0.4);
    expect(Math.sqrt(made / told)).toBeLessThan(1.3);
  });

  test("spends no more than it may, and resumes to the bytes of an unbroken run", async () => {
    const options = { budget: { rows: 600 }, seed: 3 };
    const states: EstimatorState[] = [];
    let unbroken: Estimate | undefined;
    for await (unbroken of shrinkage.run(thinning(many), options)) states.push(unbroken.state());
    expect(unbroken!.rows).toBeLessThanOrEqual(600);
    let resumed: Estimate | undefined;
    for await (resumed of shrinkage.run(thinning(many), { ...options, resume: states[0]! }));
    expect(resumed!.values).toEqual(unbroken!.values);
    expect(states.length).toBeGreaterThan(1);
  });
});

test("draws fill the range evenly from a start of the seed, and stay below 1 in single precision", () => {
  const [draw, other] = [evenDraws(1), evenDraws(2)];
  const tenths = new Array(10).fill(0);
  for (let position = 0; position < 1000; position++) {
    const number = Math.fround(draw(position));
    expect(number).toBeGreaterThanOrEqual(0);
    expect(number).toBeLessThan(1);
    tenths[Math.floor(10 * number)]++;
  }
  for (const count of tenths) expect(Math.abs(count - 100)).toBeLessThanOrEqual(3);
  expect(draw(0)).not.toBe(other(0));
});
