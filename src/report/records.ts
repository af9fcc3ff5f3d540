/** @file What results are made of, as plain data: commands fill these in, reports and `--json` show them. */

import type { GroupExplanation } from "../channels/explain.ts";
import type { CriterionName } from "../criteria/index.ts";
import type { Dim } from "../graph/model.ts";
import type { PayoffKind } from "../metrics/index.ts";
import type { LayerRepair } from "../repair/index.ts";
import type { EpochRecord } from "../training/train.ts";

/** Scores of the channels of one group; higher is worth more. */
export interface GroupScores {
  readonly id: string;
  readonly channels: number;
  readonly values: readonly number[];
  /** Null where no error is known (criteria that are no estimates, or too few rows). */
  readonly standardErrors: readonly (number | null)[];
  /** (coalition, example) pairs evaluated; 0 for criteria that play no game. */
  readonly rows: number;
  readonly stoppedBy: string | null;
  /** How rows of a game were evaluated, where last digits depend on it: by adding effects of channels, or one by one. */
  readonly method?: "added" | "rows";
}

/** One column of the before/after table. */
export interface ModelFigures {
  /** Share of correct answers on data not used for ranking; null without class labels. */
  readonly accuracy: number | null;
  readonly accuracyInterval: readonly [low: number, high: number] | null;
  /** Cross-entropy (nats) or squared error; null without labels. */
  readonly loss: number | null;
  readonly lossInterval: readonly [low: number, high: number] | null;
  /** Mean KL divergence (nats) from the original's outputs; null for the original itself. */
  readonly divergence: number | null;
  readonly parameters: number;
  readonly macs: number;
  /** Size of the model file. */
  readonly bytes: number;
  /** Median milliseconds of one run, by batch size; null when not measured. */
  readonly latencyMs: Readonly<Record<string, number>> | null;
  /** Quartiles of the same runs. */
  readonly latencyQuartilesMs: Readonly<Record<string, readonly [low: number, high: number]>> | null;
}

/** How many examples served each end of a pruning; no example serves two, but repair looks at some of those tuned on. */
export interface ExampleCounts {
  /** 0 where nothing was ranked on data. */
  readonly rank: number;
  /** For holding an accuracy floor; 0 without one. */
  readonly decide: number;
  /** For repair; 0 without it. */
  readonly calibrate: number;
  /** For tuning, and for choosing its best epoch; 0 without it. */
  readonly tune: number;
  readonly validate: number;
  readonly evaluate: number;
}

/** What a ranking was made with, as far as it says what the numbers mean. */
export interface ScoringConditions {
  readonly criterion: "shapley" | CriterionName;
  readonly estimator: string | null;
  /** "joint" where the channels of all groups played one game. */
  readonly players?: "joint";
  readonly payoff: PayoffKind | null;
  readonly data: { readonly examples: number } | null;
}

/** What a removal knew of the channels of one group, and what became of them. */
export interface ScoredGroup {
  readonly id: string;
  readonly channels: number;
  /** Shape [channels], by original number: the score in the last ranking the channel took part in; null without one. */
  readonly values: readonly (number | null)[];
  /** Shape [channels]; null where no error is known. */
  readonly standardErrors: readonly (number | null)[];
  /** Shape [channels]: the ranking, from 1, after which the channel went; null for a channel that stays. */
  readonly removedAfter: readonly (number | null)[];
}

/** What a grouped convolution was made to lose, and what the two ways of cutting it were worth. */
export interface GroupedLayer {
  /** The convolution. */
  readonly layer: string;
  readonly blocks: number;
  readonly cut: "equal" | "blocks";
  /**
   * Both ways tried on this layer alone, at the same cost of the network; null where only one way is open. Payoffs are
   * means over the ranking examples.
   */
  readonly trial: {
    /** What the network costs under either way. */
    readonly cost: number;
    readonly quantity: "macs" | "parameters";
    /** Players that went in whole blocks. */
    readonly blocksRemoved: number;
    readonly payoffEqual: number;
    readonly payoffBlocks: number;
    /** Of the difference, from the same examples. */
    readonly standardError: number;
  } | null;
  /** Why nothing was tried, or why the better way was not taken. */
  readonly reason: string | null;
}

