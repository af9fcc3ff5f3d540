/** @file Scores the channels of several groups, in games of one group each or in one game of all, with running estimates and resumption. */

import { PrunerError } from "../base/problem.ts";
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type Aggregate, type CriterionName, criteria, scoreGroups } from "../criteria/index.ts";
import type { Dataset } from "../datasets/index.ts";
import {
  type Estimate,
  type Estimator,
  type EstimatorName,
  type EstimatorState,
  estimators,
  type PartialOptions,
  type Weighting,
} from "../estimators/index.ts";
import { percent, whole } from "../report/format.ts";
import type { GroupScores } from "../report/records.ts";
import { type NetworkGame, networkGame } from "../valuation/network-game.ts";
import { engineOver, type Runner } from "../valuation/runner.ts";
import type { PayoffSetup } from "../valuation/targets.ts";

/** How much is spent: rows for each group, or seconds for everything. */
export type RankBudget = { readonly rows: number } | { readonly seconds: number };

/**
 * Who plays together: the channels of each group, all others staying whole, or those of all groups in one game. Joint
 * values share out what the whole network is worth over the one without any of these channels, v(all) - v(none).
 */
export type Players = "group" | "joint";

export interface RankSettings {
  readonly criterion: "shapley" | CriterionName;
  /** How criteria of single examples fold them; each criterion's own way when left out. */
  readonly aggregate?: Aggregate | undefined;
  readonly estimator: EstimatorName;
  /** Default "group". A joint game has the rows of all its groups together. */
  readonly players?: Players | undefined;
  readonly seed: number;
  /** Left out: chosen from the size of the model (see `defaultRows`). */
  readonly budget?: RankBudget | undefined;
  readonly weighting?: Weighting | undefined;
  readonly partial?: PartialOptions | undefined;
  /** Examples that share a fresh pair of orders. */
  readonly groupSize?: number | undefined;
  /** Stop a group once the set of this share of its channels with the lowest values is settled. */
  readonly settleAt?: number | undefined;
  readonly memory?: number | undefined;
}

export interface RankContext {
  readonly analysis: ChannelAnalysis;
  readonly groups: readonly number[];
  readonly settings: RankSettings;
  /** Absent when the criterion needs neither data nor a runtime. */
  readonly data?:
    | { readonly dataset: Dataset; readonly payoff: PayoffSetup | undefined; readonly runner: Runner }
    | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told while the activations that enter a group are computed. */
  readonly onCached?: ((group: string, done: number, total: number) => void) | undefined;
  /** Told while gradients are computed. */
  readonly onMeasured?: ((done: number, total: number) => void) | undefined;
  /** Told what is worth a line: work that more memory would save. */
  readonly onRemark?: ((remark: string) => void) | undefined;
  /** What an interrupted run had: finished groups, and the state of the one it was in. */
  readonly resume?:
    | { readonly finished: readonly GroupScores[]; readonly current?: EstimatorState | undefined }
    | undefined;
}

export type RankEvent =
  | {
      readonly kind: "estimate";
      /** Name of the group, or how many play together. */
      readonly group: string;
      readonly estimate: Estimate;
      readonly budget: number;
    }
  | { readonly kind: "finished"; readonly scores: GroupScores };

/** Work a default ranking of the whole model should take, in multiply-accumulates: minutes on two cores. */
const defaultWork = 1e13;

/**
 * Rows for a group of `channels` when no budget is given: the same number for each channel of the model, so that the
 * whole ranking takes about `defaultWork` multiply-accumulates, within 50 to 1,000 rows a channel.
 */
export function defaultRows(analysis: ChannelAnalysis, groups: readonly number[], channels: number): number {
  const { macs } = fullCost(costModelOf(analysis));
  const all = groups.reduce((sum, group) => sum + analysis.groups[group]!.channels, 0);
  const each = Math.min(1000, Math.max(50, Math.round(defaultWork / (Math.max(1, macs) * all))));
  return each * channels;
}

/** @throws {PrunerError} `usage` for a joint game of a criterion that plays none. */
export function checkPlays({ criterion, players }: Pick<RankSettings, "criterion" | "players">): void {
  if (players !== "joint" || criterion === "shapley") return;
  throw new PrunerError("usage", {
    detail: `--players joint makes the channels of all groups players of one game, and the criterion ${criterion} plays none. Leave one of them out.`,
  });
}

/**
 * Scores every group in order.
 * @throws {PrunerError} What criteria, estimators and games throw; the signal's reason on abort.
 */
