/** @file How far a filter is from all others of its layer. */
import { type Criterion, groupOf } from "./criterion.ts";
import { type FilterBank, filterBanks, sumOverBanks } from "./filters.ts";

/**
 * Score of channel c: Σ over producers p, Σ over filters j of p of ‖W_p[c] − W_p[j]‖₂. A filter near the geometric
 * median can be replaced by the others, so it goes first whatever its norm. Filters of the layer that are locked or
 * belong to another group count among the others. Differs from the paper in nothing but the sum over producers.
 */
export const fpgm: Criterion = {
  title: "FPGM",
  reference:
    "He, Liu, Wang, Hu & Yang, Filter pruning via geometric median for deep CNN acceleration, CVPR 2019, arXiv:1811.00250",
  description: "sum of distances to the other filters of the layer",
  needs: "weights",
  async score(context) {
    const banks = filterBanks(context.analysis, context.group);
    const distances = new Map(banks.map((bank) => [bank, distanceSums(bank)]));
    return sumOverBanks(banks, groupOf(context).channels, (bank, filter) => distances.get(bank)![filter]!);
  },
};

/** Shape [filters]. */
function distanceSums({ weights, size, channelAt }: FilterBank): Float64Array {
  const sums = new Float64Array(channelAt.length);
  for (let a = 1; a < sums.length; a++) {
    for (let b = 0; b < a; b++) {
      let squares = 0;
      for (let k = 0; k < size; k++) squares += (weights[a * size + k]! - weights[b * size + k]!) ** 2;
      const distance = Math.sqrt(squares);
      sums[a]! += distance;
      sums[b]! += distance;
    }
  }
  return sums;
}
