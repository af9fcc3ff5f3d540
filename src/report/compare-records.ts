/** @file What the compare command finds, as plain data. */
import type { PayoffKind } from "../metrics/index.ts";

/** Mean over seeds, and how they spread: standard deviation with n - 1, 0 for a single one. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
  readonly count: number;
}

/** Where rankings of a group are measured. */
export interface ComparedGroup {
  readonly id: string;
  readonly channels: number;
  /** Numbers of removed channels at which payoffs are measured, ascending from 0 to `channels`. */
  readonly sizes: readonly number[];
  /** What agreement is measured with: exact Shapley values from a table of all coalitions, or a long estimate. */
  readonly reference: { readonly kind: "exact" | "long"; readonly rows: number } | null;
  /** Whether every coalition was tried, so that oracle sets are known. */
  readonly isOracleKnown: boolean;
}

/** One ranking of one group, measured on examples that no ranking has seen. */
export interface GroupRun {
  readonly id: string;
  /** Channels from the most to the least valuable. */
  readonly order: readonly number[];
  /** Shape [sizes]: payoff once the lowest-ranked channels are gone. */
  readonly lowestGone: readonly number[];
  /** Shape [sizes]: payoff once the highest-ranked channels are gone. */
  readonly highestGone: readonly number[];
  /** Mean payoff lost while channels go from the lowest end, over all numbers of channels; lower is better. */
  readonly areaLowest: number;
  /** The same from the highest end; higher is better. */
  readonly areaHighest: number;
  /** With the reference; null without one, or where scores are constant. */
  readonly spearman: number | null;
  readonly kendall: number | null;
  /** Against oracle sets; null where they are not known. */
  readonly oracle: { readonly add: number; readonly remove: number; readonly regret: number } | null;
}

/** Quality of a whole network on the examples for the final figures. */
export interface NetworkQuality {
  /** Null without class labels. */
  readonly accuracy: number | null;
  /** Cross-entropy (nats) or squared error; without labels the divergence (nats) from what the original says. */
  readonly loss: number | null;
}

/** The whole network once the same share of every group is gone. */
export interface NetworkRun {
  /** Share of the channels of every group that goes. */
  readonly share: number;
  readonly parameters: number;
  readonly macs: number;
  readonly cut: NetworkQuality;
  /** Null where nothing was repaired. */
  readonly repaired: NetworkQuality | null;
  /** Null where nothing was tuned. */
  readonly tuned: NetworkQuality | null;
}

/** One method with one seed. */
export interface CompareRun {
  readonly seed: number;
  /** (coalition, example) pairs evaluated, all groups together; 0 for criteria that play no game. */
  readonly rows: number;
  /** Of ranking all groups, alone on the machine as far as this process goes. */
  readonly seconds: number;
  /** Largest growth of the process's resident memory while it ranked. */
  readonly memoryBytes: number;
  readonly groups: readonly GroupRun[];
  readonly network: readonly NetworkRun[];
}

export interface NetworkSummary {
  readonly share: number;
  readonly cut: Spread | null;
  readonly repaired: Spread | null;
  readonly tuned: Spread | null;
}

/** A method, at one budget where it has one. */
export interface CompareEntry {
  /** As it is asked for, such as "shapley" or "l1". */
  readonly name: string;
  readonly title: string;
  /** Rows for each group it was given; null for methods without a budget. */
  readonly budget: number | null;
  /** Why it could not be measured, or not on all groups; null where it was. */
  readonly missing: string | null;
  /** Where something is missing: of the groups that could be measured, if there are any, and without the network. */
  readonly runs: readonly CompareRun[];
  /** Over seeds; per-group figures averaged over groups first. Null where something is missing. */
  readonly summary: {
    readonly areaLowest: Spread;
    readonly areaHighest: Spread;
    readonly spearman: Spread | null;
    readonly kendall: Spread | null;
    readonly oracleAdd: Spread | null;
    readonly oracleRemove: Spread | null;
    readonly oracleRegret: Spread | null;
    readonly rows: Spread;
    readonly seconds: Spread;
    readonly memoryBytes: Spread;
    /** Accuracies (or, without class labels, minus losses) by share. */
    readonly network: readonly NetworkSummary[];
  } | null;
}

/** What can be said of two methods: the first less the second, paired by seed. */
export interface Contrast {
  readonly first: string;
  readonly second: string;
  /** Rows for each group that the first was given, and the second where it takes any. */
  readonly budget: number | null;
  /** What was measured, such as "area" or "accuracy after repair, 50% gone"; signs are turned so that more is better. */
  readonly measure: string;
  readonly difference: number;
  /** 95% interval of this difference alone. */
  readonly interval: readonly [low: number, high: number];
  /** By the probability of such a difference between equal methods, corrected for the number of contrasts. */
  readonly verdict: "ahead" | "behind" | "within noise";
}

export interface CompareRecord {
  readonly schemaVersion: 1;
  readonly tool: string;
  readonly version: string;
  readonly runtime: string;
  /** SHA-256 of the model, its files of external weights included. */
  readonly model: string;
  readonly data: { readonly fingerprint: string };
  /** How many examples served each end; none serves two. */
  readonly examples: {
    readonly rank: number;
    readonly curves: number;
    readonly calibrate: number;
    readonly tune: number;
    readonly validate: number;
    readonly evaluate: number;
  };
  readonly payoff: PayoffKind;
  /** What activations were kept in, where that was not single precision. */
  readonly activations?: "float16";
  readonly output: string;
  readonly seeds: readonly number[];
  /** Rows for each group that sampling methods were given, one entry of each method for every one of them. */
  readonly budgets: readonly number[];
  readonly shares: readonly number[];
  /** Quality of the original on the examples for the final figures. */
  readonly original: NetworkQuality & { readonly parameters: number; readonly macs: number };
  readonly groups: readonly ComparedGroup[];
  readonly entries: readonly CompareEntry[];
  /** None with a single seed, which says nothing about noise. */
  readonly contrasts: readonly Contrast[];
  /** Sentences computed from the contrasts. */
  readonly conclusions: readonly string[];
}
