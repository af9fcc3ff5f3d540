/** @file From scores to a plan: at once, or removing a little and ranking the survivors again. */
import { type Budget, saysHowMuch } from "../budget/budget.ts";
import { type Choice, chooseChannels } from "../budget/choose.ts";
import { budgetOfStep } from "../budget/schedule.ts";
import type { Steps } from "../budget/target.ts";
import { costModelOf } from "../channels/cost.ts";
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import { sliceModel } from "../surgery/slice.ts";
import {
  type GroupScores,
  type RankContext,
  type RankEvent,
  type RankSettings,
  rankGroups,
} from "./rank-groups.ts";

export interface PruneSettings {
  readonly budget: Budget;
  /** Rounds of removing and ranking again; "all" ranks again after every single removal. */
  readonly steps: Steps;
  /** Share of right answers that has to hold; judged by `accuracyOf`. */
  readonly minAccuracy?: number | undefined;
}

/** Scores and how they came about: those of criteria have to be made comparable between groups. */
export interface Ranking {
  readonly criterion: RankSettings["criterion"];
  readonly groups: readonly GroupScores[];
}

export interface PruneContext extends Omit<RankContext, "resume"> {
  readonly prune: PruneSettings;
  /** Scores from an earlier ranking, used instead of the first one. */
  readonly scores?: Ranking | undefined;
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
  const rankings: Ranking[] = [];
  const started = performance.now();
  const seeks = prune.minAccuracy !== undefined;
  const perRemoval = prune.steps === "all";
  const rounds =
    prune.steps === "all"
      ? Number.POSITIVE_INFINITY
      : seeks
        ? Math.max(prune.steps, floorRounds)
        : prune.steps;
  const rankEvery = prune.steps === "all" ? 1 : Math.max(1, Math.floor(rounds / prune.steps));
  const rankingsPlanned = Math.ceil(rounds / rankEvery);
  const outcome = (end: Pick<PruneOutcome, "reached" | "stoppedBy" | "steps">): PruneOutcome => ({
    ...end,
    masks,
    rankings: rankings.filter((ranking) => ranking !== context.scores).map(({ groups }) => groups),
  });
  for (let step = 1; step <= rounds; step++) {
    if ((step - 1) % rankEvery === 0) {
      const spent = (performance.now() - started) / 1000;
      const settings = settingsOfRound(context.settings, rankings.length, rankingsPlanned, spent);
      const given = rankings.length === 0 ? context.scores : undefined;
      rankings.push(given ?? (yield* rankSurvivors({ ...context, settings }, masks)));
    }
    const scores = scoresByChannel(context, masks, rankings.at(-1)!);
    const budget = perRemoval ? prune.budget : budgetOfStep(boundedBudget(prune), step, rounds);
    const choice = chooseOrStop(context, costModel, scores, budget, masks, perRemoval);
    if (choice === undefined)
      return outcome({
        reached: !saysHowMuch(prune.budget),
        stoppedBy: "nothing-left",
        steps: step - 1,
      });
    const accuracy =
      context.accuracyOf === undefined || !seeks ? null : await context.accuracyOf(choice.masks);
    yield { kind: "step", step, choice, accuracy };
    if (accuracy !== null && accuracy < prune.minAccuracy!) {
      return outcome({ reached: !saysHowMuch(prune.budget), stoppedBy: "floor", steps: step - 1 });
    }
    masks = choice.masks;
    if (perRemoval && choice.reached && saysHowMuch(prune.budget)) break;
  }
  return outcome({ reached: true, stoppedBy: "target", steps: rankings.length });
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
  ranking: Ranking,
): (Float64Array | undefined)[] {
  const { analysis, groups } = context;
  const byId = new Map(ranking.groups.map((scores) => [scores.id, scores]));
  return analysis.groups.map(({ id, channels }, group) => {
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
}

/** A seed of its own for every round, and an even share of the time that is left. */
function settingsOfRound(
  settings: RankSettings,
  round: number,
  rounds: number,
  secondsSpent: number,
): RankSettings {
  const seed = settings.seed + round;
  if (settings.budget === undefined || !("seconds" in settings.budget)) return { ...settings, seed };
  const left = Math.max(0, settings.budget.seconds - secondsSpent);
  return { ...settings, seed, budget: { seconds: left / (rounds - round) } };
}

/** Ranks what is left, on the sliced model. */
async function* rankSurvivors(
  context: PruneContext,
  masks: KeepMasks,
): AsyncGenerator<RankEvent, Ranking, undefined> {
  const { criterion } = context.settings;
  if (masks.every((mask) => !mask.includes(0))) return { criterion, groups: yield* rankGroups(context) };
  const analysis = analyzeChannels(sliceModel(context.analysis, masks));
  const groups = context.groups.map((group) => groupAfterSlice(context.analysis, analysis, masks, group));
  return { criterion, groups: yield* rankGroups({ ...context, analysis, groups }) };
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
