/** @file How good, how sure, how alike and how fast. */
export { kendallTauB, spearman } from "../math/ranks.ts";
export {
  type Interval,
  meanInterval,
  type PairedAccuracy,
  pairedAccuracy,
  pairedDifference,
  type Quality,
  qualityOf,
  wilsonInterval,
} from "./intervals.ts";
export { type Latency, type LatencyOptions, measureLatencies, quantile } from "./latency.ts";
export type { Metric, OutputIs, Row, Scores } from "./metric.ts";
export { metrics, type Payoff, type PayoffKind, type PayoffOptions, payoff } from "./payoff.ts";
