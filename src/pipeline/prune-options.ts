/** @file What the prune command is asked for. */
import { PrunerError } from "../base/problem.ts";
import type { Budget } from "../budget/budget.ts";
import type { Steps } from "../budget/target.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { PrunePlan } from "../channels/plan.ts";
import type { Selection } from "../ranking/select-groups.ts";
import type { LoadedModel } from "./load-model.ts";
import type { WorkOptions } from "./progress.ts";
import { needsData, rankableGroups } from "./rank.ts";
import type { RankSettings } from "./rank-context.ts";
import type { TuneSettings } from "./refine.ts";
import type { Scores } from "./scores-file.ts";
import type { DataSettings, PayoffSettings, RuntimeSettings } from "./settings.ts";

export interface PruneOptions extends PayoffSettings, RuntimeSettings, WorkOptions {
  readonly model: LoadedModel;
  readonly out: string;
  readonly data?: DataSettings | undefined;
  /** Examples for the final figures alone; left out, a part of `data` is kept for them. */
  readonly testData?: DataSettings | undefined;
  readonly settings: RankSettings;
  readonly selection?: Selection | undefined;
  /** "auto": what each grouped convolution loses is chosen by measuring. Left out: as `model` was loaded. */
  readonly grouped?: "auto" | undefined;
  readonly budget: Budget;
  readonly steps?: Steps | undefined;
  readonly minAccuracy?: number | undefined;
  /** Repair what is left on examples of `data`. Default true where there are any. */
  readonly repair?: boolean | undefined;
  /** Train what is left, after every round. */
  readonly tune?: TuneSettings | undefined;
  /** Goes on from what an interrupted run of these options has kept beside `out`. */
  readonly resume?: boolean | undefined;
  /** Applies this plan instead of ranking. */
  readonly plan?: PrunePlan | undefined;
  /** Scores of an earlier ranking of this model, used instead of ranking again. */
  readonly scores?: Scores | undefined;
  /** File the plan goes to. */
  readonly savePlan?: string | undefined;
  /** Compare sliced with masked on real or random inputs. Default true. */
  readonly verify?: boolean | undefined;
  /** Measure latency. Default true. */
  readonly latency?: boolean | undefined;
  /** Time by layer. Left out: where latency is measured and did not fall. */
  readonly layerTimes?: boolean | undefined;
}

/** Files that are read, and so must not be written. */
export function inputsOf({ model, data, testData }: PruneOptions): (string | false | undefined)[] {
  return [...model.files, data?.path, data?.labels, testData?.path, testData?.labels];
}

/** Whether anything is ranked by running the network on data. */
export function ranksWithData({ plan, scores, steps, settings }: PruneOptions): boolean {
  return plan === undefined && (scores === undefined || (steps ?? 1) !== 1) && needsData(settings.criterion);
}

/** Whether anything is decided on the examples for ranking. */
export function usesRankExamples(options: PruneOptions): boolean {
  return options.grouped === "auto" || ranksWithData(options);
}

/** Groups channels may go from. */
export function groupsOf(options: PruneOptions, analysis: ChannelAnalysis): number[] {
  return options.scores === undefined
    ? rankableGroups(analysis, options.selection)
    : scoredGroups(options, analysis);
}

/** Groups that the scores speak of, cut down to the selection. */
function scoredGroups({ scores, selection }: PruneOptions, analysis: ChannelAnalysis): number[] {
  const known = new Map(scores!.groups.map((group) => [group.id, group.values.length]));
  const groups = rankableGroups(analysis, selection).filter(
    (group) => known.get(analysis.groups[group]!.id) === analysis.groups[group]!.channels,
  );
  if (groups.length === 0) throw new PrunerError("nothing-selected", { groups: analysis.groups.length });
  return groups;
}
