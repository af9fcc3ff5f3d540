/** @file Payoff curves: where they are measured, and what lies between them and the start. */

/**
 * Numbers of removed channels to measure at: all of them in small groups, else `points` of about equal distance and 0.
 * @param points At least 1.
 * @returns Ascending from 0 to `channels`.
 * @example sizesOver(100, 4); // [0, 25, 50, 75, 100]
 */
export function sizesOver(channels: number, points: number): number[] {
  const steps = Math.min(channels, points);
  return Array.from({ length: steps + 1 }, (_, k) => Math.round((k * channels) / steps));
}

/**
 * Mean payoff lost over all numbers of removed channels, by straight lines between those measured:
 * 1/n ∫ (v(0 removed) - v(k removed)) dk for k from 0 to n.
 * @param sizes As of {@link sizesOver}; @param payoffs Shape [sizes].
 * @see Ancona, Öztireli & Gross, "Shapley Values as a Principled Metric for Structured Network Pruning" (2020), where
 *   the loss added is summed up per removed unit.
 */
export function areaLost(sizes: readonly number[], payoffs: ArrayLike<number>): number {
  const start = payoffs[0]!;
  let area = 0;
  for (let k = 1; k < sizes.length; k++) {
    const lost = start - (payoffs[k - 1]! + payoffs[k]!) / 2;
    area += lost * (sizes[k]! - sizes[k - 1]!);
  }
  return area / sizes.at(-1)!;
}
