/** @file What a removal knew of every channel, told by the channel's number in the original network. */
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { ScoredGroup } from "../report/records.ts";
import type { PruneOutcome, ScoredRound } from "./removal.ts";

/** The last score of every channel that was ranked, and the ranking after which it went. */
export function scoredGroups(
  { groups }: Pick<ChannelAnalysis, "groups">,
  { scored, masks }: Pick<PruneOutcome, "scored" | "masks">,
): readonly ScoredGroup[] {
  const ranked = new Set(scored.flatMap((round) => round.groups.map(({ id }) => id)));
  return groups.flatMap(({ id, channels }, group) => {
    if (!ranked.has(id)) return [];
    const values = new Array<number | null>(channels).fill(null);
    const standardErrors = new Array<number | null>(channels).fill(null);
    const removedAfter = new Array<number | null>(channels).fill(null);
    scored.forEach((round, position) => {
      const after = (scored[position + 1]?.masks ?? masks)[group]!;
      for (const [channel, place] of placesIn(round, group, id)) {
        if (place.value !== null) [values[channel], standardErrors[channel]] = [place.value, place.error];
        if (after[channel] === 0) removedAfter[channel] = position + 1;
      }
    });
    return [{ id, channels, values, standardErrors, removedAfter }];
  });
}

interface Place {
  readonly value: number | null;
  readonly error: number | null;
}

/** Channels that were there in a round; a channel left alone in its group has no score, since it has to stay. */
function placesIn({ masks, groups }: ScoredRound, group: number, id: string): Map<number, Place> {
  const mask = masks[group]!;
  const left = [...mask.keys()].filter((channel) => mask[channel] === 1);
  const scores = groups.find((scoresOfGroup) => scoresOfGroup.id === id);
  const isRanked = scores?.values.length === left.length && (left.length > 1 || mask.length === 1);
  return new Map(
    left.map((channel, place) => [
      channel,
      isRanked
        ? { value: scores.values[place]!, error: scores.standardErrors[place] ?? null }
        : { value: null, error: null },
    ]),
  );
}
