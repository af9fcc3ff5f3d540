/** @file Scores the channels of several groups, in games of one group each or in one game of all, with running estimates and resumption. */
import { type CriterionName, criteria, scoreGroups } from "../criteria/index.ts";
import type { GroupScores } from "../report/records.ts";
import { engineOver } from "../valuation/runner.ts";
import { checkGames, gamesOf } from "./rank-budget.ts";
import { checkPlays, type RankBudget, type RankContext, type RankEvent } from "./rank-context.ts";
import { playGame } from "./rank-game.ts";
import { rankTogether } from "./rank-together.ts";

/**
 * Scores every group in order.
 * @throws {PrunerError} What criteria, estimators and games throw; the signal's reason on abort.
 */
export async function* rankGroups(context: RankContext): AsyncGenerator<RankEvent, GroupScores[], undefined> {
  const { settings, resume } = context;
  checkPlays(settings);
  if (settings.criterion !== "shapley") return yield* scoreByCriterion(context, settings.criterion);
  checkGames(context);
  if (settings.allocation === "open") return yield* rankTogether(context);
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
