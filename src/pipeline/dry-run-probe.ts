/** @file Short trials of what a run consists of, so that its time can be told before it is spent. */
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type Dataset, take } from "../datasets/index.ts";
import { estimators } from "../estimators/index.ts";
import type { Model } from "../graph/model.ts";
import { chunkSize } from "../oracle/index.ts";
import { fitNetwork } from "../training/fit.ts";
import { type NetworkGame, networkGame } from "../valuation/network-game.ts";
import { forward, type Runner } from "../valuation/runner.ts";
import type { PayoffSetup } from "../valuation/targets.ts";
import type { WholeNetworkGame } from "../valuation/whole-network-game.ts";
import { gradientsFor } from "./rank-budget.ts";
import type { RankSettings } from "./rank-context.ts";
import { fitOptionsOf, type TuneOptions } from "./tune.ts";

/** Seconds a trial goes on for; a single call of a large network may take longer. */
const trial = 1;

/** Repetitions after which a trial has seen enough, however short they are. */
const enough = 50;

/** Examples that trials are made on. */
const fewExamples = 64;

/** The first examples of a data set: enough for a trial. */
export function fewOf(dataset: Dataset): Dataset {
  return firstOf(dataset, fewExamples);
}

function firstOf(dataset: Dataset, count: number): Dataset {
  if (dataset.size <= count) return dataset;
  return take(
    dataset,
    Array.from({ length: count }, (_, k) => k),
  );
}

/** Seconds for one example through the whole network, all threads at work. */
export async function exampleSeconds(runner: Runner, model: Model, dataset: Dataset): Promise<number> {
  const shared = runner.share(model);
  const few = firstOf(dataset, fewExamples * runner.workers);
  const batchSize = Math.max(1, Math.ceil(few.size / (2 * runner.workers))); // two batches for each thread
  const once = () => forward(runner, shared, few, () => undefined, { batchSize });
  await once(); // opens the sessions
  const started = performance.now();
  let repetitions = 0;
  do {
    await once();
    repetitions++;
  } while (secondsSince(started) < trial && repetitions < enough);
  return secondsSince(started) / (repetitions * few.size);
}

export interface GameTrial {
  readonly analysis: ChannelAnalysis;
  /** Groups whose channels play together. */
  readonly groups: readonly number[];
  readonly settings: RankSettings;
  readonly runner: Runner;
  /** Examples of the trial, and the payoff prepared on them. */
  readonly dataset: Dataset;
  readonly payoff: PayoffSetup;
  /** Rows the ranking would take; undefined where a time ends it. */
  readonly rows: number | undefined;
}

/** Seconds for one row of a game, played as the ranking would play it. */
export async function rowSeconds(options: GameTrial): Promise<number> {
  const { settings } = options;
  const game = await networkGame({
    ...options,
    memory: settings.memory,
    activations: settings.activations,
    gradients: gradientsFor(settings.estimator),
  });
  return secondsOfRow(game, options).finally(game.close);
}

async function secondsOfRow(
  game: NetworkGame,
  { settings, runner, rows: planned }: GameTrial,
): Promise<number> {
  const { seed, weighting, groupSize, partial } = settings;
  const budget = planned === undefined ? { seconds: 2 * trial } : { rows: planned };
  const call = { seed, weighting, groupSize, partial, budget, concurrency: 2 * runner.workers };
  const events = estimators[settings.estimator].run(game, call);
  let first: { readonly rows: number; readonly at: number } | undefined;
  const started = performance.now();
  let rows = 0;
  let repetitions = 0;
  for await (const estimate of events) {
    rows = estimate.rows;
    if (first === undefined)
      first = { rows, at: performance.now() }; // sessions are open from here on
    else if (secondsSince(first.at) > trial || ++repetitions >= enough) break;
  }
  if (first === undefined || rows === first.rows) return secondsSince(started) / Math.max(1, rows);
  return secondsSince(first.at) / (rows - first.rows);
}

/** Seconds for one coalition with every thread at work. */
export async function coalitionSeconds(game: WholeNetworkGame, workers: number): Promise<number> {
  const size = Math.min(chunkSize(game.examples), 2 ** Math.min(game.players, 12));
  const masks = Uint8Array.from({ length: size * game.players }, (_, at) => {
    const [coalition, player] = [Math.floor(at / game.players), at % game.players];
    return (coalition >> (player % 12)) & 1; // neighbours share most channels, as in a search
  });
  const round = () => Promise.all(Array.from({ length: 2 * workers }, () => game.means(masks)));
  await round(); // opens the sessions
  const started = performance.now();
  let rounds = 0;
  do {
    await round();
    rounds++;
  } while (secondsSince(started) < trial && rounds < enough);
  return secondsSince(started) / (rounds * 2 * workers * size);
}

/** Of things of one kind, how many are tried out; the others are judged by them. */
const tried = 3;

/** Seconds as a function of multiply-accumulates, from some things tried out and on straight lines between them. */
export async function secondsByMacs<T extends { readonly rowMacs: number }>(
  things: readonly T[],
  secondsOf: (thing: T) => Promise<number>,
): Promise<(thing: T) => number> {
  const sorted = [...things].sort((a, b) => a.rowMacs - b.rowMacs);
  const count = Math.min(tried, sorted.length);
  const picked = Array.from(
    { length: count },
    (_, k) => sorted[count === 1 ? 0 : Math.round((k * (sorted.length - 1)) / (count - 1))]!,
  );
  const points: { readonly macs: number; readonly seconds: number }[] = [];
  for (const thing of picked) points.push({ macs: thing.rowMacs, seconds: await secondsOf(thing) });
  return ({ rowMacs }) => {
    const above = points.findIndex(({ macs }) => macs >= rowMacs);
    if (above <= 0) return points.at(above)!.seconds; // the smallest, or the largest where none is above
    const [a, b] = [points[above - 1]!, points[above]!];
    const share = b.macs === a.macs ? 1 : (rowMacs - a.macs) / (b.macs - a.macs);
    return a.seconds + share * (b.seconds - a.seconds);
  };
}

/** Steps that are tried at the most, the first of which does not count. */
const trySteps = 8;

/** Seconds for one training step, on real examples. */
export async function stepSeconds(options: TuneOptions): Promise<number> {
  const { parts, settings } = options;
  const train = firstOf(parts.train, trySteps * settings.batchSize);
  const events = fitNetwork({
    ...fitOptionsOf({ ...options, parts: { train, validate: undefined }, checkpoint: undefined }),
    settings: { ...settings, epochs: trySteps, stopping: undefined },
  });
  let began: number | undefined;
  let steps = 0;
  for await (const event of events) {
    if (event.kind !== "step") continue;
    if (began === undefined)
      began = performance.now(); // sessions are open from here on
    else {
      steps++;
      if (secondsSince(began) > trial || steps >= trySteps) break;
    }
  }
  return secondsSince(began!) / Math.max(1, steps);
}

function secondsSince(started: number): number {
  return (performance.now() - started) / 1000;
}
