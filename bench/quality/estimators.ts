/** @file Error and rank agreement of every estimator against rows, on games whose values are known. */
import { type Estimate, type Estimator, estimators } from "../../src/estimators/index.ts";
import {
  airportGame,
  type Game,
  type KnownGame,
  noisyGame,
  randomInteractionGame,
} from "../../src/games/index.ts";
import { mean } from "../../src/math/sums.ts";
import { spearman } from "../../src/metrics/index.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { gameOfGroup, lenet } from "../networks.ts";
import type { Benchmark, Findings } from "../record.ts";
import { tabulated } from "./tabulated.ts";

type Name = keyof typeof estimators;

interface Course {
  readonly game: KnownGame;
  readonly budgets: readonly number[];
}

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
/**
 * `exact` is the reference; `partial` and `leave-one-out` answer another question, which their error shows. These games have no
 * gradients: `aumann-shapley` cannot play them, and `stratified` has strata alone.
 */
const contenders = Object.entries<Estimator>(estimators).flatMap(([name, { gradients }]) =>
  name === "exact" || gradients === "needed" ? [] : [name as Name],
);

export const estimatorQuality: Benchmark = {
  title: "Error of the estimators",
  how: `Mean over ${seeds.length} seeds of the squared error (in parts of the variance of the true values) and of the Spearman correlation with them. "-" where the budget is too small. The channels of LeNet-5's first convolution are valued exactly by all 1,024 coalitions on 1,000 digits.`,
  minutes: 3,
  async run() {
    const courses: Readonly<Record<string, Course>> = {
      "airport, 40 players": {
        game: airportGame(Float64Array.from({ length: 40 }, (_, i) => (i + 1) ** 1.5)),
        budgets: [500, 2_000, 10_000],
      },
      "interactions up to order 4, 40 players": {
        game: randomInteractionGame(40, 7),
        budgets: [500, 2_000, 10_000],
      },
      "noisy examples, 32 players": { game: noisyGame(32, 1000, 7, 4), budgets: [500, 2_000, 10_000] },
      "LeNet-5, c1, 10 players": { game: await firstConvolution(), budgets: [2_000, 10_000, 50_000] },
    };
    const rows: Findings["rows"][number][] = [];
    for (const [name, course] of Object.entries(courses)) {
      for (const estimator of contenders)
        rows.push({
          "game: budgets in rows": `${name}: ${course.budgets.join(", ")}`,
          estimator,
          ...(await line(course, estimator)),
        });
    }
    return { rows, claims: [] };
  },
};

async function line({ game, budgets }: Course, name: Name): Promise<Record<string, string>> {
  const cells: Record<string, string> = {};
  for (const [k, rows] of budgets.entries()) {
    const column = ["first", "second", "third"][k]!;
    cells[`${column}: error`] = "-";
    cells[`${column}: ranks`] = "-";
    if (estimators[name].minimumBudget(game.players, game.examples) > rows) continue;
    const errors: number[] = [];
    const agreements: number[] = [];
    for (const seed of seeds) {
      const values = await valuesOf(name, game, rows, seed);
      errors.push(relativeError(values, game.shapley));
      agreements.push(spearman(values, game.shapley));
    }
    cells[`${column}: error`] = mean(errors).toPrecision(2);
    cells[`${column}: ranks`] = mean(agreements).toFixed(3);
  }
  return cells;
}

async function valuesOf(name: Name, game: Game, rows: number, seed: number): Promise<Float64Array> {
  let last: Estimate | undefined;
  for await (const estimate of estimators[name].run(game, { budget: { rows }, seed })) last = estimate;
  return last!.values;
}

/** Sum of squared errors over sum of squared deviations of the true values from their mean. */
function relativeError(values: Float64Array, truth: Float64Array): number {
  const centre = mean(truth);
  const off = mean(values.map((value, i) => (value - truth[i]!) ** 2));
  return off / mean(truth.map((value) => (value - centre) ** 2));
}

/** The first convolution of LeNet-5: ten channels, few enough to play every coalition on every digit. */
async function firstConvolution(): Promise<KnownGame> {
  const runner = await startRunner({ workers: 2 });
  try {
    const game = await tabulated(await gameOfGroup(lenet, "c1", runner));
    const rows = 2 ** game.players * game.examples;
    return { ...game, shapley: await valuesOf("exact", game, rows, 1) };
  } finally {
    await runner.close();
  }
}
