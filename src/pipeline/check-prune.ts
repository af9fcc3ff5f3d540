/** @file Whether what prune is asked for can be done, told before anything is measured or ranked. */
import { PrunerError } from "../base/problem.ts";
import { saysHowMuch } from "../budget/budget.ts";
import { checkReachable } from "../budget/choose.ts";
import { costModelOf } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type KeepMasks, masksOfPlan } from "../channels/plan.ts";
import { checkLeftAlone } from "./freeze.ts";
import { groupsOf, type PruneOptions, ranksWithData } from "./prune-options.ts";
import { checkPlays } from "./rank-context.ts";

/**
 * Refuses options that contradict each other or lack what they need.
 * @throws {PrunerError} `usage`, `budget-missing`, `criterion-needs-data`, `unknown-weight`, `invalid-option`.
 */
export function checkCombination(options: PruneOptions): void {
  const { plan, scores, budget, minAccuracy, data, model, selection } = options;
  const refuse = (detail: string): never => {
    throw new PrunerError("usage", { detail });
  };
  const { settings, steps } = options;
  checkPlays(settings);
  if (steps === "all" && settings.budget !== undefined && "seconds" in settings.budget)
    refuse("--budget: a time cannot be shared out over --steps all; give rows for each group, such as 10k.");
  const asks = saysHowMuch(budget) || minAccuracy !== undefined;
  const selects = [selection?.only, selection?.ignore].some((patterns) => (patterns ?? []).length > 0);
  if (plan !== undefined && (asks || selects || scores !== undefined))
    refuse("--plan says what stays: leave out targets, --min-accuracy, --only, --ignore and --scores.");
  if (options.grouped === "auto" && (plan !== undefined || scores !== undefined))
    refuse(
      "--grouped auto chooses by ranking: leave out --plan and --scores. A saved plan knows which layers lose whole blocks.",
    );
  if (options.grouped === "auto" && data === undefined)
    refuse("--grouped auto needs --data: what a cut is worth is measured.");
  if (plan === undefined && !asks) throw new PrunerError("budget-missing", {});
  if (scores !== undefined && scores.model !== model.hash)
    refuse("--scores: these scores belong to another model (its hash differs). Rank this one again.");
  if (minAccuracy !== undefined && data === undefined)
    refuse("--min-accuracy needs labelled --data to judge the accuracy by.");
  if (data === undefined && (options.repair === true || options.tune !== undefined))
    refuse(`--${options.tune === undefined ? "repair" : "finetune"} needs --data: examples to learn from.`);
  if (data === undefined && ranksWithData(options))
    throw new PrunerError("criterion-needs-data", { criterion: options.settings.criterion });
  if (options.tune !== undefined) checkLeftAlone(model.analysis.model, options.tune.lesson);
}

/** A plan that does not fit and targets out of reach are told before anything is measured or ranked. */
export function checkAmounts(options: PruneOptions, analysis: ChannelAnalysis): void {
  const { plan, budget } = options;
  if (plan !== undefined) checkRemoves(masksOfPlan(analysis, plan));
  else if (saysHowMuch(budget))
    checkReachable(analysis, costModelOf(analysis), groupsOf(options, analysis), budget);
}

/** @throws {PrunerError} `nothing-removed` when every channel stays. */
export function checkRemoves(masks: KeepMasks): void {
  if (masks.every((mask) => !mask.includes(0))) throw new PrunerError("nothing-removed", {});
}
