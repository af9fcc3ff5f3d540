/** @file From scores to a plan: at once, or removing a little and ranking the survivors again. */
import { budgetOfStep } from "../budget/schedule.ts";
import { costModelOf } from "../channels/cost.ts";
import { pruneToFloor } from "./prune-to-floor.ts";
import {
  choose,
  nextScores,
  outcomeOf,
  type PruneContext,
  type PruneEvent,
  type PruneOutcome,
  type Removal,
  refineRound,
} from "./removal.ts";

/**
 * Chooses the channels that stay. Shares always refer to the original model, however many rounds there are.
 * @throws {PrunerError} What `rankGroups` and `chooseChannels` throw.
 */
export function pruneChannels(context: PruneContext): AsyncGenerator<PruneEvent, PruneOutcome, undefined> {
  const draft: Removal = {
    context,
    costModel: costModelOf(context.analysis),
    masks: context.analysis.groups.map(({ channels }) => new Uint8Array(channels).fill(1)),
    left: undefined,
    rankings: [],
    scored: [],
    started: performance.now(),
  };
  return context.prune.minAccuracy === undefined
    ? pruneToTarget(draft)
    : pruneToFloor(draft, context.prune.minAccuracy);
}

/** Leads the budget down in rounds, or by single removals. */
async function* pruneToTarget(draft: Removal): AsyncGenerator<PruneEvent, PruneOutcome, undefined> {
  const { steps, budget } = draft.context.prune;
  for (let step = 1; steps === "all" || step <= steps; step++) {
    const scores = yield* nextScores(draft);
    const choice =
      steps === "all"
        ? choose(draft, scores, budget, 1)
        : choose(draft, scores, budgetOfStep(budget, step, steps), undefined);
    draft.masks = choice.masks;
    yield { kind: "step", step, choice, accuracy: null };
    await refineRound(draft, step);
    if (steps === "all" && choice.reached) break;
  }
  return outcomeOf(draft, { reached: true, stoppedBy: "target" });
}
