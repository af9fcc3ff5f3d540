/** @file Ranks all groups at once: rows go where it is least clear which channels are to go. */
import { type Estimate, estimators } from "../estimators/index.ts";
import type { GroupScores } from "../report/records.ts";
import type { NetworkGame } from "../valuation/network-game.ts";
import { type Aim, type Doubt, doubtAbout, stopFor, usualShare } from "./doubt.ts";
import { type InTurn, inTurn } from "./in-turn.ts";
import { rowsOfAll } from "./rank-budget.ts";
import type { OpenGroup, RankContext, RankEvent } from "./rank-context.ts";
import { type GameContext, openGame, remarkOnGame, requireGames, runOptions, scoresOf } from "./rank-game.ts";

/** Rows of a call: what one step of a group takes, unless it is seen to take more. */
const usualStep = 2048;

/** A group under way. */
interface Course {
  readonly group: number;
  readonly id: string;
  readonly game: NetworkGame;
  readonly answers: Pick<InTurn<NetworkGame>, "hold" | "handOut">;
  readonly run: AsyncGenerator<Estimate, void, undefined>;
  known: Known | undefined;
  /** Rows of its last step. */
  step: number;
}

type Known = Pick<Estimate, "values" | "standardErrors" | "rows" | "stoppedBy" | "settlement"> & {
  readonly doubt: Doubt;
};

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
      courses.push(await begin(able, group, courses));
    }
    yield* playSteps(able, courses, started);
    for (const { id, game } of courses) remarkOnGame(context, id, game);
    const finished = courses.flatMap(({ group, known, game }) =>
      scoresOf(context, [group], { ...known!, stoppedBy: known!.stoppedBy ?? "budget" }, game.method),
    );
    for (const scores of finished) yield { kind: "finished", scores };
    return finished;
  } finally {
    for (const { answers } of courses) answers.handOut();
    await Promise.all(courses.map(({ run }) => run.return()));
    await Promise.all(courses.map(({ game }) => game.close()));
  }
}

async function begin(context: GameContext, group: number, before: readonly Course[]): Promise<Course> {
  const { analysis, settings, groups, resume } = context;
  const { id } = analysis.groups[group]!;
  const keptBefore = before.map(({ game }) => game.activations).reverse();
  const game = await openGame(context, [group], groups.length, keptBefore);
  const aim = aimOf(settings);
  const left = resume?.open?.find((open) => open.id === id);
  const stop = stopFor(aim, game.players);
  const smallest = estimators[settings.estimator].minimumBudget(game.players, game.examples, settings);
  const answers = inTurn(game);
  const run = estimators[settings.estimator].run(answers.game, {
    ...runOptions(context, [group]),
    budget: stop === undefined ? { rows: smallest } : {},
    concurrency: 1, // what one group asks ahead would be lost when others are in more need
    resume: left?.state,
    stop,
  });
  return { group, id, game, answers, run, known: left && knownAgain(left, aim), step: usualStep };
}

/** Steps under way at once, so that threads have work while one is looked at. A constant: what follows depends on it. */
const ahead = 3;

/** A step that has been asked for. */
interface Asked {
  readonly course: Course;
  readonly answer: Promise<IteratorResult<Estimate, void>>;
}

async function* playSteps(
  context: GameContext,
  courses: readonly Course[],
  started: number,
): AsyncGenerator<RankEvent, void, undefined> {
  const { settings, signal, resume } = context;
  const aim = aimOf(settings);
  const purse = purseOf(context, started);
  const asked: Asked[] = [];
  const ask = (course: Course | undefined): boolean => {
    if (course === undefined) return false;
    course.answers.hold();
    const answer = course.run.next();
    answer.catch(() => undefined); // thrown below, when its turn has come
    asked.push({ course, answer });
    return true;
  };
  for (const id of resume?.asked ?? []) ask(courses.find((course) => course.id === id));
  for (;;) {
    signal?.throwIfAborted();
    while (asked.length < ahead && ask(nextOf(courses, asked, purse)));
    const first = asked.shift();
    if (first === undefined) return;
    const { course } = first;
    course.answers.handOut();
    const { done, value } = await first.answer;
    if (done === true) throw new Error(`the run of ${course.id} ended without a reason`);
    course.step = Math.max(usualStep, value.rows - (course.known?.rows ?? 0));
    const estimate = withLastLook(value, course.known);
    course.known = { ...estimate, doubt: doubtAbout(estimate, aim) };
    const rows = rowsOf(courses);
    const together = {
      rows,
      note: standing(courses, aim),
      asked: asked.map(({ course: { id } }) => id),
    };
    yield { kind: "estimate", group: course.id, estimate, budget: purse.total(rows), together };
  }
}

