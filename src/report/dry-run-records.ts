/** @file What a dry run finds out, as plain data: what would happen, and what it would cost. */
import type { Cost } from "../channels/cost.ts";
import type { ScoringConditions } from "./records.ts";

export interface DryRun {
  readonly dryRun: true;
  readonly command: string;
  readonly before: Cost;
  /** What would be left; null where nothing goes, or where nothing can be said before the work is done. */
  readonly after: PlannedCost | null;
  readonly groups: readonly PlannedGroup[];
  /** Null where nothing is scored. */
  readonly scoring: Omit<ScoringConditions, "data"> | null;
  /** What is held side by side; left out of commands that compare nothing. */
  readonly comparison?: PlannedComparison;
  /** Rounds of removing and ranking, at the most; null for commands that remove nothing. */
  readonly rounds: number | null;
  /** How many examples would serve which end. */
  readonly examples: Readonly<Record<string, number>>;
  readonly training: PlannedTraining | null;
  readonly stages: readonly PlannedStage[];
  /** Sum over the stages. */
  readonly seconds: number;
  readonly workers: number;
  /** Bytes of the activations that are kept or under way at once, at the most. */
  readonly memoryBytes: number;
  /** What the figures do not show. */
  readonly notes: readonly string[];
}

export interface PlannedComparison {
  /** What coalitions are worth unless a method says otherwise. */
  readonly payoff: string;
  /** Methods, at each of their budgets. */
  readonly rankings: readonly string[];
  readonly seeds: number;
  /** Pairs of coalition and example in all: rankings, references and curves. */
  readonly rows: number;
  /** Of every group that go from the network; none where no network is cut. */
  readonly shares: readonly number[];
  /** Networks that are cut, for every ranking that covers all groups, seed and share. */
  readonly networks: number;
}

/** Costs of a network that is not there yet. */
export interface PlannedCost extends Cost {
  /** Whether the numbers of channels follow from the settings alone. */
  readonly isExact: boolean;
}

export interface PlannedGroup {
  readonly id: string;
  readonly channels: number;
  /** Channels that would stay; null where the scores decide, and where nothing goes. */
  readonly kept: number | null;
  /** Rows of the first ranking, in a comparison of all that is played, its share of those of a joint game; null where nothing is sampled or a time decides. */
  readonly rows: number | null;
}

export interface PlannedTraining {
  /** In each round. */
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly batch: number;
  readonly teacher: boolean;
}

/** A part of the work. */
export interface PlannedStage {
  readonly name: string;
  /** Pairs of coalition and example, training steps, or examples that are run. */
  readonly amount: number | null;
  readonly unit: "rows" | "steps" | "examples" | "coalitions";
  /** Multiply-accumulates; null where a time decides how many. */
  readonly macs: number | null;
  readonly seconds: number;
}
