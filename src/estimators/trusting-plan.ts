/** @file How rows are shared out where gradients are trusted until walks are sure of something better. */
import { type Extent, floored, largest, type PairCosts, type StratumSpread, totalOf } from "./strata-plan.ts";

/** Part of the rows that gradients alone take while nothing is known of their bias: they rank nearly as well without walks. */
export const usualShare = 4 / 5;
/** Where rows are split once the bias is known: before that. */
export const firstShare = 1 / 2;
/** Parts of the rows that gradients alone may take once it is. */
const shares = Array.from({ length: 9 }, (_, k) => k / 10);

/**
 * Gradients alone on as many examples as a part of the rows buys, and pairs of walks for the rest, which bring gradients of
 * their own. The part is that with the least expected squared error: with s² that of what walks correct, and b² the squared
 * bias of gradients, shrinking leaves b² s² / (b² + s²), and gradients on M_h of E_h examples
 * Σ W_h² controls² (1/M_h - 1/E_h).
 * @param rows What may be spent in all, rows spent before included.
 * @param squaredBias b², of all players together.
 * @returns undefined where there are too few rows for both.
 */
export function trustingPlan(
  rows: number,
  strata: readonly StratumSpread[],
  costs: PairCosts,
  squaredBias: number,
): Extent | undefined {
  const plans = shares.flatMap((share) => gradientsFirst(rows, strata, costs, share) ?? []);
  const errors = plans.map((plan) => squaredErrorOf(plan, strata, squaredBias));
  return plans[errors.indexOf(Math.min(...errors))];
}

/**
 * Gradients alone on as many examples as a part of the rows buys, before pairs of walks for the rest; undefined where there
 * are too few rows for both.
 */
export function gradientsFirst(
  rows: number,
  strata: readonly StratumSpread[],
  costs: PairCosts,
  share: number,
): Extent | undefined {
  const wished = (scale: number) =>
    strata.map(({ examples, controls }) =>
      Math.min(examples, Math.floor(scale * examples * Math.max(controls, Number.MIN_VALUE))),
    );
  const first = wished(largest((scale) => costs.gradientsAlone * sumOf(wished(scale)) <= share * rows));
  const controls = first.map((count, h) => Math.max(count, strata[h]!.seen));
  const spreads = floored(strata, ({ rest }) => rest);
  const at = (scale: number): Extent => {
    const walks = strata.map(({ examples }, h) =>
      Math.max(1, Math.floor((scale * examples * spreads[h]!) / Math.sqrt(costs.walk))),
    );
    return { walks, controls, isControlled: true, gradientsFirst: true };
  };
  const cost = ({ walks }: Extent): number =>
    sumOf(walks) * (costs.walk + costs.gradients) + sumOf(controls) * costs.gradientsAlone;
  const found = at(largest((scale) => cost(at(scale)) <= rows));
  return cost(found) <= rows ? found : undefined;
}

function squaredErrorOf(
  { walks, controls }: Extent,
  strata: readonly StratumSpread[],
  squaredBias: number,
): number {
  let [sure, seen] = [0, 0];
  strata.forEach(({ examples, rest, controls: spread }, h) => {
    const weight = (examples / totalOf(strata)) ** 2;
    sure += (weight * rest ** 2) / walks[h]!;
    seen += weight * spread ** 2 * Math.max(0, 1 / (controls[h]! + walks[h]!) - 1 / examples);
  });
  return seen + (squaredBias === 0 ? 0 : (squaredBias * sure) / (squaredBias + sure));
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
