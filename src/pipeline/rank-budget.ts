/** @file The games of a ranking and how many rows each may take. */
import { PrunerError } from "../base/problem.ts";
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type Estimator, type EstimatorName, estimators } from "../estimators/index.ts";
import type { RankContext } from "./rank-context.ts";

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

/** Groups whose channels play together, game by game. */
export function gamesOf({ groups, settings }: RankContext): readonly (readonly number[])[] {
  return settings.players === "joint" ? [groups] : groups.map((group) => [group]);
}

export function playersOf({ analysis }: RankContext, groups: readonly number[]): number {
  return groups.reduce((sum, group) => sum + analysis.groups[group]!.channels, 0);
}

/** @throws {PrunerError} `usage`, `budget-too-small`. */
export function checkGames(context: RankContext): void {
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
export function wholeRows(name: EstimatorName, smallest: number, examples: number): number | undefined {
  if (!looksAtList(name)) return undefined;
  return name === "exact" ? smallest : smallest * examples;
}

export function rowsFor(
  context: RankContext,
  groups: readonly number[],
  smallest: number,
  whole: number | undefined,
): number {
  const { analysis, settings } = context;
  if (settings.budget !== undefined && "rows" in settings.budget) return settings.budget.rows * groups.length;
  return whole ?? Math.max(smallest, defaultRows(analysis, context.groups, playersOf(context, groups)));
}

/** Rows of all games together. */
export function rowsOfAll(context: RankContext): number {
  const examples = context.data?.dataset.size ?? 1;
  return plannedGames(context, examples).reduce((sum, { rows }) => sum + (rows ?? 0), 0);
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
