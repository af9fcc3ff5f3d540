/** @file The part of the Shapley sum that lies within a few players of either end. */
import { defineEstimator, shapley } from "./define.ts";
import { coalitionsNeeded, enumeration } from "./enumeration.ts";
import type { PartialOptions } from "./estimator.ts";
import { coalitionWeights } from "./weighting.ts";

const defaultPartial: PartialOptions = { limit: 1, side: "removal" };

/** The Shapley weights, kept as they are where at most `limit` players are absent (or present) and zero elsewhere. */
function weightsNearEnd(players: number, { limit, side }: PartialOptions): Float64Array {
  return coalitionWeights(shapley, players).map((weight, size) => {
    const isNear = side === "removal" ? players - size <= limit : size + 1 <= limit;
    return isNear ? weight : 0;
  });
}

/**
 * Removal with limit k looks at coalitions that lack at most k players, addition at those of at most k. The weights
 * are not rescaled, as in the publication: limit 1 gives leave-one-out divided by n, limit n the exact values. Unlike
 * the published code it lists all sizes up to k on the chosen side and never reuses one difference for another.
 * Σ over j ≤ k of C(n, j) rows an example.
 */
export const partial = defineEstimator({
  name: "partial",
  title: "Partial Shapley sum",
  reference: '"Shapley Pruning for Neural Network Compression" (2024), arXiv:2407.15875',
  description: "Only coalitions within a few players of all or of none",
  supports: ["shapley"],
  minimumBudget: (players, _examples, options) =>
    coalitionsNeeded(weightsNearEnd(players, options?.partial ?? defaultPartial)),
  scheme(game, options) {
    const chosen = options.partial ?? defaultPartial;
    const scheme = enumeration(game, options, weightsNearEnd(game.players, chosen));
    return { ...scheme, layout: { ...scheme.layout, limit: chosen.limit, side: chosen.side } };
  },
});
