/** @file LeverageSHAP: paired regression with sizes drawn evenly, size centring and a small ridge. */
import { everyPair, layoutOf, leveragePairs, pairScheme } from "./coalition-pairs.ts";
import { defineEstimator } from "./define.ts";
import { kernelRidge, shapleyKernelWeight } from "./kernel-shap.ts";
import { pairRegression } from "./pair-regression.ts";

/** Ridge in units of the mean squared feature, as a number of pairs: fades as 1 / m. */
const ridgePairs = 10;

/**
 * Leverage scores of the KernelSHAP rows are nearly the same for all sizes, so sizes come in turn and rows weigh
 * 1 / (s (n - s)) instead of being drawn by the kernel. Differs from the paper in what our measurements showed to help
 * rankings: the size trend is taken out before the fit, and a ridge worth ten pairs steadies small samples (it fades
 * with their number). When the budget affords all coalitions on all examples the result is exact.
 */
export const leverage = defineEstimator({
  name: "leverage",
  title: "LeverageSHAP with size centring",
  reference: "Musco & Witter, ICLR 2025, arXiv:2410.01917",
  description:
    "Paired regression with coalition sizes in even turns; strong on smooth games with larger budgets",
  supports: ["shapley"],
  minimumBudget: (players) => Math.max(2 * players, players > 1 ? 4 : 2),
  scheme(game, options) {
    const { players } = game;
    const layout = layoutOf(game, options, {
      fewest: players - 1,
      wanted: 5 * players,
      allowFull: true,
    });
    const draw = layout.isFull ? everyPair(players) : leveragePairs(players, options.seed);
    const weightOf = layout.isFull
      ? (size: number) => shapleyKernelWeight(size, players)
      : (size: number) => (2 * size === players ? 0.5 : 1) / (size * (players - size));
    const ridgeFor = (pairs: number): number => (layout.isFull ? kernelRidge.table : ridgePairs / pairs);
    const sink = pairRegression(game, layout, draw, { weightOf, ridgeFor, centring: !layout.isFull });
    return pairScheme(game, options, layout, draw, sink);
  },
});
