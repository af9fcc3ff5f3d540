/** @file Every score but the Shapley value, by the name users choose it by, and one call that runs any of them. */
import { apoz } from "./apoz.ts";
import { bnScale } from "./bn-scale.ts";
import type { Criterion } from "./criterion.ts";
import { fpgm } from "./fpgm.ts";
import { gradientCriteria } from "./gradients/index.ts";
import { l1 } from "./l1.ts";
import { l2 } from "./l2.ts";
import { meanActivation } from "./mean-activation.ts";
import { random } from "./random.ts";

export {
  type ChannelStatistics,
  channelStatistics,
  type StatisticsOptions,
} from "./channel-statistics.ts";
export type { Criterion, CriterionContext } from "./criterion.ts";
export {
  type Aggregate,
  type GatedNetwork,
  type GateGradientOptions,
  type GateMeasure,
  type GateOptions,
  type GateRows,
  type GradientOptions,
  gateGradients,
  isAggregate,
  openGates,
  type WeightCriterionName,
  type WeightScoreOptions,
  weightScores,
} from "./gradients/index.ts";
export { type ScoreOptions, scoreGroups } from "./score-groups.ts";

export const criteria = {
  random,
  l1,
  l2,
  "bn-scale": bnScale,
  fpgm,
  apoz,
  "mean-activation": meanActivation,
  ...gradientCriteria,
} satisfies Record<string, Criterion>;

export type CriterionName = keyof typeof criteria;
