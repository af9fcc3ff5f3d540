/** @file Runs a criterion over groups, with the examples it needs. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { channelStatistics, type StatisticsOptions } from "./channel-statistics.ts";
import type { Criterion } from "./criterion.ts";
import type { Aggregate } from "./gradients/aggregate.ts";
import type { GradientOptions } from "./gradients/gradient-options.ts";
import { type GradientSource, gradientSource } from "./gradients/source.ts";

export interface ScoreOptions {
  readonly analysis: ChannelAnalysis;
  /** Indexes into `analysis.groups`. */
  readonly groups: readonly number[];
  readonly seed: number;
  /** Examples and what runs them; needed by criteria of activations and gradients. */
  readonly examples?: ScoreExamples | undefined;
  /** How scores of single examples are folded; each criterion's own way when left out. */
  readonly aggregate?: Aggregate | undefined;
}

/** Criteria of gradients need a payoff as well. */
export type ScoreExamples = Omit<StatisticsOptions, "analysis" | "groups"> &
  Omit<GradientOptions, "analysis" | "groups" | "payoff"> & {
    readonly payoff?: GradientOptions["payoff"] | undefined;
  };

/**
 * Scores the given groups, as they are.
 * @returns Shape [analysis.groups.length][channels]; undefined for groups not asked for.
 * @throws {PrunerError} `criterion-needs-data`, `criterion-not-applicable`, `score-not-finite`, `usage` for an aggregate
 *   that the criterion has no use for, `payoff-not-differentiable`, `no-gradient`, and what the engine throws.
 */
export async function scoreGroups(
  criterion: Criterion,
  options: ScoreOptions,
): Promise<(Float64Array | undefined)[]> {
  const { analysis, groups, seed, examples } = options;
  checkAggregate(criterion, options.aggregate);
  const statistics =
    criterion.needs === "activations" && examples !== undefined
      ? await channelStatistics({ ...examples, analysis, groups })
      : [];
  const gradients = criterion.needs === "gradients" ? gradientsFor(options) : undefined;
  const scores = new Array<Float64Array | undefined>(analysis.groups.length).fill(undefined);
  for (const group of groups) {
    const context = { analysis, group, seed, statistics: statistics[group], gradients };
    const own = await criterion.score(context);
    checkFinite(analysis.groups[group]!.id, own);
    scores[group] = own;
  }
  return scores;
}

function checkAggregate({ title, aggregate }: Criterion, wanted: Aggregate | undefined): void {
  if (wanted === undefined || aggregate !== undefined) return;
  throw new PrunerError("usage", {
    detail: `--aggregate ${wanted}: the criterion "${title}" has no scores of single examples to fold. Leave the option out.`,
  });
}

function gradientsFor({ analysis, groups, examples, aggregate }: ScoreOptions): GradientSource | undefined {
  if (examples?.payoff === undefined) return undefined;
  return gradientSource({ ...examples, payoff: examples.payoff, analysis, groups }, aggregate);
}

function checkFinite(group: string, scores: Float64Array): void {
  const channel = scores.findIndex((score) => !Number.isFinite(score));
  if (channel >= 0) throw new PrunerError("score-not-finite", { group, channel, score: scores[channel]! });
}
