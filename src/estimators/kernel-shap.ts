/** @file KernelSHAP: least squares under the Shapley kernel, with exact constraints and paired coalitions. */
import { binomial } from "../math/combinatorics.ts";
import { everyPair, kernelPairs, layoutOf, pairScheme } from "./coalition-pairs.ts";
import { defineEstimator } from "./define.ts";
import { pairRegression } from "./pair-regression.ts";

/**
 * Keeps the equations solvable when drawn pairs leave a direction open: far below any sampling error, far above
 * rounding. The full table leaves nothing open and takes next to none.
 */
export const kernelRidge = { drawn: 1e-8, table: 1e-12 } as const;

/**
 * Weight of a coalition in the KernelSHAP regression: (n - 1) / (C(n, s) · s · (n - s)). Symmetric in s and n - s,
 * without unit. The empty and the grand coalition weigh infinitely; they are exact constraints instead.
 * @param size Members s, 1 ≤ s ≤ n - 1.
 * @throws {RangeError} when `size` is outside that range.
 * @see Lundberg & Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017, Theorem 2.
 * @example shapleyKernelWeight(1, 4); // 0.25
 */
export function shapleyKernelWeight(size: number, players: number): number {
  if (!(size >= 1 && size <= players - 1)) throw new RangeError(`size ${size} of ${players} players`);
  return (players - 1) / (binomial(players, size) * size * (players - size));
}

/**
 * Pairs are drawn with probability proportional to the kernel and weigh the same; when the budget affords all
 * coalitions on all examples, each is taken once with its kernel weight, which gives the exact values. Always adds up
 * to v(all) - v(none). Needs n - 1 pairs (n + 1 distinct coalitions and more).
 */
export const kernelShap = defineEstimator({
  name: "kernel-shap",
  title: "KernelSHAP, paired",
  reference: "Lundberg & Lee, NeurIPS 2017, arXiv:1705.07874; Covert & Lee, AISTATS 2021, arXiv:2012.01536",
  description: "Least squares under the Shapley kernel over coalitions and their complements",
  supports: ["shapley"],
  minimumBudget: (players) => Math.max(2 * players, players > 1 ? 4 : 2),
  scheme(game, options) {
    const { players } = game;
    const layout = layoutOf(game, options, {
      fewest: players - 1,
      wanted: 5 * players,
      allowFull: true,
    });
    const draw = layout.isFull ? everyPair(players) : kernelPairs(players, options.seed);
    const weightOf = layout.isFull ? (size: number) => shapleyKernelWeight(size, players) : () => 1;
    const sink = pairRegression(game, layout, draw, {
      weightOf,
      ridgeFor: () => (layout.isFull ? kernelRidge.table : kernelRidge.drawn),
      centring: false,
    });
    return pairScheme(game, options, layout, draw, sink);
  },
});