/** Under which circumstances a result came about: what it takes to repeat it, and what it cost. */
export interface RunRecord {
  readonly tool: string;
  readonly version: string;
  readonly command: string;
  /** The model or network it was about, as it was given. */
  readonly subject: string;
  /** The command line after the name of the program, as it was given. */
  readonly arguments: readonly string[];
  /** Every option with its value, those left at their defaults included. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Wall-clock time of the whole command. */
  readonly seconds: number;
  readonly machine: {
    readonly cores: number;
    readonly node: string;
    /** What ran the networks; null where it is not installed. */
    readonly runtime: string | null;
  };
}

/** A group of which everything, or a part, has to stay. */
export type LockedGroup = Pick<InspectedGroup, "id" | "channels" | "prunable" | "lockedBy"> & {
  readonly reason: string;
};

export interface InspectedGroup {
  readonly id: string;
  /** All channels of the group, those that must stay included. */
  readonly channels: number;
  /** Channels that may be removed. */
  readonly prunable: number;
  readonly locked: boolean;
  /** Why nothing, or not everything, may go; null where everything may. */
  readonly reason: string | null;
  /** Node that holds the group, where one does. */
  readonly lockedBy: string | null;
  /** What one channel is worth on average while all others are there. */
  readonly macsPerChannel: number;
  readonly parametersPerChannel: number;
  /** Equal numbers have to stay in this many blocks (grouped convolutions); null without blocks. */
  readonly blocks: number | null;
  readonly producers: readonly string[];
  readonly members: readonly { readonly value: string; readonly axis: number }[];
}

export interface Inspection {
  readonly schemaVersion: 1;
  readonly tool: string;
  readonly version: string;
  readonly path: string;
  readonly hash: string;
  readonly opset: number;
  readonly nodes: number;
  readonly inputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly Dim[] | null;
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly Dim[] | null;
  }[];
  /** Inputs of a decoder that come back longer as outputs. */
  readonly caches: readonly { readonly past: string; readonly present: string }[];
  /** Whether they shrink with the heads, and are left out of `inputs` and `outputs`. */
  readonly cachesShrink: boolean;
  /** Trainable parameters; running statistics of batch norms are not counted. */
  readonly parameters: number;
  /** Multiply-accumulates of one example in convolutions, matrix products, recurrent layers and attention. */
  readonly macs: number;
  /** Symbolic sizes (besides the batch) that count as one in `macs`; state them with --input-shape. */
  readonly openSizes: readonly string[];
  /** Parameters that belong to at least one removable channel. */
  readonly prunableParameters: number;
  readonly groups: readonly InspectedGroup[];
  /** Only where one was asked for. */
  readonly explanation?: GroupExplanation;
}

/** How good a network is on the examples for the final figures. */
export interface StageQuality {
  /** Null without class labels. */
  readonly accuracy: number | null;
  /** Cross-entropy (nats) or squared error; null without labels. */
  readonly loss: number | null;
  /** 95% intervals. */
  readonly accuracyInterval: readonly [low: number, high: number] | null;
  readonly lossInterval: readonly [low: number, high: number] | null;
}

/** How good the network was at one point of a round. */
export interface Stage extends StageQuality {
  readonly stage: "sliced" | "repaired" | "tuned";
}

/** What happened in one round, for the record. */
export interface RoundRecord {
  /** From 1. */
  readonly round: number;
  /** Ranking it belongs to, from 1; under an accuracy floor several rounds can follow one ranking. */
  readonly step: number;
  /** What is left of the network after this round. */
  readonly macs: number;
  readonly parameters: number;
  readonly stages: readonly Stage[];
  readonly repair: readonly LayerRepair[] | null;
  readonly tuning: {
    readonly epochs: readonly EpochRecord[];
    readonly bestEpoch: number;
    readonly stoppedBy: string;
    /** False where tuning did worse on the examples kept apart, and what it began with was kept. */
    readonly kept: boolean;
  } | null;
}
