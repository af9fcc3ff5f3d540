/** @file What every estimator takes and gives. */
import type { Game } from "../games/game.ts";

/**
 * When to stop at the latest. At least one limit; the first one reached ends the run.
 * Only `seconds` makes a result depend on the machine.
 */
export interface Budget {
  /** Rows to spend at most: one coalition on one example each. */
  readonly rows?: number;
  /** Seconds from the start (or the resumption) of the run; looked at between calls. */
  readonly seconds?: number;
  /** Stop when the largest standard error is at most this, in the unit of the payoff. */
  readonly precision?: number;
}

/** How much the marginal contributions to coalitions of each size count. */
export type Weighting =
  | { readonly kind: "shapley" } // every size alike
  | { readonly kind: "banzhaf" } // every coalition alike, so that sizes near a half dominate
  | { readonly kind: "window"; readonly from: number; readonly to: number }; // sizes within these fractions of all players, alike

/** Stop when what the values are for is settled, whatever their precision: */
export type StopRule =
  /** who is removed, … */
  | {
      readonly kind: "settled";
      /** How many of the lowest-valued players are to be removed. */
      readonly remove: number;
      /** Probability, for example 0.95, that the set found is the set of lowest values. */
      readonly confidence: number;
    }
  /** … or the order of all players. */
  | {
      readonly kind: "ordered";
      /** Rank correlation with the order of true values that is to be expected, for example 0.95. */
      readonly correlation: number;
    };

/** Which coalitions `partial` looks at. */
export interface PartialOptions {
  /** Players removed from everyone, or added to no one, at most. */
  readonly limit: number;
  readonly side: "removal" | "addition";
}

export interface EstimatorOptions {
  readonly budget: Budget;
  /** The same seed gives the same bytes. */
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  /** Default Shapley. */
  readonly weighting?: Weighting | undefined;
  /** Examples that share a fresh draw of coalitions; default 2. Small budgets share among fewer. */
  readonly groupSize?: number | undefined;
  /** Calls of the game under way at once; default 4. The result does not depend on it. */
  readonly concurrency?: number | undefined;
  /** Continues a run from `Estimate.state()`; game, seed and options must be those of the saved run. */
  readonly resume?: EstimatorState | undefined;
  readonly stop?: StopRule | undefined;
  /** For the estimator `partial`; default one player on the removal side. */
  readonly partial?: PartialOptions | undefined;
}

export type StoppedBy = "budget" | "precision" | "settled" | "seconds" | "complete";

/** How far what a stop rule asks is settled. */
export type Settlement =
  | {
      readonly kind: "settled";
      readonly remove: number;
      /** Pairs of a player to remove and one to keep whose order is still open at the wished confidence. */
      readonly openPairs: number;
    }
  | {
      readonly kind: "ordered";
      /** Rank correlation with the order of true values that is to be expected. */
      readonly correlation: number;
    };

export interface Estimate {
  /** Estimated values, [players], in the unit of the payoff. */
  readonly values: Float64Array;
  /**
   * Standard errors, [players]: the spread to expect if examples and coalitions were drawn anew. Infinite while it is
   * unknown. They are cautious where examples are drawn without repetition: once every example has been seen, that
   * part of the error with respect to these very examples is gone, yet still counted.
   */
  readonly standardErrors: Float64Array;
  /** Rows that this estimate rests on. */
  readonly rows: number;
  /** With a stop rule: as found at the last look (looks become rarer as the run goes on). */
  readonly settlement?: Settlement;
  /** On the last estimate of a run: why it ended. */
  readonly stoppedBy?: StoppedBy;
  /** Where the run stands now, for `resume`. Plain JSON; costs a copy, so call it only when saving. */
  state(): EstimatorState;
}

/** A run between two calls, as plain JSON with exact numbers. */
export interface EstimatorState {
  readonly version: 1;
  readonly estimator: string;
  readonly seed: number;
  readonly players: number;
  readonly examples: number;
  /** Weighting and sizes the run was laid out with. */
  readonly layout: Readonly<Record<string, number | string>>;
  readonly calls: number;
  readonly items: number;
  readonly rows: number;
  /** Running sums: little-endian doubles in base64. */
  readonly sums: Readonly<Record<string, string>>;
}

export interface Estimator {
  readonly title: string;
  /** Paper the method comes from, printed in reports. */
  readonly reference: string;
  readonly description: string;
  /** Weightings it can estimate. */
  readonly supports: readonly Weighting["kind"][];
  /** Whether it asks for `Game.gradients`: cannot do without, or does better with them. Left out: has no use for them. */
  readonly gradients?: "needed" | "welcome";
  /** Fewest rows it can work with. */
  minimumBudget(players: number, examples: number, options?: SizingOptions): number;
  /**
   * Running estimates; the last one carries `stoppedBy`. Leaving the loop ends the work behind it.
   * @throws {PrunerError} `budget-too-small`, `budget-invalid`, `weighting-not-supported`, `weighting-empty`,
   *   `too-many-coalitions`, `too-few-players`, `game-without-gradients`, `invalid-option`, `resume-mismatch` before any work;
   *   `payoff-not-finite` and `game-invalid` for what the game returns; the signal's reason on abort.
   */
  run(game: Game, options: EstimatorOptions): AsyncGenerator<Estimate, void, undefined>;
}

/** The options that decide how many rows the smallest run takes. */
export type SizingOptions = Pick<EstimatorOptions, "weighting" | "partial">;
