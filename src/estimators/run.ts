/** @file The loop all estimators share: calls of some thousand rows, a few under way at once, folded in item order. */
import { PrunerError } from "../base/problem.ts";
import { coalitionSize } from "../games/coalitions.ts";
import type { Game } from "../games/game.ts";
import { gradientCost } from "../games/gradient-cost.ts";
import { placeOfRow, playWalks } from "../games/walks.ts";
import { type CallRows, type CallSize, type RowStore, rowStore } from "./call-rows.ts";
import type { Estimate, EstimatorOptions, EstimatorState, Settlement, StoppedBy } from "./estimator.ts";
import { blockCount } from "./observations.ts";
import type { Figures, Rows, Scheme } from "./scheme.ts";
import { isSettled, settlementOf } from "./settled.ts";
import { decodeSums, encodeSums, requireSameRun } from "./state.ts";

/**
 * Rows that items are bundled up to, once a run is under way, unless a game is better asked for more. What a call contains
 * never depends on workers or timing.
 */
export const rowsPerCall = 2048;
/** The first calls are smaller, so that the first estimates come soon: so many rows, or this part of later ones. */
const atFirst = { rows: 256, part: 1 / 8 };

/** Rows of call k = 0, 1, …: every second call twice as many, up to the most. */
function rowsOfCall(call: number, most = rowsPerCall): number {
  const first = Math.max(atFirst.rows, Math.floor(atFirst.part * most));
  return Math.min(most, first * 2 ** Math.min(16, Math.floor(call / 2)));
}

const defaultConcurrency = 4;

interface Progress {
  calls: number;
  items: number;
  rows: number;
}

interface Call<Note> {
  readonly firstItem: number;
  readonly notes: readonly Note[];
  readonly asked: CallRows;
  readonly answer: Promise<Answer>;
  /** What it costs: rows, and gradients as rows. */
  readonly cost: number;
}

interface Answer {
  readonly payoffs: Float64Array;
  readonly alongWalks: Float64Array;
  readonly derivatives: Float64Array;
}

/**
 * Runs a scheme to its end and yields running estimates between calls.
 * @param layout Goes into states; a resumed run must have the same.
 * The result depends on game, seed, layout and the place where the run stops; concurrency only decides how far the
 * game is asked ahead (calls asked ahead of an early stop are dropped and appear in no estimate).
 */
