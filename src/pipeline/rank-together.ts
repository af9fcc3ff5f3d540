/** @file Ranks all groups at once: rows go where it is least clear which channels are to go. */
import { type Estimate, estimators } from "../estimators/index.ts";
import { ascending } from "../math/ranks.ts";
import { confidenceOfCut } from "../ranking/confidence.ts";
import type { GroupScores } from "../report/records.ts";
import type { NetworkGame } from "../valuation/network-game.ts";
import { rowsOfAll } from "./rank-budget.ts";
import type { OpenGroup, RankContext, RankEvent } from "./rank-context.ts";
import {
  type GameContext,
  openGame,
  remarkOnGame,
  requireGames,
  runOptions,
  scoresOf,
  settledAt,
} from "./rank-game.ts";

/** Share of the channels of a group that is to be settled where no other is asked for. */
const usualShare = 0.5;

/** Rows of a call: what one step of a group takes, unless it is seen to take more. */
const usualStep = 2048;

/** A group under way. */
interface Course {
  readonly group: number;
  readonly id: string;
  readonly game: NetworkGame;
  readonly run: AsyncGenerator<Estimate, void, undefined>;
  known: Known | undefined;
  /** Rows of its last step. */
  step: number;
}

type Known = Pick<Estimate, "values" | "standardErrors" | "rows" | "stoppedBy"> & { readonly doubt: Doubt };

interface Doubt {
  /** Sum over channels of the probability to be on the wrong side of the cut. */
  readonly sum: number;
  /** Channels on whose side there is less than 95% confidence. */
  readonly channels: number;
}

/**
 * All games are open at the same time. Every step goes to the group where it is likely to settle most: doubt about the
 * cut over rows spent, and over the work of a row where time is what is shared out. It ends when all groups are settled, or with the budget: rows of all groups
 * together, or a time. Steps follow from estimates alone, so the result does not depend on workers or timing (but for a
 * budget in seconds), and a run taken up again ends in the same bytes.
 * @throws {PrunerError} What games and estimators throw; the signal's reason on abort.
 */
export async function* rankTogether(
  context: RankContext,
): AsyncGenerator<RankEvent, GroupScores[], undefined> {
  const started = performance.now();
  const able = requireGames(context);
  const courses: Course[] = [];
  try {
    for (const group of context.groups) {
      context.signal?.throwIfAborted();
      courses.push(await begin(able, group));
    }
    yield* playSteps(able, courses, started);
    for (const { id, game } of courses) remarkOnGame(context, id, game);
    const finished = courses.flatMap(({ group, known, game }) =>
      scoresOf(context, [group], { ...known!, stoppedBy: known!.stoppedBy ?? "budget" }, game.method),
    );
    for (const scores of finished) yield { kind: "finished", scores };
    return finished;
  } finally {
    await Promise.all(courses.map(({ run }) => run.return()));
    await Promise.all(courses.map(({ game }) => game.close()));
  }
}

async function begin(context: GameContext, group: number): Promise<Course> {
  const { analysis, settings, groups, resume } = context;
  const { id } = analysis.groups[group]!;
  const game = await openGame(context, [group], id, groups.length);
  const share = settings.settleAt ?? usualShare;
  const left = resume?.open?.find((open) => open.id === id);
  const stop = settledAt(share, game.players);
  const smallest = estimators[settings.estimator].minimumBudget(game.players, game.examples, settings);
  const run = estimators[settings.estimator].run(game, {
    ...runOptions(context, [group]),
    budget: stop === undefined ? { rows: smallest } : {},
    concurrency: 1, // what one group asks ahead would be lost when others are in more need
    resume: left?.state,
    stop,
  });
  return { group, id, game, run, known: left && knownAgain(left, share), step: usualStep };
}

