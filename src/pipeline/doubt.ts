/** @file How far a group is from what its ranking is for: a sure cut, or a sure order. */
import type { Settlement, StopRule } from "../estimators/index.ts";
import { ascending } from "../math/ranks.ts";
import { confidenceOfCut } from "../ranking/confidence.ts";
import type { RankSettings } from "./rank-context.ts";

/** Share of the channels of a group that is to be settled where nothing else is asked for. */
export const usualShare = 0.5;
/** Confidence at which the set of channels below a cut counts as settled. */
const settledFrom = 0.95;

export type Aim = Pick<RankSettings, "settleAt" | "settleOrder">;

/** When to stop: once the order is clear enough, or the set of a share of the players; never for a single player. */
export function stopFor({ settleAt, settleOrder }: Aim, players: number): StopRule | undefined {
  if (players < 2) return undefined;
  if (settleOrder !== undefined) return { kind: "ordered", correlation: settleOrder };
  if (settleAt === undefined) return undefined;
  return { kind: "settled", remove: countOf(settleAt, players), confidence: settledFrom };
}

function countOf(share: number, players: number): number {
  return Math.min(players - 1, Math.max(1, Math.round(share * players)));
}

export interface Doubt {
  /** Of a cut, the sum over channels of the probability to be on the wrong side; of an order, what the expected correlation lacks. */
  readonly sum: number;
  /** Channels on whose side of the cut there is less than 95% confidence; none where it is the order that counts. */
  readonly channels: number;
}

/** What is known of a group at some point of its run. */
export interface Standing {
  readonly values: ArrayLike<number>;
  readonly standardErrors: ArrayLike<number>;
  readonly settlement?: Settlement | undefined;
}

/** How sure an order is, or that the lowest values are the lowest. What is unknown is in doubt. */
export function doubtAbout({ values, standardErrors, settlement }: Standing, aim: Aim): Doubt {
  if (aim.settleOrder !== undefined)
    return { sum: 1 - (settlement?.kind === "ordered" ? settlement.correlation : 0), channels: 0 };
  const mask = new Uint8Array(values.length).fill(1);
  const removed = countOf(aim.settleAt ?? usualShare, values.length);
  for (const channel of ascending(values).subarray(0, removed)) mask[channel] = 0;
  const { confidence, undecided } = confidenceOfCut(values, standardErrors, mask);
  return {
    sum: confidence.reduce((sum, sure) => sum + 1 - sure, 0),
    channels: undecided.removed + undecided.kept,
  };
}
