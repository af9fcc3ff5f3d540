/** @file What a score other than the Shapley value looks like. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis, ChannelGroup } from "../channels/groups.ts";
import type { ChannelStatistics } from "./channel-statistics.ts";
import type { Aggregate } from "./gradients/aggregate.ts";
import type { GradientSource } from "./gradients/source.ts";

export interface CriterionContext {
  readonly analysis: ChannelAnalysis;
  /** Index into `analysis.groups`. */
  readonly group: number;
  /** Any safe integer; the same seed gives the same scores. */
  readonly seed: number;
  /** What the channels of this group do on examples; there for criteria that need activations. */
  readonly statistics?: ChannelStatistics | undefined;
  /** There for criteria that need gradients. */
  readonly gradients?: GradientSource | undefined;
}

/** A way of scoring the channels of one group. Scores of different groups are not comparable as they are. */
export interface Criterion {
  readonly title: string;
  /** Where it comes from; printed in every report. */
  readonly reference: string;
  readonly description: string;
  readonly needs: "nothing" | "weights" | "activations" | "gradients";
  /** How the scores of single examples are folded unless asked otherwise; absent where examples have no scores. */
  readonly aggregate?: Aggregate | undefined;
  /**
   * @returns Shape [channels]; higher is more worth keeping.
   * @throws {PrunerError} `criterion-not-applicable` when the group lacks what the criterion looks at, and
   *   `criterion-needs-data` without the statistics it needs.
   */
  score(context: CriterionContext): Promise<Float64Array>;
}

export function groupOf({ analysis, group }: CriterionContext): ChannelGroup {
  return analysis.groups[group]!;
}

/** @throws {PrunerError} `criterion-needs-data`. */
export function statisticsOf(context: CriterionContext, criterion: string): ChannelStatistics {
  if (context.statistics === undefined) throw new PrunerError("criterion-needs-data", { criterion });
  return context.statistics;
}

/** @throws {PrunerError} `criterion-needs-data`. */
export function gradientsOf(context: CriterionContext, criterion: string): GradientSource {
  if (context.gradients === undefined) throw new PrunerError("criterion-needs-data", { criterion });
  return context.gradients;
}
