/** @file From scores to a plan: at once, or removing a little and ranking the survivors again. */
import { type Budget, saysHowMuch } from "../budget/budget.ts";
import { type Choice, chooseChannels } from "../budget/choose.ts";
import { budgetOfStep } from "../budget/schedule.ts";
import type { Steps } from "../budget/target.ts";
import { costModelOf } from "../channels/cost.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import { normalizeByGroup } from "../criteria/index.ts";
import { sliceModel } from "../surgery/slice.ts";
import { type GroupScores, type RankContext, type RankEvent, rankGroups } from "./rank-groups.ts";

export interface PruneSettings {
  readonly budget: Budget;
  /** Rounds of removing and ranking again; "all" ranks again after every single removal. */
  readonly steps: Steps;
  /** Share of right answers that has to hold; judged by `accuracyOf`. */
  readonly minAccuracy?: number | undefined;
}

export interface PruneContext extends Omit<RankContext, "resume"> {
  readonly prune: PruneSettings;
  /** Scores from an earlier ranking, used instead of the first one. */
  readonly scores?: readonly GroupScores[] | undefined;
  /** Accuracy of a plan on examples that are used neither for ranking nor for the final figures. */
  readonly accuracyOf?: ((masks: KeepMasks) => Promise<number>) | undefined;
}

export type PruneEvent =
  | RankEvent
  | {
      readonly kind: "step";
      readonly step: number;
      readonly choice: Choice;
      readonly accuracy: number | null;
    };

export interface PruneOutcome {
  readonly masks: KeepMasks;
  /** Whether all of the budget, the accuracy floor included, is met. */
  readonly reached: boolean;
  /** Why the removal ended. */
  readonly stoppedBy: "target" | "floor" | "nothing-left";
  /** One ranking per round, over the channels that were left. */
  readonly rankings: readonly (readonly GroupScores[])[];
  readonly steps: number;
}

/** Rounds in which an accuracy floor is approached when nothing else says how many. */
const floorRounds = 25;

/**
 * Chooses the channels that stay. Shares always refer to the original model, however many rounds there are.
 * @throws {PrunerError} What `rankGroups` and `chooseChannels` throw.
 */
export async function* pruneChannels(
  context: PruneContext,
): AsyncGenerator<PruneEvent, PruneOutcome, undefined> {
  const { analysis, prune } = context;
  const costModel = costModelOf(analysis);
  let masks: KeepMasks = analysis.groups.map(({ channels }) => new Uint8Array(channels).fill(1));
  const rankings: (readonly GroupScores[])[] = [];
  const seeks = prune.minAccuracy !== undefined;
  const perRemoval = prune.steps === "all";
  const rounds =
    prune.steps === "all"
      ? Number.POSITIVE_INFINITY
      : seeks
        ? Math.max(prune.steps, floorRounds)
        : prune.steps;
  const rankEvery = prune.steps === "all" ? 1 : Math.max(1, Math.floor(rounds / prune.steps));
  for (let step = 1; step <= rounds; step++) {
    if ((step - 1) % rankEvery === 0) {
      const own = rankings.length === 0 ? context.scores : undefined;
      rankings.push(own ?? (yield* rankSurvivors(context, masks, rankings.length)));
    }
    const scores = scoresByChannel(context, masks, rankings.at(-1)!);
    const budget = perRemoval ? prune.budget : budgetOfStep(boundedBudget(prune), step, rounds);
    const choice = chooseOrStop(context, costModel, scores, budget, masks, perRemoval);
    if (choice === undefined)
      return {
        masks,
        reached: !saysHowMuch(prune.budget),
        stoppedBy: "nothing-left",
        rankings,
        steps: step - 1,
      };
    const accuracy =
      context.accuracyOf === undefined || !seeks ? null : await context.accuracyOf(choice.masks);
    yield { kind: "step", step, choice, accuracy };
    if (accuracy !== null && accuracy < prune.minAccuracy!) {
      return { masks, reached: !saysHowMuch(prune.budget), stoppedBy: "floor", rankings, steps: step - 1 };
    }
    masks = choice.masks;
    if (perRemoval && choice.reached && saysHowMuch(prune.budget)) break;
  }
  return { masks, reached: true, stoppedBy: "target", rankings, steps: rankings.length };
}

/** An accuracy floor alone: work towards a model with almost nothing left, and stop where the floor is. */
function boundedBudget({ budget }: PruneSettings): Budget {
  return saysHowMuch(budget) ? budget : { ...budget, targetMacs: { ratio: 0.02 } };
}

function chooseOrStop(
  { analysis, prune }: PruneContext,
  costModel: ReturnType<typeof costModelOf>,
  scores: readonly (Float64Array | undefined)[],
  budget: Budget,
  start: KeepMasks,
  perRemoval: boolean,
): Choice | undefined {
  const endless = !saysHowMuch(prune.budget);
  try {
    const choice = chooseChannels({
      analysis,
      costModel,
      scores,
      budget,
      start,
      ...(perRemoval && { atMostSteps: 1 }),
    });
    return endless && choice.steps.length === 0 ? undefined : choice;
  } catch (error) {
    if (endless && (error as { code?: string }).code === "impossible-budget") return undefined;
    throw error;
  }
}

/** Scores by group and original channel number; channels that are gone keep a score of no consequence. */
function scoresByChannel(
  context: PruneContext,
  masks: KeepMasks,
  ranking: readonly GroupScores[],
): (Float64Array | undefined)[] {
  const { analysis, groups } = context;
  const byId = new Map(ranking.map((scores) => [scores.id, scores]));
  const isGame = context.settings.criterion === "shapley";
  const scores = analysis.groups.map(({ id, channels }, group) => {
    if (!groups.includes(group)) return undefined;
    const { values } = byId.get(id)!;
    if (values.length === channels) return Float64Array.from(values);
    const full = new Float64Array(channels);
    let next = 0;
    masks[group]!.forEach((stays, channel) => {
      if (stays === 1) full[channel] = values[next++]!;
    });
    return full;
  });
  return isGame ? scores : normalizeByGroup(scores);
}

/** Ranks what is left, on the sliced model, with a seed of its own for every round. */
async function* rankSurvivors(
  context: PruneContext,
  masks: KeepMasks,
  round: number,
): AsyncGenerator<RankEvent, readonly GroupScores[], undefined> {
  const settings = { ...context.settings, seed: context.settings.seed + round };
  if (masks.every((mask) => !mask.includes(0))) return yield* rankGroups({ ...context, settings });
  const analysis = analyzeChannels(sliceModel(context.analysis, masks));
  const groups = context.groups.map((group) => groupAfterSlice(context.analysis, analysis, masks, group));
  return yield* rankGroups({ ...context, analysis, groups, settings });
}

function groupAfterSlice(
  before: ChannelAnalysis,
  after: ChannelAnalysis,
  masks: KeepMasks,
  group: number,
): number {
  const { id } = before.groups[group]!;
  const found = after.groups.findIndex((other) => other.id === id);
  const left = masks[group]!.reduce((sum, stays) => sum + stays, 0);
  if (found < 0 || after.groups[found]!.channels !== left)
    throw new Error(`group "${id}" changed its make-up when it was sliced`);
  return found;
}
