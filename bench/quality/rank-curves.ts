/** @file How soon rankings agree with that of a very long run, by rows and by seconds, estimator by estimator. */
import { type Estimate, type EstimatorName, estimators } from "../../src/estimators/index.ts";
import type { Game } from "../../src/games/game.ts";
import { ascending } from "../../src/math/ranks.ts";
import { mean } from "../../src/math/sums.ts";
import { spearman } from "../../src/metrics/index.ts";
import type { NetworkGame } from "../../src/valuation/network-game.ts";
import { startRunner } from "../../src/valuation/runner.ts";
import { agreementCurves } from "../charts/agreement-curves.ts";
import { cifar, gameOfGroup, lenet, type NetworkSettings } from "../networks.ts";
import { type Benchmark, type Findings, together } from "../record.ts";
import { spreadOf } from "../statistics.ts";
import { referenceValues } from "./references.ts";

const workers = 2;

interface Course {
  readonly network: string;
  readonly settings: NetworkSettings;
  readonly group: string;
  readonly referenceRows: number;
  readonly budgets: readonly number[];
  readonly seeds: readonly number[];
}

/** `exact` has too many coalitions here; `partial` with one channel is leave-one-out; the others answer another question. */
const leftOut = new Set(["exact", "partial", "first-in-last-out", "greedy", "sequential"]);
const contenders = Object.keys(estimators).filter((name) => !leftOut.has(name)) as EstimatorName[];

const how = `Payoff cross-entropy, ${workers} threads, a run of its own for each budget and seed; means over seeds. Correlation: Spearman, with a run of permutation of another seed and many more rows. Overlap: share of the lowest quarter (half) of the channels that the reference has there too; a random ranking has 0.25 (0.5). Made over told: the root mean square of the errors against the reference over that of the standard errors, all seeds and channels together; biased estimators but shrinkage do not tell their bias. Seconds: median; activations, and effects of channels where they are added, are there before. permutation-whole needs a walk over all examples before it can say anything.`;

export const rankCurves: Benchmark = {
  title: "Agreement of rankings, LeNet-5",
  how,
  minutes: 2,
  run: () =>
    measureAll([
      {
        network: "LeNet-5",
        settings: lenet,
        group: "f5",
        referenceRows: 5_000_000,
        budgets: [5_000, 20_000, 80_000, 320_000],
        seeds: [1, 2, 3, 4, 5],
      },
      {
        network: "LeNet-5",
        settings: lenet,
        group: "c3",
        referenceRows: 5_000_000,
        budgets: [2_000, 8_000, 32_000, 128_000],
        seeds: [1, 2, 3, 4, 5],
      },
    ]),
  draw: agreementCurves,
};

export const rankCurvesResnet: Benchmark = {
  title: "Agreement of rankings, ResNet-20 and ResNet-56",
  how,
  minutes: 6,
  run() {
    const [small, large] = [cifar("resnet20-cifar10", 200), cifar("resnet56-cifar10", 200)];
    if (typeof small === "string") return Promise.resolve({ skipped: small });
    if (typeof large === "string") return Promise.resolve({ skipped: large });
    const each = { referenceRows: 400_000, budgets: [1_000, 4_000, 16_000], seeds: [1, 2, 3] };
    return measureAll([
      { network: "ResNet-20", settings: small, group: "layer2.1.conv1", ...each },
      { network: "ResNet-56", settings: large, group: "layer3.4.conv1", ...each },
    ]);
  },
  draw: agreementCurves,
};

async function measureAll(courses: readonly Course[]): Promise<Findings> {
  const runner = await startRunner({ workers });
  try {
    const parts: Findings[] = [];
    for (const course of courses)
      parts.push(await measure(course, await gameOfGroup(course.settings, course.group, runner)));
    return together(parts);
  } finally {
    await runner.close();
  }
}

