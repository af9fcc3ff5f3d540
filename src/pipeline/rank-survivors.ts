/** @file Ranks the channels that are left after some are gone, on the sliced model. */

import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import type { GroupScores } from "../report/records.ts";
import { sliceModel } from "../surgery/slice.ts";
import { type RankContext, type RankEvent, type RankSettings, rankGroups } from "./rank-groups.ts";

/**
 * Scores of the channels that stay under `masks`, group by group, in the order of `context.groups`.
 * A group with a single channel left is not ranked: that channel has to stay anyway.
 */
export async function* rankSurvivors(
  context: RankContext,
  masks: KeepMasks,
): AsyncGenerator<RankEvent, readonly GroupScores[], undefined> {
  if (masks.every((mask) => !mask.includes(0))) return yield* rankGroups(context);
  const analysis = analyzeChannels(sliceModel(context.analysis, masks));
  const open = context.groups.filter((group) => countOf(masks[group]!) > 1);
  const groups = open.map((group) => groupAfterSlice(context.analysis, analysis, masks, group));
  const ranked = yield* rankGroups({ ...context, analysis, groups });
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

function countOf(mask: Uint8Array): number {
  return mask.reduce((sum, stays) => sum + stays, 0);
}

function groupAfterSlice(
  before: ChannelAnalysis,
  after: ChannelAnalysis,
  masks: KeepMasks,
  group: number,
): number {
  const { id } = before.groups[group]!;
  const found = after.groups.findIndex((other) => other.id === id);
  if (found < 0 || after.groups[found]!.channels !== countOf(masks[group]!))
    throw new Error(`group "${id}" changed its make-up when it was sliced`);
  return found;
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
