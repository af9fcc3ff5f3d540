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
  /** Rows of the first ranking, its share of those of a joint game; null where nothing is sampled or a time decides. */
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