export async function* runScheme<Note>(
  name: string,
  game: Game,
  options: EstimatorOptions,
  scheme: Scheme<Note>,
  layout: EstimatorState["layout"],
): AsyncGenerator<Estimate, void, undefined> {
  const { signal, seed, resume, concurrency = defaultConcurrency } = options;
  signal?.throwIfAborted();
  const started = performance.now();
  const progress: Progress = { calls: 0, items: 0, rows: 0 };
  if (resume !== undefined) {
    requireSameRun(resume, name, seed, game, layout);
    scheme.load(decodeSums(resume.sums));
    Object.assign(progress, { calls: resume.calls, items: resume.items, rows: resume.rows });
  }
  const leave = new AbortController();
  const stopSignal = signal === undefined ? leave.signal : AbortSignal.any([signal, leave.signal]);
  const store = rowStore(game.players);
  const underWay: Call<Note>[] = [];
  let nextItem = progress.items;
  let settlement: Settlement | undefined;

  const state = (): EstimatorState => ({
    version: 1,
    estimator: name,
    seed,
    players: game.players,
    examples: game.examples,
    layout,
    ...progress,
    sums: encodeSums(scheme.save()),
  });
  const estimate = (figures: Figures, stoppedBy: StoppedBy | undefined): Estimate => ({
    values: figures.values,
    standardErrors: figures.standardErrors,
    rows: progress.rows,
    ...(settlement === undefined ? {} : { settlement }),
    ...(stoppedBy === undefined ? {} : { stoppedBy }),
    state,
  });
  /** The estimate due at this point of the run, if one is due. */
  const report = (): Estimate | undefined => {
    const isEnd = progress.items === scheme.items;
    const isLate = (performance.now() - started) / 1000 >= (options.budget.seconds ?? Infinity);
    const look = lookAt(progress.calls);
    if (scheme.costly && look === undefined && !isEnd && !isLate) return undefined;
    const figures = scheme.figures();
    if (look !== undefined && options.stop !== undefined && figures.observations >= blockCount) {
      settlement = settlementOf(figures.values, figures.influences(), options.stop, look);
    }
    if (isEnd) return estimate(figures, scheme.ends);
    if (look !== undefined && figures.observations >= blockCount) {
      if (isSettled(settlement, options.stop)) return estimate(figures, "settled");
      if (largest(figures.standardErrors) <= (options.budget.precision ?? -1))
        return estimate(figures, "precision");
    }
    return estimate(figures, isLate ? "seconds" : undefined);
  };

  try {
    if (progress.calls > 0) {
      const last = report();
      if (last?.stoppedBy !== undefined && last.stoppedBy !== "seconds") {
        yield last;
        return;
      }
    }
    for (;;) {
      while (underWay.length < concurrency && nextItem < scheme.items) {
        const size = rowsOfCall(progress.calls + underWay.length, scheme.rowsPerCall ?? game.rowsPerCall);
        const call = ask({ game, scheme, store, signal: stopSignal }, nextItem, size);
        underWay.push(call);
        nextItem += call.notes.length;
      }
      const call = underWay.shift()!;
      const answer = await orAborted(call.answer, signal);
      fold(game, scheme, call, answer);
      store.give(call.asked);
      progress.calls++;
      progress.items += call.notes.length;
      progress.rows += call.cost;
      const due = report();
      if (due !== undefined) yield due;
      if (due?.stoppedBy !== undefined) return;
      signal?.throwIfAborted();
    }
  } finally {
    leave.abort();
  }
}

interface Asking<Note> {
  readonly game: Game;
  readonly scheme: Scheme<Note>;
  readonly store: RowStore;
  readonly signal: AbortSignal;
}

/** Bundles the next items into one call and asks the game. */
function ask<Note>(
  { game, scheme, store, signal }: Asking<Note>,
  firstItem: number,
  size: number,
): Call<Note> {
  const thins = (item: number): boolean => scheme.thins?.(item) ?? false;
  const costOf = (item: number): number => {
    const { gates } = partsOf(scheme, item);
    return scheme.rowsOf(item) + gates * gradientCost(game, thins(item));
  };
  let [end, cost] = [firstItem, 0];
  let isThinned = false;
  const whole = { rows: 0, walks: 0, walkRows: 0, gates: 0 };
  do {
    isThinned ||= thins(end);
    cost += costOf(end);
    advance(whole, partsOf(scheme, end++));
  } while (end < scheme.items && cost + costOf(end) <= size);
  const asked = store.take(whole);
  const { rows } = asked;
  const at = { rows: 0, walks: 0, walkRows: 0, gates: 0 };
  const notes: Note[] = [];
  for (let item = firstItem; item < end; item++) {
    const parts = partsOf(scheme, item);
    notes.push(scheme.write(item, rows, parts.walks > 0 ? at.walkRows : at.rows, at.gates));
    advance(at, parts);
  }
  const answer = answerTo(game, rows, isThinned, signal);
  answer.catch(() => {}); // a call that is dropped may fail unheard; one that is awaited still throws there
  return { firstItem, notes, asked, answer, cost };
}

/** What one item adds to a call. */
function partsOf<Note>(scheme: Scheme<Note>, item: number): CallSize {
  const walks = scheme.walksOf?.(item) ?? 0;
  const rows = scheme.rowsOf(item);
  const gates = scheme.gatesOf?.(item) ?? 0;
  return walks > 0 ? { rows: 0, walks, walkRows: rows, gates } : { rows, walks, walkRows: 0, gates };
}

