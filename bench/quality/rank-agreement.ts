/** @file How soon the ranking of a wide dense layer agrees with that of a very long run. */
import { type Estimate, estimators } from "../../src/estimators/index.ts";
import type { Game } from "../../src/games/game.ts";
import { mean } from "../../src/math/sums.ts";
import { spearman } from "../../src/metrics/index.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { gameOfGroup, lenet } from "../networks.ts";
import { atLeast, atMost, type Benchmark, type Findings } from "../record.ts";
import { spreadText } from "../statistics.ts";

const referenceRows = 3_000_000;
const referenceSeed = 99;
const budgets = [20_000, 50_000, 120_000];
const seeds = [1, 2, 3, 4, 5];

export const rankAgreement: Benchmark = {
  title: "Rank agreement on LeNet-5, layer of 100 units",
  how: `Group f5, cross-entropy on 1,000 digits, two threads. Spearman correlation with a run of ${referenceRows.toLocaleString("en")} rows and another seed.`,
  minutes: 0.3,
  async run() {
    const runner = await startRunner({ workers: 2 });
    try {
      return await measure(await gameOfGroup(lenet, "f5", runner));
    } finally {
      await runner.close();
    }
  },
};

async function measure(game: Game): Promise<Findings> {
  const reference = (await timedRun(game, referenceRows, referenceSeed)).values;
  const rows: Record<string, string | number>[] = [];
  const claims: Findings["claims"][number][] = [];
  for (const budget of budgets) {
    const correlations: number[] = [];
    const seconds: number[] = [];
    for (const seed of seeds) {
      const run = await timedRun(game, budget, seed);
      correlations.push(spearman(run.values, reference));
      seconds.push(run.seconds);
    }
    rows.push({
      rows: budget,
      seeds: seeds.length,
      "mean correlation": mean(correlations).toFixed(4),
      "lowest and highest": `${Math.min(...correlations).toFixed(4)} to ${Math.max(...correlations).toFixed(4)}`,
      seconds: spreadText(seconds),
      "rows/s": Math.round((budget * seconds.length) / seconds.reduce((sum, s) => sum + s, 0)),
    });
    if (budget !== 120_000) continue;
    claims.push(atLeast("mean correlation at 120,000 rows:", 0.95, mean(correlations)));
    claims.push(atMost("seconds for 120,000 rows:", 1, Math.max(...seconds)));
  }
  return { rows, claims };
}

async function timedRun(
  game: Game,
  rows: number,
  seed: number,
): Promise<{ readonly values: Float64Array; readonly seconds: number }> {
  const started = performance.now();
  let last: Estimate | undefined;
  for await (const estimate of estimators.permutation.run(game, { budget: { rows }, seed })) last = estimate;
  return { values: last!.values, seconds: (performance.now() - started) / 1000 };
}
