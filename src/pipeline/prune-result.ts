/** @file What prune has to tell: a record in plain JSON. */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks, PrunePlan } from "../channels/plan.ts";
import type { LayerTimes } from "../evaluation/layer-times.ts";
import type { SliceCheck } from "../evaluation/verify-slice.ts";
import type { PairedAccuracy } from "../metrics/index.ts";
import type { ShrunkCache } from "../passes/reopen-caches.ts";
import type {
  ExampleCounts,
  GroupedLayer,
  ModelFigures,
  RoundRecord,
  ScoredGroup,
  ScoringConditions,
} from "../report/records.ts";
import type { Decision } from "./decide.ts";
import type { Bench } from "./prune-bench.ts";
import { type PruneOptions, usesRankExamples } from "./prune-options.ts";
import { scoredGroups } from "./scored-groups.ts";

export interface PruneResult {
  readonly schemaVersion: 1;
  readonly before: ModelFigures;
  readonly after: ModelFigures;
  readonly plan: PrunePlan;
  readonly groups: readonly { readonly id: string; readonly channels: number; readonly kept: number }[];
  readonly check: SliceCheck | null;
  /** What repair and tuning did, round by round; empty without either. */
  readonly rounds: readonly RoundRecord[];
  /** What decided, channel by channel; null where a plan did. */
  readonly scores: readonly ScoredGroup[] | null;
  readonly scoring: ScoringConditions | null;
  /** What each grouped convolution lost and why, in the order of the graph; null where that was not chosen by measuring. */
  readonly grouped: readonly GroupedLayer[] | null;
  /** Caches of keys and values and how wide they were and are; null where they were not to shrink. */
  readonly caches: readonly ShrunkCache[] | null;
  /** Time by layer; null where that was not measured. */
  readonly layerTimes: LayerTimes | null;
  /** Accuracy after minus accuracy before, on the same examples; null without labels. */
  readonly accuracyChange: PairedAccuracy | null;
  /** Rows spent on ranking, all rounds together. */
  readonly rows: number;
  readonly steps: number;
  readonly reached: boolean;
  readonly stoppedBy: Decision["stoppedBy"];
  /** Examples that served each end; null without data. */
  readonly examples: ExampleCounts | null;
  readonly out: string;
}

/** What was measured and checked on the way. */
export interface Findings
  extends Pick<
    PruneResult,
    "before" | "after" | "plan" | "check" | "rounds" | "grouped" | "caches" | "layerTimes" | "accuracyChange"
  > {
  readonly decision: Decision;
}

/** Puts the record together. */
export function resultOf(
  options: PruneOptions,
  { analysis, parts }: Bench,
  { before, after, plan, check, rounds, grouped, caches, layerTimes, accuracyChange, decision }: Findings,
): PruneResult {
  return {
    schemaVersion: 1,
    before,
    after,
    plan,
    groups: keptOf(analysis, decision.masks),
    check,
    rounds,
    scores: decision.scoring === null ? null : scoredGroups(analysis, decision),
    scoring: decision.scoring,
    grouped,
    caches,
    layerTimes,
    accuracyChange,
    rows: decision.rankings.flat().reduce((sum, scores) => sum + scores.rows, 0),
    steps: decision.steps,
    reached: decision.reached,
    stoppedBy: decision.stoppedBy,
    examples:
      parts === undefined
        ? null
        : {
            rank: usesRankExamples(options) ? parts.rank.size : 0,
            decide: parts.decide?.size ?? 0,
            calibrate: parts.calibrate?.size ?? 0,
            tune: parts.tune?.size ?? 0,
            validate: parts.validate?.size ?? 0,
            evaluate: parts.evaluate.size,
          },
    out: options.out,
  };
}

/** Channels of every group before and after, those that have to stay included. */
function keptOf({ groups }: ChannelAnalysis, masks: KeepMasks): PruneResult["groups"] {
  return groups.flatMap(({ id, channels, fixedChannels }, k) => {
    const kept = masks[k]!.reduce((sum, stays) => sum + stays, 0) + fixedChannels;
    return channels === 0 ? [] : [{ id, channels: channels + fixedChannels, kept }];
  });
}
