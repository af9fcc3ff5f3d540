/** @file Sum of absolute weights. */
import { type Criterion, groupOf } from "./criterion.ts";
import { type FilterBank, filterBanks, sumOverBanks } from "./filters.ts";

/**
 * Score of channel c: Σ over producers p of ‖W_p[c]‖₁, biases left out. A plain layer has one producer; a residual
 * stream sums over every layer that adds to it, so channels that more layers write to score higher.
 */
export const l1: Criterion = {
  title: "L1 norm",
  reference:
    "Li, Kadav, Durdanovic, Samet & Graf, Pruning filters for efficient ConvNets, ICLR 2017, arXiv:1608.08710",
  description: "sum of absolute weights that make the channel",
  needs: "weights",
  score: async (context) =>
    sumOverBanks(filterBanks(context.analysis, context.group), groupOf(context).channels, l1Norm),
};

function l1Norm({ weights, size }: FilterBank, filter: number): number {
  let total = 0;
  for (let k = filter * size; k < (filter + 1) * size; k++) total += Math.abs(weights[k]!);
  return total;
}
