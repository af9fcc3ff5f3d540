/** @file Values the channels of some groups in one game. */
import { PrunerError } from "../base/problem.ts";
import {
  type Estimate,
  type EstimatorOptions,
  type EstimatorState,
  estimators,
} from "../estimators/index.ts";
import { percent, whole } from "../report/format.ts";
import type { GroupScores } from "../report/records.ts";
import { type NetworkGame, type NetworkGameOptions, networkGame } from "../valuation/network-game.ts";
import { stopFor } from "./doubt.ts";
import { gradientsFor, rowsFor, wholeRows } from "./rank-budget.ts";
import type { RankContext, RankEvent } from "./rank-context.ts";

/** A context that can play games. */
export type GameContext = RankContext & { readonly data: NonNullable<RankContext["data"]> };

/** @throws {PrunerError} `criterion-needs-data`. */
export function requireGames(context: RankContext): GameContext {
  const { data } = context;
  if (data?.payoff === undefined) throw new PrunerError("criterion-needs-data", { criterion: "shapley" });
  return { ...context, data };
}

/**
 * Sets up the game of some groups.
 * @param games How many games are open at the same time, and share the memory.
 * @param upstream What those of them keep that stay open as long as this one.
 */
export function openGame(
  { analysis, settings, data }: GameContext,
  groups: readonly number[],
  games = 1,
  upstream: NetworkGameOptions["upstream"] = [],
): Promise<NetworkGame> {
  return networkGame({
    ...data,
    payoff: data.payoff!,
    analysis,
    groups,
    games,
    memory: settings.memory,
    activations: settings.activations,
    gradients: gradientsFor(settings.estimator),
    upstream,
  });
}

/** How the estimator of a ranking is run on the game of some groups, but for what ends it. */
export function runOptions(
  { settings, signal }: GameContext,
  groups: readonly number[],
): Omit<EstimatorOptions, "budget"> {
  const { seed, weighting, partial, groupSize } = settings;
  // a stream of its own for every game
  return { seed: (seed + Math.imul(groups[0]!, 0x9e3779b1)) >>> 0, signal, weighting, partial, groupSize };
}

/** Values the channels of these groups in one game. */
export async function* playGame(
  context: RankContext,
  groups: readonly number[],
  resume: EstimatorState | undefined,
  seconds: number | undefined,
): AsyncGenerator<RankEvent, GroupScores[], undefined> {
  if (groups.length === 0) return [];
  const { analysis } = context;
  const name = groups.length === 1 ? analysis.groups[groups[0]!]!.id : `${groups.length} groups together`;
  const able = requireGames(context);
  const game = await openGame(able, groups);
  try {
    return yield* valued(able, groups, game, { name, resume, seconds });
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
  context: GameContext,
  groups: readonly number[],
  game: NetworkGame,
  { name, resume, seconds }: Valuing,
): AsyncGenerator<RankEvent, GroupScores[], undefined> {
  const { settings, data } = context;
  const estimator = estimators[settings.estimator];
  const smallest = estimator.minimumBudget(game.players, game.examples, settings);
  const whole = wholeRows(settings.estimator, smallest, game.examples);
  const rows = rowsFor(context, groups, smallest, whole);
  let last: Estimate | undefined;
  const run = estimator.run(game, {
    ...runOptions(context, groups),
    budget: seconds === undefined ? { rows } : { seconds, ...(whole !== undefined && { rows: whole }) },
    concurrency: 2 * data.runner.workers,
    resume,
    stop: stopFor(settings, game.players),
  });
  for await (const estimate of run) {
    last = estimate;
    yield { kind: "estimate", group: name, estimate, budget: rows };
  }
  remarkOnGame(context, name, game);
  return scoresOf(context, groups, last!, game.method);
}

/** Tells what a user might want to change. */
export function remarkOnGame(context: RankContext, name: string, game: NetworkGame): void {
  remarkOnMemory(context, name, game);
  if (game.withoutGradients !== undefined)
    context.onRemark?.(`${name}: estimated without gradients. ${game.withoutGradients.message}`);
}

/** Share of the work on rows from which activations that are computed again are worth a remark. */
const muchAgain = 0.2;

function remarkOnMemory({ onRemark, settings }: RankContext, name: string, game: NetworkGame): void {
  const share = game.recomputedShare();
  if (share <= muchAgain) return;
  const halvable = settings.activations === "float16" ? "" : ", keep them in halves (--activations float16)";
  onRemark?.(
    `${name}: activations of ${whole(game.kept)} of ${whole(game.examples)} examples fit into memory, and computing the others again and again took ${percent(share, 0)} on top of the work on rows. Use fewer examples (--limit)${halvable} or raise --memory.`,
  );
}

/** The values of a game, group by group; its rows are shared out by channels, so that they add up. */
export function scoresOf(
  { analysis }: RankContext,
  groups: readonly number[],
  {
    values,
    standardErrors,
    rows,
    stoppedBy,
  }: Pick<Estimate, "values" | "standardErrors" | "rows" | "stoppedBy">,
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
