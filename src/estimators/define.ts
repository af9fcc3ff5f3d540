/** @file Turns a scheme into an estimator: everything that is checked before the first row. */
import { PrunerError } from "../base/problem.ts";
import type { Game } from "../games/game.ts";
import type { Estimator, EstimatorOptions, Weighting } from "./estimator.ts";
import { runScheme } from "./run.ts";
import type { Scheme } from "./scheme.ts";
import { describeWeighting } from "./weighting.ts";

export const shapley: Weighting = { kind: "shapley" };

export interface Definition<Note> extends Omit<Estimator, "run"> {
  /** Key in the registry. */
  readonly name: string;
  /** True when it decides by itself what to spend rows on: stop rules and precisions do not apply. Default false. */
  readonly adapts?: boolean;
  /** Fewest players it is defined for; default 1. */
  readonly minimumPlayers?: number;
  /** Lays out the run. Called once everything is known to be in range. */
  scheme(game: Game, options: EstimatorOptions): Scheme<Note>;
}

/** An estimator whose options are checked and whose run goes through the shared loop. */
export function defineEstimator<Note>(definition: Definition<Note>): Estimator {
  const { name, scheme, adapts = false, minimumPlayers = 1, ...facts } = definition;
  return {
    ...facts,
    async *run(game, options) {
      requireGame(game);
      if (definition.gradients === "needed" && game.gradients === undefined)
        throw new PrunerError("game-without-gradients", { estimator: name });
      requireWeighting(options.weighting ?? shapley, name, definition.supports);
      if (game.players < minimumPlayers)
        throw new PrunerError("too-few-players", {
          estimator: name,
          needed: minimumPlayers,
          got: game.players,
        });
      requireOptions(options, game.players);
      if (adapts) requireRowsOrSeconds(options, name);
      const needed = definition.minimumBudget(game.players, game.examples, options);
      const rows = options.budget.rows ?? Number.POSITIVE_INFINITY;
      if (rows < needed) throw new PrunerError("budget-too-small", { needed, got: rows });
      const layout = scheme(game, options);
      const weighting = describeWeighting(options.weighting ?? shapley);
      const { budget } = options;
      if (
        layout.items === Number.POSITIVE_INFINITY &&
        budget.seconds === undefined &&
        budget.precision === undefined &&
        options.stop === undefined
      )
        throw new PrunerError("budget-invalid", { detail: "nothing in it ends the run" });
      yield* runScheme(name, game, options, layout, { ...layout.layout, weighting });
    },
  };
}

function requireGame({ players, examples }: Game): void {
  for (const [what, count] of Object.entries({ players, examples })) {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new PrunerError("game-invalid", { detail: `it has ${count} ${what}` });
  }
}

function requireWeighting(weighting: Weighting, name: string, supports: Estimator["supports"]): void {
  if (supports.includes(weighting.kind)) return;
  const data = { estimator: name, weighting: weighting.kind, supported: supports.join(", ") };
  throw new PrunerError("weighting-not-supported", data);
}

/** Estimators that play a game of their own for every player removed have no one set of values that settles. */
function requireRowsOrSeconds({ budget, stop }: EstimatorOptions, name: string): void {
  const why = `the estimator ${name} plays another game for every player it removes`;
  if (stop !== undefined)
    throw new PrunerError("invalid-option", {
      option: stop.kind === "settled" ? "settle-at" : "settle-order",
      got: stop.kind === "settled" ? `${stop.remove} players` : String(stop.correlation),
      expected: `it to be left out, since ${why}`,
    });
  if (budget.precision !== undefined)
    throw new PrunerError("budget-invalid", { detail: `no one precision ends the run, since ${why}` });
}

function requireOptions(options: EstimatorOptions, players: number): void {
  const { budget, seed, stop, groupSize = 1, concurrency = 1, partial, weighting } = options;
  const { rows, seconds, precision } = budget;
  const wrongBudget = (detail: string): never => {
    throw new PrunerError("budget-invalid", { detail });
  };
  if (rows !== undefined && !(Number.isSafeInteger(rows) && rows > 0))
    wrongBudget(`${rows} rows is not a whole number above 0`);
  if (seconds !== undefined && !(seconds > 0)) wrongBudget(`${seconds} seconds is not above 0`);
  if (precision !== undefined && !(precision >= 0 && Number.isFinite(precision)))
    wrongBudget(`a precision of ${precision} is not a number of at least 0`);
  const requireCount = (option: string, value: number, from: number, to: number): void => {
    if (Number.isSafeInteger(value) && value >= from && value <= to) return;
    const expected = `a whole number from ${from} to ${to}`;
    throw new PrunerError("invalid-option", { option, got: String(value), expected });
  };
  requireCount("seed", seed, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  requireCount("group-size", groupSize, 1, Number.MAX_SAFE_INTEGER);
  requireCount("concurrency", concurrency, 1, 1024);
  if (partial !== undefined) requireCount("partial", partial.limit, 1, players);
  if (stop?.kind === "settled") {
    requireCount("remove", stop.remove, 1, players - 1);
    requireInside("confidence", stop.confidence);
  }
  if (stop?.kind === "ordered") requireInside("correlation", stop.correlation);
  if (weighting?.kind === "window" && !(weighting.from >= 0 && weighting.to <= 1))
    throw new PrunerError("invalid-option", {
      option: "weighting",
      got: describeWeighting(weighting),
      expected: "a window between 0 and 1",
    });
}

function requireInside(option: string, value: number): void {
  if (value > 0 && value < 1) return;
  throw new PrunerError("invalid-option", {
    option,
    got: String(value),
    expected: "a number between 0 and 1",
  });
}
