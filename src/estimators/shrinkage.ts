/** @file Shapley values by gradients, corrected by walks as far as these are sure. */
import { defineEstimator } from "./define.ts";
import { designOf } from "./stratified-design.ts";
import { stratifiedScheme, twoPairs } from "./stratified-scheme.ts";

/**
 * As `stratified`, but for two things. Gradients come first, and get as many rows as their bias allows: a first part of a budget
 * tells it. And what walks find gradients to be off by is shrunk to what is sure of it. So a short run ranks by gradients, which
 * are biased and hardly noisy, and a long one by walks; in between it is nearer to the true values than either. The bias that is
 * left is part of the standard errors. Without gradients, and where a pilot finds that they save no variance, it is `stratified`.
 * @see James & Stein, "Estimation with quadratic loss" (1961); Efron & Morris, J. Am. Stat. Assoc. 68 (1973).
 */
export const shrinkage = defineEstimator({
  name: "shrinkage",
  title: "Gradients, corrected by walks as far as these are sure",
  reference: "James & Stein (1961); Efron & Morris (1973); strata and gradients as in stratified",
  description: "Ranks by gradients in few rows, and comes nearer to the exact values the more there are",
  supports: ["shapley", "banzhaf", "window"],
  gradients: "welcome",
  minimumBudget: (players, _examples, options) => twoPairs(players, options),
  scheme: (game, options) => stratifiedScheme(designOf(game, options, true), game, options),
});
