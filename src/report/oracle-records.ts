/** @file What the oracle command finds, as plain data. */
import type { PayoffKind } from "../metrics/index.ts";
import type { Guarantee, Judgement, Nesting } from "../oracle/index.ts";

/** The best set of one size: an oracle set after an exhaustive search, the best one found otherwise. */
export interface SizeRecord {
  /** Channels kept. */
  readonly size: number;
  readonly keep: readonly number[];
  readonly remove: readonly number[];
  /** Payoff with the kept channels alone. */
  readonly worth: number;
  /** Mean and lowest payoff of all sets of the size, and how many are worth exactly as much; null when not all were tried. */
  readonly mean: number | null;
  readonly worst: number | null;
  readonly ties: number | null;
  readonly guarantee: { readonly kind: "exact" } | Guarantee;
  /** Of branch and bound: removals of one channel seen that raised the payoff. */
  readonly rises?: number;
}

/** One ranking held against the oracle. */
export interface RankingRecord {
  readonly name: string;
  readonly title: string;
  /** Shape [channels], higher is better. */
  readonly values: readonly number[];
  /** (coalition, example) pairs it takes; 0 for criteria that play no game. */
  readonly rows: number;
  readonly judgement: Judgement;
}

/** What can be said once every coalition is known. */
export interface OracleFindings {
  readonly nesting: Nesting;
  readonly order: { readonly order: readonly number[]; readonly overlap: number; readonly possible: number };
  /** Exact Shapley values, [channels]. */
  readonly shapley: readonly number[];
  /** Sizes the scores `add` and `remove` cover. */
  readonly depth: number;
  /** What both scores are for a random ranking on average. */
  readonly randomScore: number;
  /** Mean regret of a random ranking. */
  readonly randomRegret: number;
  readonly rankings: readonly RankingRecord[];
}

export interface OracleRecord {
  readonly schemaVersion: 1;
  readonly tool: string;
  readonly version: string;
  readonly runtime: string;
  /** SHA-256 of the model, its files of external weights included. */
  readonly model: string;
  readonly data: { readonly fingerprint: string; readonly examples: number };
  readonly payoff: PayoffKind;
  readonly output: string;
  readonly seed: number;
  readonly group: string;
  readonly channels: number;
  /** What activations were kept in, where that was not single precision. */
  readonly activations?: "float16";
  /** Channels that change no payoff of any coalition. */
  readonly silent: readonly number[];
  readonly search: "exhaustive" | "beam" | "branch-and-bound";
  /** How coalitions were evaluated: effects of channels added up, or row by row. */
  readonly method: "added" | "rows";
  /** Coalitions evaluated, on all examples each, whether now or by a run before; silent channels halve them. */
  readonly coalitions: number;
  readonly rows: number;
  readonly sets: readonly SizeRecord[];
  /** Null unless the search was exhaustive. */
  readonly oracle: OracleFindings | null;
}