export async function* rankGroups(context: RankContext): AsyncGenerator<RankEvent, GroupScores[], undefined> {
  const { settings, resume } = context;
  checkPlays(settings);
  if (settings.criterion !== "shapley") return yield* scoreByCriterion(context, settings.criterion);
  checkGames(context);
  const games = gamesOf(context);
  const left = resume?.finished ?? [];
  const finished: GroupScores[] = [];
  const started = performance.now();
  for (const [position, groups] of games.entries()) {
    context.signal?.throwIfAborted();
    const first = finished.length;
    let scores = left.slice(first, first + groups.length);
    if (scores.length < groups.length) {
      const current = left.length >= first ? resume?.current : undefined;
      const seconds = secondsFor(
        settings.budget,
        (performance.now() - started) / 1000,
        games.length - position,
      );
      scores = yield* playGame(context, groups, current, seconds);
    }
    finished.push(...scores);
    for (const own of scores) yield { kind: "finished", scores: own };
  }
  return finished;
}

/** Groups whose channels play together, game by game. */
function gamesOf({ groups, settings }: RankContext): readonly (readonly number[])[] {
  return settings.players === "joint" ? [groups] : groups.map((group) => [group]);
}

function playersOf({ analysis }: RankContext, groups: readonly number[]): number {
  return groups.reduce((sum, group) => sum + analysis.groups[group]!.channels, 0);
}

/** @throws {PrunerError} `usage`, `budget-too-small`. */
function checkGames(context: RankContext): void {
  const { aggregate } = context.settings;
  if (aggregate !== undefined)
    throw new PrunerError("usage", {
      detail: `--aggregate ${aggregate} is for criteria with gradients, and this run estimates Shapley values. Leave it out.`,
    });
  checkBudget(context);
}

/** A budget too small for one game is told, in rows for each group, before time goes into the others. */
function checkBudget(context: RankContext): void {
  const { settings, data } = context;
  const { budget, estimator } = settings;
  if (budget === undefined || !("rows" in budget) || data === undefined) return;
  const { minimumBudget } = estimators[estimator];
  const needed = gamesOf(context).map((groups) =>
    Math.ceil(
      minimumBudget(playersOf(context, groups), data.dataset.size, settings) / Math.max(1, groups.length),
    ),
  );
  const most = Math.max(...needed);
  if (budget.rows < most) throw new PrunerError("budget-too-small", { needed: most, got: budget.rows });
}

/** Criteria that are no games: all groups at once, without errors. */
async function* scoreByCriterion(
  { analysis, groups, settings, data, signal, onMeasured }: RankContext,
  criterion: CriterionName,
): AsyncGenerator<RankEvent, GroupScores[], undefined> {
  const { seed, aggregate, memory } = settings;
  const examples = data && {
    engine: engineOver(data.runner),
    dataset: data.dataset,
    payoff: data.payoff,
    ahead: data.runner.workers + 1,
    memory,
    signal,
    onBatch: onMeasured,
  };
  const all = await scoreGroups(criteria[criterion], { analysis, groups, seed, aggregate, examples });
  const finished = groups.map((group): GroupScores => {
    const { id, channels } = analysis.groups[group]!;
    const standardErrors = new Array<null>(channels).fill(null);
    return { id, channels, values: Array.from(all[group]!), standardErrors, rows: 0, stoppedBy: null };
  });
  for (const scores of finished) yield { kind: "finished", scores };
  return finished;
}

/** A time for the whole command is shared out evenly over the groups that are left. */
function secondsFor(budget: RankBudget | undefined, spent: number, groupsLeft: number): number | undefined {
  if (budget === undefined || !("seconds" in budget)) return undefined;
  return Math.max(0.001, (budget.seconds - spent) / groupsLeft);
}

/** Values the channels of these groups in one game. */
async function* playGame(
  context: RankContext,
  groups: readonly number[],
  resume: EstimatorState | undefined,
  seconds: number | undefined,
): AsyncGenerator<RankEvent, GroupScores[], undefined> {
  const { analysis, settings, data, signal } = context;
  if (groups.length === 0) return [];
  const name = groups.length === 1 ? analysis.groups[groups[0]!]!.id : `${groups.length} groups together`;
  if (data?.payoff === undefined) throw new PrunerError("criterion-needs-data", { criterion: "shapley" });
  const game = await networkGame({
    ...data,
    payoff: data.payoff,
    analysis,
    groups,
    memory: settings.memory,
    gradients: gradientsFor(settings.estimator),
    signal,
    onCached: (done, total) => context.onCached?.(name, done, total),
  });
  try {
    return yield* valued({ ...context, data }, groups, game, { name, resume, seconds });
  } finally {
    await game.close();
  }
}

interface Valuing {
  readonly name: string;
  readonly resume: EstimatorState | undefined;
  readonly seconds: number | undefined;
}

