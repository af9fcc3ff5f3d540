/** @file Makes the scores of different groups comparable. */
import { sum } from "../math/sums.ts";

/**
 * Divides the scores of each group by the sum of their absolute values, so that every group as a whole is worth the
 * same. Shapley values need no such step: those of a group add up to what the network loses without the group, which
 * is about the same for every layer a network cannot do without, and it is this that norms and activations
 * lack. Without it, layers with small weights would be emptied first. Groups whose scores are all zero stay so.
 * It is a choice, not a law: norms summed over the layers of a residual stream protect the stream by themselves, and
 * this takes that protection away.
 * @param scores Shape [groups][channels]; undefined for groups without scores.
 */
export function normalizeByGroup(
  scores: readonly (Float64Array | undefined)[],
): (Float64Array | undefined)[] {
  return scores.map((own) => {
    const total = own === undefined ? 0 : sum(own.map(Math.abs));
    return total > 0 ? own!.map((score) => score / total) : own;
  });
}
