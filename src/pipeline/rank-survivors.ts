/** @file Ranks the channels that are left after some are gone, on the sliced model. */

import type { KeepMasks } from "../channels/plan.ts";
import type { GroupScores } from "../report/records.ts";
import { sliceModel } from "../surgery/slice.ts";
import type { RankContext, RankEvent, RankSettings } from "./rank-context.ts";
import { rankGroups } from "./rank-groups.ts";
import { countOf, groupAfter, type Survivor, survivorOf } from "./survivor.ts";

/**
 * Scores of the channels that stay under `masks`, group by group, in the order of `context.groups`.
 * @param left The network that has these channels, where its weights have moved; the slice of the original otherwise.
 * A group with a single channel left is not ranked: that channel has to stay anyway.
 */
export async function* rankSurvivors(
  context: RankContext,
  masks: KeepMasks,
  left?: Survivor,
): AsyncGenerator<RankEvent, readonly GroupScores[], undefined> {
  if (masks.every((mask) => !mask.includes(0))) return yield* rankGroups(context);
  const survivor = left ?? survivorOf(context.analysis, sliceModel(context.analysis, masks), masks);
  const open = context.groups.filter((group) => countOf(masks[group]!) > 1);
  const groups = open.map((group) => groupAfter(context.analysis, survivor, group));
  const ranked = yield* rankGroups({ ...context, analysis: survivor.analysis, groups });
  const byId = new Map(ranked.map((scores) => [scores.id, scores]));
  return context.groups.map((group) => {
    const { id } = context.analysis.groups[group]!;
    return byId.get(id) ?? unranked(id, countOf(masks[group]!));
  });
}

function unranked(id: string, channels: number): GroupScores {
  const standardErrors = new Array<null>(channels).fill(null);
  return {
    id,
    channels,
    values: new Array<number>(channels).fill(0),
    standardErrors,
    rows: 0,
    stoppedBy: null,
  };
}

/** Scores by group and original channel number; channels that are gone get a score of no consequence. */
export function scoresByChannel(
  { analysis, groups }: Pick<RankContext, "analysis" | "groups">,
  masks: KeepMasks,
  ranking: readonly GroupScores[],
): (Float64Array | undefined)[] {
  const byId = new Map(ranking.map((scores) => [scores.id, scores]));
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
export function settingsOfRound(
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