/** Estimates values in a game that has been set up. */
async function* valued(
  context: RankContext & { readonly data: NonNullable<RankContext["data"]> },
  groups: readonly number[],
  game: NetworkGame,
  { name, resume, seconds }: Valuing,
): AsyncGenerator<RankEvent, GroupScores[], undefined> {
  const { settings, data, signal } = context;
  const estimator = estimators[settings.estimator];
  const smallest = estimator.minimumBudget(game.players, game.examples, settings);
  const whole = wholeRows(settings.estimator, smallest, game.examples);
  const rows = rowsFor(context, groups, smallest, whole);
  let last: Estimate | undefined;
  const run = estimator.run(game, {
    budget: seconds === undefined ? { rows } : { seconds, ...(whole !== undefined && { rows: whole }) },
    seed: (settings.seed + Math.imul(groups[0]!, 0x9e3779b1)) >>> 0, // a stream of its own for every game
    signal,
    concurrency: 2 * data.runner.workers,
    weighting: settings.weighting,
    partial: settings.partial,
    groupSize: settings.groupSize,
    resume,
    stop:
      settings.settleAt === undefined
        ? undefined
        : {
            kind: "settled",
            remove: Math.max(1, Math.round(settings.settleAt * game.players)),
            confidence: 0.95,
          },
  });
  for await (const estimate of run) {
    last = estimate;
    yield { kind: "estimate", group: name, estimate, budget: rows };
  }
  remarkOnMemory(context, name, game);
  if (game.withoutGradients !== undefined)
    context.onRemark?.(`${name}: estimated without gradients. ${game.withoutGradients.message}`);
  return scoresOf(context, groups, last!, game.method);
}

/** Share of the work on rows from which activations that are computed again are worth a remark. */
const muchAgain = 0.2;

function remarkOnMemory({ onRemark }: RankContext, name: string, game: NetworkGame): void {
  const share = game.recomputedShare();
  if (share <= muchAgain) return;
  onRemark?.(
    `${name}: activations of ${whole(game.kept)} of ${whole(game.examples)} examples fit into memory, and computing the others again and again took ${percent(share, 0)} on top of the work on rows. Use fewer examples (--limit) or raise --memory.`,
  );
}

/** What an estimator makes of derivatives. */
export function gradientsFor(name: EstimatorName): Estimator["gradients"] {
  const estimator: Estimator = estimators[name];
  return estimator.gradients;
}

/** Whether an estimator looks at a fixed list of coalitions, so that it takes no budget. */
export function looksAtList(name: EstimatorName): boolean {
  return name === "exact" || name === "leave-one-out" || name === "partial" || name === "first-in-last-out";
}

/** Rows of estimators that look at a fixed list of coalitions, each on every example; undefined for the others. */
function wholeRows(name: EstimatorName, smallest: number, examples: number): number | undefined {
  if (!looksAtList(name)) return undefined;
  return name === "exact" ? smallest : smallest * examples;
}

function rowsFor(
  context: RankContext,
  groups: readonly number[],
  smallest: number,
  whole: number | undefined,
): number {
  const { analysis, settings } = context;
  if (settings.budget !== undefined && "rows" in settings.budget) return settings.budget.rows * groups.length;
  return whole ?? Math.max(smallest, defaultRows(analysis, context.groups, playersOf(context, groups)));
}

/** A game of a ranking before it is played. */
export interface PlannedGame {
  readonly groups: readonly number[];
  readonly players: number;
  /** Pairs of coalition and example at the most; undefined where a time is what ends the game. */
  readonly rows: number | undefined;
}

/**
 * The games that `rankGroups` would play with so many examples; none for criteria that are no games.
 * @throws {PrunerError} `usage`, `budget-too-small`.
 */
export function plannedGames(context: RankContext, examples: number): PlannedGame[] {
  const { settings } = context;
  if (settings.criterion !== "shapley") return [];
  checkGames(context);
  return gamesOf(context).map((groups) => {
    const players = playersOf(context, groups);
    const smallest = estimators[settings.estimator].minimumBudget(players, examples, settings);
    const whole = wholeRows(settings.estimator, smallest, examples);
    const isTimed = settings.budget !== undefined && "seconds" in settings.budget;
    return { groups, players, rows: isTimed ? whole : rowsFor(context, groups, smallest, whole) };
  });
}

/** The values of a game, group by group; its rows are shared out by channels, so that they add up. */
function scoresOf(
  { analysis }: RankContext,
  groups: readonly number[],
  { values, standardErrors, rows, stoppedBy }: Estimate,
  method: NetworkGame["method"],
): GroupScores[] {
  let start = 0;
  return groups.map((group) => {
    const { id, channels } = analysis.groups[group]!;
    const [from, to] = [start, start + channels];
    start = to;
    const rowsUpTo = (player: number) => Math.round((rows * player) / values.length);
    return {
      id,
      channels,
      values: Array.from(values.subarray(from, to)),
      standardErrors: Array.from(standardErrors.subarray(from, to), (error) =>
        Number.isFinite(error) ? error : null,
      ),
      rows: rowsUpTo(to) - rowsUpTo(from),
      stoppedBy: stoppedBy ?? null,
      method,
    };
  });
}
