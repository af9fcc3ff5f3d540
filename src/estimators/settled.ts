/** @file Whether it is clear which players have the lowest values, or in which order all of them are. */
import { studentQuantile } from "../math/quantiles.ts";
import { ascending } from "../math/ranks.ts";
import { expectedAgreement } from "./agreement.ts";
import type { Settlement, StopRule } from "./estimator.ts";
import { blockCount } from "./observations.ts";

/**
 * How far it is settled what a rule asks for.
 * @param influences Shape [blockCount, players].
 * @param look How many times a run has been looked at before.
 */
export function settlementOf(
  values: Float64Array,
  influences: Float64Array,
  rule: StopRule,
  look: number,
): Settlement {
  if (rule.kind === "ordered") return { kind: "ordered", correlation: expectedAgreement(values, influences) };
  return {
    kind: "settled",
    remove: rule.remove,
    openPairs: openPairsOf(values, influences, rule, look),
  };
}

export function isSettled(settlement: Settlement | undefined, rule: StopRule | undefined): boolean {
  if (settlement?.kind === "settled") return settlement.openPairs === 0;
  return rule?.kind === "ordered" && settlement !== undefined && settlement.correlation >= rule.correlation;
}

/**
 * Looks at every pair of a player to remove and one to keep. A pair is decided when its difference exceeds t times
 * the standard error of the difference. That error comes from the influences of the blocks, so noise that moves both
 * players together cancels. t is Student's quantile (one-sided, blocks - 1 degrees of freedom) at a level shared out
 * over all pairs (Bonferroni) and over the looks: look k = 0, 1, … may spend 1 / ((k + 1)(k + 2)) of the allowed error.
 * So the chance that a run stops at a wrong set is at most 1 - confidence, up to the normality of block means.
 */
function openPairsOf(
  values: Float64Array,
  influences: Float64Array,
  rule: Extract<StopRule, { readonly kind: "settled" }>,
  look: number,
): number {
  const order = ascending(values);
  const removed = order.subarray(0, rule.remove);
  const kept = order.subarray(rule.remove);
  const allowed = (1 - rule.confidence) / ((look + 1) * (look + 2)) / (removed.length * kept.length);
  const t = studentQuantile(1 - allowed, blockCount - 1);
  let openPairs = 0;
  for (const low of removed) {
    for (const high of kept) {
      const gap = values[high]! - values[low]!;
      if (!(gap > t * errorOfDifference(influences, values.length, low, high))) openPairs++;
    }
  }
  return openPairs;
}

function errorOfDifference(influences: Float64Array, players: number, a: number, b: number): number {
  let squares = 0;
  for (let start = 0; start < influences.length; start += players) {
    const difference = influences[start + a]! - influences[start + b]!;
    squares += difference * difference;
  }
  return Math.sqrt((squares * blockCount) / (blockCount - 1));
}
