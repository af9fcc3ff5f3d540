/** @file Euclidean norm of the weights. */
import { type Criterion, groupOf } from "./criterion.ts";
import { type FilterBank, filterBanks, sumOverBanks } from "./filters.ts";

/**
 * Score of channel c: Σ over producers p of ‖W_p[c]‖₂, biases left out. A plain layer has one producer; a residual
 * stream sums the norms of every layer that adds to it.
 */
export const l2: Criterion = {
  title: "L2 norm",
  reference:
    "He, Kang, Dong, Fu & Yang, Soft filter pruning for accelerating deep CNNs, IJCAI 2018, arXiv:1808.06866",
  description: "Euclidean norm of the weights that make the channel",
  needs: "weights",
  score: async (context) =>
    sumOverBanks(filterBanks(context.analysis, context.group), groupOf(context).channels, l2Norm),
};

function l2Norm({ weights, size }: FilterBank, filter: number): number {
  let squares = 0;
  for (let k = filter * size; k < (filter + 1) * size; k++) squares += weights[k]! ** 2;
  return Math.sqrt(squares);
}
