/** @file A removal under way: what is left, the next scores, the next choice. */

import type { Budget } from "../budget/budget.ts";
import { type Choice, chooseChannels } from "../budget/choose.ts";
import type { Steps } from "../budget/target.ts";
import type { CostModel } from "../channels/cost.ts";
import type { KeepMasks } from "../channels/plan.ts";
import type { Model } from "../graph/model.ts";
import type { GroupScores } from "../report/records.ts";
import type { KeptWork } from "./kept-work.ts";
import type { RankContext, RankEvent } from "./rank-context.ts";
import { rankSurvivors, scoresByChannel, settingsOfRound } from "./rank-survivors.ts";
import { cutTo, type Survivor, survivorOf } from "./survivor.ts";

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
  /** Accuracy of a network on examples that are used neither for ranking nor for the final figures. */
  readonly accuracyOf?: ((model: Model) => Promise<number>) | undefined;
  /** What is done to the network after every round, before the next ranking. */
  readonly refinery?: Refinery | undefined;
  /** Rankings that an interrupted run has finished. */
  readonly checkpoint?: KeptWork | undefined;
}

/** Repair and tuning of what a round has left. */
export interface Refinery {
  /** Whether there is anything to do without training. */
  readonly repairs: boolean;
  /** Repair alone, for a look. */
  readonly repaired: (cut: Survivor) => Promise<Model>;
  readonly refine: (cut: Survivor, step: number) => Promise<Model>;
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
  /** The network that is left, refined where that was asked for. */
  readonly left: Survivor | undefined;
  /** Whether all of the budget is met; an accuracy floor alone is met by stopping before it. */
  readonly reached: boolean;
  /** Why the removal ended. */
  readonly stoppedBy: "target" | "floor" | "nothing-left";
  /** One ranking per round, over the channels that were left. */
  readonly rankings: readonly (readonly GroupScores[])[];
  /** What every round decided by, scores from an earlier ranking included. */
  readonly scored: readonly ScoredRound[];
  readonly steps: number;
}

/** The scores of a round, and the channels that were left when they were taken. */
export interface ScoredRound {
  readonly masks: KeepMasks;
  readonly groups: readonly GroupScores[];
}

/** A removal under way. */
export interface Removal {
  readonly context: PruneContext;
  readonly costModel: CostModel;
  masks: KeepMasks;
  /** The refined network; undefined while every weight is the original's. */
  left: Survivor | undefined;
  readonly rankings: (readonly GroupScores[])[];
  readonly scored: ScoredRound[];
  readonly started: number;
}

export type ChannelScores = readonly (Float64Array | undefined)[];

/** Scores of what is left: those given for the first round, else a fresh ranking. */
export async function* nextScores(
  draft: Removal,
): AsyncGenerator<RankEvent, (Float64Array | undefined)[], undefined> {
  const { context, masks, rankings, scored, started } = draft;
  const isFirst = masks.every((mask) => !mask.includes(0));
  if (isFirst && context.scores !== undefined) {
    scored.push({ masks, groups: context.scores });
    return scoresByChannel(context, masks, context.scores);
  }
  const { steps } = context.prune;
  const left = masks.reduce((sum, mask) => sum + mask.reduce((own, stays) => own + stays, 0), 0);
  const rounds = steps === "all" ? rankings.length + left : steps; // a round per channel at the most
  const settings = settingsOfRound(
    context.settings,
    rankings.length,
    rounds,
    (performance.now() - started) / 1000,
  );
  const known = await context.checkpoint?.ranking(rankings.length);
  const ranking = known ?? (yield* rankSurvivors({ ...context, settings }, masks, draft.left));
  if (known === undefined) await context.checkpoint?.keepRanking(rankings.length, ranking);
  rankings.push(ranking);
  scored.push({ masks, groups: ranking });
  return scoresByChannel(context, masks, ranking);
}

/** The next channels to go; at most so many removals where a number is given. */
export function choose(
  { context, costModel, masks }: Removal,
  scores: ChannelScores,
  budget: Budget,
  atMostSteps: number | undefined,
): Choice {
  const { analysis } = context;
  return chooseChannels({
    analysis,
    costModel,
    scores,
    budget,
    start: masks,
    ...(atMostSteps !== undefined && { atMostSteps }),
  });
}

/** The network under `masks`, with the weights as they are by now. */
export function modelUnder({ context, left }: Removal, masks: KeepMasks): Model {
  return cutTo(context.analysis, left, masks);
}

/** Repairs and tunes what this round has left, where that is asked for. */
export async function refineRound(draft: Removal, step: number): Promise<void> {
  const { context, masks } = draft;
  if (context.refinery === undefined) return;
  const cut = survivorOf(context.analysis, modelUnder(draft, masks), masks);
  draft.left = survivorOf(context.analysis, await context.refinery.refine(cut, step), masks);
}

/** Where a removal stands when it ends. */
export function outcomeOf(
  { masks, left, rankings, scored }: Removal,
  end: Pick<PruneOutcome, "reached" | "stoppedBy">,
): PruneOutcome {
  return { ...end, masks, left, rankings, scored, steps: rankings.length };
}