/** What may be spent. */
interface Purse {
  /** What a row takes from it. */
  readonly price: (game: NetworkGame) => number;
  readonly isEmpty: (rows: number) => boolean;
  /** Rows that it will have been in the end. */
  readonly total: (rows: number) => number;
}

/** Rows of all groups together, or a time. */
function purseOf(context: GameContext, started: number): Purse {
  const { budget } = context.settings;
  if (budget === undefined || !("seconds" in budget)) {
    const all = rowsOfAll(context);
    return { price: () => 1, isEmpty: (rows) => rows > all, total: () => all };
  }
  const spent = () => (performance.now() - started) / 1000 / budget.seconds;
  return {
    price: workOf,
    isEmpty: () => spent() > 1,
    total: (rows) => Math.round(rows * Math.max(1, 1 / spent())), // at the present pace
  };
}

/** Runs look at what is settled now and then only; until they look again, what they saw last counts. */
function withLastLook(estimate: Estimate, known: Known | undefined): Estimate {
  const settlement = estimate.settlement ?? known?.settlement;
  return settlement === undefined ? estimate : { ...estimate, settlement };
}

function rowsOf(courses: readonly Course[]): number {
  return courses.reduce((sum, { known }) => sum + (known?.rows ?? 0), 0);
}

/** Whose step comes next; undefined when all groups are settled or asked, or when nothing is left to spend. */
function nextOf(
  courses: readonly Course[],
  asked: readonly Asked[],
  { price, isEmpty }: Purse,
): Course | undefined {
  const underWay = new Set(asked.map(({ course }) => course));
  const next = neediest(
    courses.filter((course) => !underWay.has(course)),
    price,
  );
  if (next?.known === undefined) return next; // nobody ends without an estimate
  const steps = [...underWay, next].reduce((sum, { step }) => sum + step, 0);
  return isEmpty(rowsOf(courses) + steps) ? undefined : next;
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

function aimOf({ settleAt, settleOrder }: Aim): Aim {
  return settleOrder === undefined ? { settleAt: settleAt ?? usualShare } : { settleOrder };
}

function standing(courses: readonly Course[], { settleOrder }: Aim): string {
  const settled = courses.filter(({ known }) => known?.stoppedBy !== undefined).length;
  const groups = `${settled} of ${courses.length} groups settled`;
  if (settleOrder !== undefined) {
    const lowest = Math.min(...courses.map(({ known }) => 1 - (known?.doubt.sum ?? 1)));
    return `${groups}, the least sure order at ${lowest.toFixed(2)}`;
  }
  const open = courses.reduce((sum, { known, game }) => sum + (known?.doubt.channels ?? game.players), 0);
  return `${groups}, ${open} channels in doubt`;
}

/** Where a group stands, to be taken up again. */
export function openGroupOf(
  id: string,
  { values, standardErrors, stoppedBy, settlement, state }: Estimate,
): OpenGroup {
  return {
    id,
    state: state(),
    values: [...values],
    standardErrors: Array.from(standardErrors, (error) => (Number.isFinite(error) ? error : null)),
    stoppedBy: stoppedBy ?? null,
    settlement: settlement ?? null,
  };
}

function knownAgain({ values, standardErrors, state, stoppedBy, settlement }: OpenGroup, aim: Aim): Known {
  const standing = {
    values: Float64Array.from(values),
    standardErrors: Float64Array.from(standardErrors, (error) => error ?? Number.POSITIVE_INFINITY),
    ...(settlement !== null && { settlement }),
  };
  return {
    ...standing,
    rows: state.rows,
    ...(stoppedBy !== null && { stoppedBy }),
    doubt: doubtAbout(standing, aim),
  };
}
