/** @file Runs a criterion over groups, with the examples it needs. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { channelStatistics, type StatisticsOptions } from "./channel-statistics.ts";
import type { Criterion } from "./criterion.ts";

export interface ScoreOptions {
  readonly analysis: ChannelAnalysis;
  /** Indexes into `analysis.groups`. */
  readonly groups: readonly number[];
  readonly seed: number;
  /** Examples and what runs them; needed by criteria of activations only. */
  readonly examples?: Omit<StatisticsOptions, "analysis" | "groups"> | undefined;
}

/**
 * Scores the given groups, as they are.
 * @returns Shape [analysis.groups.length][channels]; undefined for groups not asked for.
 * @throws {PrunerError} `criterion-needs-data`, `criterion-not-applicable`, `score-not-finite`, and what the engine throws.
 */
export async function scoreGroups(
  criterion: Criterion,
  { analysis, groups, seed, examples }: ScoreOptions,
): Promise<(Float64Array | undefined)[]> {
  const statistics =
    criterion.needs === "activations" && examples !== undefined
      ? await channelStatistics({ ...examples, analysis, groups })
      : [];
  const scores = new Array<Float64Array | undefined>(analysis.groups.length).fill(undefined);
  for (const group of groups) {
    const own = await criterion.score({ analysis, group, seed, statistics: statistics[group] });
    checkFinite(analysis.groups[group]!.id, own);
    scores[group] = own;
  }
  return scores;
}

function checkFinite(group: string, scores: Float64Array): void {
  const channel = scores.findIndex((score) => !Number.isFinite(score));
  if (channel >= 0) throw new PrunerError("score-not-finite", { group, channel, score: scores[channel]! });
}