async function measure(course: Course, game: NetworkGame): Promise<Findings> {
  const { network, group, settings, referenceRows } = course;
  const reference = await referenceValues(game, { settings, group, rows: referenceRows });
  await timedRun("permutation", game, 2 * game.players * game.examples, 0); // every example is met before time is taken
  const panel = `${network} ${group}`;
  const curves: { readonly name: string; readonly points: readonly Point[] }[] = [];
  for (const name of contenders) {
    const points = await curveOf(name, game, reference, course);
    if (points.length > 0) curves.push({ name, points });
  }
  const rows = curves.flatMap(({ name, points }) =>
    points.map((point) => ({
      group: panel,
      estimator: name,
      rows: point.rows,
      correlation: point.correlation.toFixed(3),
      "lowest and highest": `${point.low.toFixed(3)} to ${point.high.toFixed(3)}`,
      "lowest quarter": point.quarter.toFixed(2),
      "lowest half": point.half.toFixed(2),
      "made over told": Number.isFinite(point.madeOverTold) ? point.madeOverTold.toFixed(2) : "-",
      seconds: point.seconds.toPrecision(2),
    })),
  );
  return { rows, claims: [], series: curves.map((curve) => ({ panel, ...curve })) };
}

type Point = {
  /** Rows spent, which may be fewer than the budget. */
  readonly rows: number;
  readonly seconds: number;
  /** Spearman correlation: mean, lowest and highest over seeds. */
  readonly correlation: number;
  readonly low: number;
  readonly high: number;
  /** Shares of the lowest quarter and half that are the reference's. */
  readonly quarter: number;
  readonly half: number;
  /** Errors in standard errors; NaN where none are told. */
  readonly madeOverTold: number;
};

async function curveOf(
  name: EstimatorName,
  game: Game,
  reference: Float64Array,
  { budgets, seeds }: Course,
): Promise<Point[]> {
  const points: Point[] = [];
  for (const budget of budgets) {
    if (estimators[name].minimumBudget(game.players, game.examples) > budget) continue;
    const runs: Timed[] = [];
    for (const seed of seeds) runs.push(await timedRun(name, game, budget, seed));
    const point = pointOf(runs, reference);
    if (point.rows !== points.at(-1)?.rows) points.push(point); // some are done before the budget is
  }
  return points;
}

function pointOf(runs: readonly Timed[], reference: Float64Array): Point {
  const correlations = runs.map(({ values }) => spearman(values, reference));
  const overlap = (share: number) => mean(runs.map(({ values }) => overlapAt(values, reference, share)));
  return {
    rows: Math.round(mean(runs.map(({ rows }) => rows))),
    seconds: spreadOf(runs.map(({ seconds }) => seconds)).median,
    correlation: mean(correlations),
    low: Math.min(...correlations),
    high: Math.max(...correlations),
    quarter: overlap(0.25),
    half: overlap(0.5),
    madeOverTold: madeOverTold(runs, reference),
  };
}

function madeOverTold(runs: readonly Timed[], reference: Float64Array): number {
  const square = (numbers: Float64Array) => mean(numbers.map((number) => number ** 2));
  const told = mean(runs.map(({ standardErrors }) => square(standardErrors)));
  const made = mean(runs.map(({ values }) => square(values.map((value, at) => value - reference[at]!))));
  return Number.isFinite(told) ? Math.sqrt(made / told) : Number.NaN;
}

/** Share of the lowest players that both have. */
function overlapAt(values: Float64Array, reference: Float64Array, share: number): number {
  const count = Math.round(share * values.length);
  const wanted = new Set(ascending(reference).subarray(0, count));
  return (
    ascending(values)
      .subarray(0, count)
      .filter((player) => wanted.has(player)).length / count
  );
}

interface Timed {
  readonly values: Float64Array;
  readonly standardErrors: Float64Array;
  readonly rows: number;
  readonly seconds: number;
}

async function timedRun(name: EstimatorName, game: Game, rows: number, seed: number): Promise<Timed> {
  const started = performance.now();
  let last: Estimate | undefined;
  for await (const estimate of estimators[name].run(game, { budget: { rows }, seed })) last = estimate;
  const { values, standardErrors, rows: spent } = last!;
  return { values, standardErrors, rows: spent, seconds: (performance.now() - started) / 1000 };
}
