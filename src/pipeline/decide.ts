/** @file What stays: a plan as given, or a choice by ranking. */
import { masksOfPlan } from "../channels/plan.ts";
import type { GroupScores, ScoringConditions } from "../report/records.ts";
import { accuracyJudge } from "./accuracy-judge.ts";
import type { KeptWork } from "./kept-work.ts";
import type { Bench } from "./prune-bench.ts";
import { pruneChannels } from "./prune-channels.ts";
import { groupsOf, type PruneOptions, ranksWithData } from "./prune-options.ts";
import { payoffFor, report, reportMeasuring } from "./rank.ts";
import type { RankContext } from "./rank-context.ts";
import type { PruneEvent, PruneOutcome, Refinery } from "./removal.ts";
import { cutTo, survivorOf } from "./survivor.ts";

/** What stays, and how it came to that. */
export interface Decision extends Pick<PruneOutcome, "masks" | "left" | "reached" | "steps" | "scored"> {
  readonly stoppedBy: PruneOutcome["stoppedBy"] | "plan";
  readonly rankings: readonly (readonly GroupScores[])[];
  /** What the scores are; null where a plan decided. */
  readonly scoring: ScoringConditions | null;
}

/** Applies the plan, or ranks and chooses until the budget is met; what is left is refined where that is asked for. */
export async function decide(
  options: PruneOptions,
  bench: Bench,
  refinery: Refinery | undefined,
  checkpoint?: KeptWork,
): Promise<Decision> {
  if (options.plan !== undefined) {
    const masks = masksOfPlan(bench.analysis, options.plan);
    const cut = survivorOf(bench.analysis, cutTo(bench.analysis, undefined, masks), masks);
    const left = await refinery?.refine(cut, 1);
    return {
      masks,
      left: left && survivorOf(bench.analysis, left, masks),
      reached: true,
      steps: 0,
      stoppedBy: "plan",
      rankings: [],
      scored: [],
      scoring: null,
    };
  }
  const { analysis, runner, parts } = bench;
  const data =
    parts === undefined || runner === undefined || !ranksWithData(options)
      ? undefined
      : { dataset: parts.rank, payoff: await payoffFor(options, analysis, parts.rank, runner), runner };
  const groups = groupsOf(options, analysis);
  const scoring = scoringOf(options, data);
  const events = pruneChannels({
    analysis,
    groups,
    settings: options.settings,
    data,
    signal: options.signal,
    onRemark: options.onRemark,
    onMeasured: reportMeasuring(options),
    prune: { budget: options.budget, steps: options.steps ?? 1, minAccuracy: options.minAccuracy },
    refinery,
    checkpoint,
    scores: options.scores?.groups,
    accuracyOf: options.minAccuracy === undefined ? undefined : await accuracyJudge(options, bench),
  });
  for (let next = await events.next(); ; next = await events.next()) {
    if (next.done === true) return { ...next.value, scoring };
    remark(options, next.value);
  }
}

/** What the scores are, by the settings of this run or of the one they come from. */
function scoringOf({ scores, settings }: PruneOptions, data: RankContext["data"]): ScoringConditions {
  if (data === undefined && scores !== undefined) {
    const { criterion, estimator, players, payoff } = scores;
    return {
      criterion,
      estimator,
      ...(players && { players }),
      payoff,
      data: scores.data && { examples: scores.data.examples },
    };
  }
  const { criterion, estimator, players } = settings;
  return {
    criterion,
    estimator: criterion === "shapley" ? estimator : null,
    ...(players === "joint" && { players }),
    payoff: data?.payoff?.kind ?? null,
    data: data === undefined ? null : { examples: data.dataset.size },
  };
}

function remark(options: PruneOptions, event: PruneEvent): void {
  if (event.kind !== "step") {
    report(options, event);
    return;
  }
  const { choice, accuracy, step } = event;
  if (accuracy === null && (options.steps ?? 1) === 1) return;
  const held = accuracy === null ? "" : `, accuracy ${(100 * accuracy).toFixed(2)}%`;
  options.onRemark?.(`step ${step}: ${Math.round(choice.cost.macs).toLocaleString("en")} MACs left${held}`);
}