function advance(at: { -readonly [Part in keyof CallSize]: number }, by: CallSize): void {
  at.rows += by.rows;
  at.walks += by.walks;
  at.walkRows += by.walkRows;
  at.gates += by.gates;
}

async function answerTo(
  game: Game,
  { masks, examples, walks, gates }: Rows,
  isThinned: boolean,
  signal: AbortSignal,
): Promise<Answer> {
  const none = new Float64Array(0);
  const [payoffs, alongWalks, derivatives] = await Promise.all([
    examples.length === 0 ? none : game.values(masks, examples, { signal }),
    walks.examples.length === 0 ? none : playWalks(game, walks, { signal }),
    gates.examples.length === 0
      ? none
      : game.gradients!.at(gates.at, gates.examples, { signal, ...(isThinned && { draws: gates.draws }) }),
  ]);
  return { payoffs, alongWalks, derivatives };
}

function fold<Note>(game: Game, scheme: Scheme<Note>, call: Call<Note>, answer: Answer): void {
  const { notes, firstItem } = call;
  const { rows } = call.asked;
  take(answer.payoffs, rows.payoffs, "rows", "payoffs");
  take(answer.alongWalks, rows.walks.payoffs, "rows of walks", "payoffs");
  take(answer.derivatives, rows.gates.derivatives, "derivatives", "numbers");
  requireFinite(rows, game.players);
  const at = { rows: 0, walks: 0, walkRows: 0, gates: 0 };
  notes.forEach((note, k) => {
    const item = firstItem + k;
    const parts = partsOf(scheme, item); // before the fold, which may begin another round
    scheme.fold(item, note, rows, parts.walks > 0 ? at.walkRows : at.rows, at.gates);
    advance(at, parts);
  });
}

/** @throws {PrunerError} `game-invalid` for an answer of another length than asked for. */
function take(answer: Float64Array, into: Float64Array, asked: string, got: string): void {
  if (answer.length !== into.length) {
    const detail = `it was asked for ${into.length} ${asked} and returned ${answer.length} ${got}`;
    throw new PrunerError("game-invalid", { detail });
  }
  into.set(answer);
}

function requireFinite(rows: Rows, players: number): void {
  requireFinitePayoffs(rows, players);
  const { derivatives, examples } = rows.gates;
  const place = firstNotFinite(derivatives);
  if (place === undefined) return;
  throw new PrunerError("derivative-not-finite", {
    derivative: derivatives[place]!,
    example: examples[Math.floor(place / players)]!,
    player: place % players,
  });
}

function requireFinitePayoffs({ masks, examples, payoffs, walks }: Rows, players: number): void {
  const row = firstNotFinite(payoffs);
  if (row !== undefined) {
    const kept = coalitionSize(masks.subarray(row * players, (row + 1) * players));
    throw new PrunerError("payoff-not-finite", {
      payoff: payoffs[row]!,
      example: examples[row]!,
      kept,
      players,
    });
  }
  const along = firstNotFinite(walks.payoffs);
  if (along === undefined) return;
  const { walk, size } = placeOfRow(walks, along);
  const example = walks.examples[walk]!;
  throw new PrunerError("payoff-not-finite", { payoff: walks.payoffs[along]!, example, kept: size, players });
}

/** Every payoff and every derivative passes here: a call for each would show. */
function firstNotFinite(numbers: Float64Array): number | undefined {
  let at = 0;
  while (at < numbers.length && Number.isFinite(numbers[at])) at++;
  return at === numbers.length ? undefined : at;
}

/** Waits for the work, or throws the signal's reason as soon as it fires. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

const looks: number[] = [1];

/**
 * The number of the look that falls on this many calls, if one does. Looks come after 1, 2, 3, 4, 5, 7, 9, … calls,
 * each about a fifth later than the one before, so that a run makes few of them.
 */
export function lookAt(calls: number): number | undefined {
  while (looks.at(-1)! < calls) looks.push(Math.floor((looks.at(-1)! * 6) / 5) + 1);
  const look = looks.indexOf(calls);
  return look < 0 ? undefined : look;
}

function largest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