async function* playSteps(
  context: GameContext,
  courses: readonly Course[],
  started: number,
): AsyncGenerator<RankEvent, void, undefined> {
  const { settings, signal } = context;
  const share = settings.settleAt ?? usualShare;
  const budget = settings.budget;
  const seconds = budget !== undefined && "seconds" in budget ? budget.seconds : Number.POSITIVE_INFINITY;
  const rows = Number.isFinite(seconds) ? Number.POSITIVE_INFINITY : rowsOfAll(context);
  for (;;) {
    signal?.throwIfAborted();
    const next = neediest(courses, Number.isFinite(seconds) ? workOf : () => 1);
    if (next === undefined) return;
    const spent = courses.reduce((sum, { known }) => sum + (known?.rows ?? 0), 0);
    const isSpent = spent + next.step > rows || performance.now() - started > 1000 * seconds;
    if (isSpent && courses.every(({ known }) => known !== undefined)) return;
    const { done, value } = await next.run.next();
    if (done === true) throw new Error(`the run of ${next.id} ended without a reason`);
    next.step = Math.max(usualStep, value.rows - (next.known?.rows ?? 0));
    next.known = { ...value, doubt: doubtAbout(value.values, value.standardErrors, share) };
    const all = courses.reduce((sum, { known }) => sum + (known?.rows ?? 0), 0);
    const together = { rows: all, note: standing(courses) };
    // under a time, as many rows as there will be at this pace
    const pace = (1000 * seconds) / Math.max(1, performance.now() - started);
    const total = Number.isFinite(rows) ? rows : Math.round(all * Math.max(1, pace));
    yield { kind: "estimate", group: next.id, estimate: value, budget: total, together };
  }
}

/** Multiply-accumulates that everything around a row takes as long as. */
const overhead = 50_000;

function workOf({ rowMacs }: NetworkGame): number {
  return rowMacs + overhead;
}

/**
 * The group to go on with; those that nothing is known of come first. Undefined when all are settled.
 * @param price What a row takes from the budget.
 */
function neediest(courses: readonly Course[], price: (game: NetworkGame) => number): Course | undefined {
  let best: Course | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const course of courses) {
    const { known, game } = course;
    if (known === undefined) return course;
    if (known.stoppedBy !== undefined) continue;
    const need = known.doubt.sum / (Math.max(1, known.rows) * price(game));
    if (need > most) [best, most] = [course, need];
  }
  return best;
}

/** How sure it is that the lowest values are the lowest. Unknown errors leave every channel in doubt. */
function doubtAbout(values: ArrayLike<number>, standardErrors: ArrayLike<number>, share: number): Doubt {
  const count = values.length;
  const removed = Math.min(count - 1, Math.max(1, Math.round(share * count)));
  const mask = new Uint8Array(count).fill(1);
  for (const channel of ascending(values).subarray(0, removed)) mask[channel] = 0;
  const { confidence, undecided } = confidenceOfCut(values, standardErrors, mask);
  return {
    sum: confidence.reduce((sum, sure) => sum + 1 - sure, 0),
    channels: undecided.removed + undecided.kept,
  };
}

function standing(courses: readonly Course[]): string {
  const settled = courses.filter(({ known }) => known?.stoppedBy !== undefined).length;
  const open = courses.reduce((sum, { known, game }) => sum + (known?.doubt.channels ?? game.players), 0);
  return `${settled} of ${courses.length} groups settled, ${open} channels in doubt`;
}

/** Where a group stands, to be taken up again. */
export function openGroupOf(id: string, { values, standardErrors, stoppedBy, state }: Estimate): OpenGroup {
  return {
    id,
    state: state(),
    values: [...values],
    standardErrors: Array.from(standardErrors, (error) => (Number.isFinite(error) ? error : null)),
    stoppedBy: stoppedBy ?? null,
  };
}

function knownAgain({ values, standardErrors, state, stoppedBy }: OpenGroup, share: number): Known {
  const errors = Float64Array.from(standardErrors, (error) => error ?? Number.POSITIVE_INFINITY);
  return {
    values: Float64Array.from(values),
    standardErrors: errors,
    rows: state.rows,
    ...(stoppedBy !== null && { stoppedBy }),
    doubt: doubtAbout(values, errors, share),
  };
}
