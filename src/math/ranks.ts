/** @file Ranks with ties, and how well two rankings agree. */
import { sum } from "./sums.ts";

/** Ranks from 1 for the smallest; equal values share the mean of their places. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = ascending(values);
  const result = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let k = start; k < end; k++) result[order[k]!] = (start + end + 1) / 2;
    start = end;
  }
  return result;
}

/** Positions of the values from smallest to largest; equal values keep their order. */
export function ascending(values: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: values.length }, (_, k) => k).sort(
    (a, b) => values[a]! - values[b]! || a - b,
  );
}

/** Pearson's correlation; NaN when one side does not vary. */
export function pearson(a: ArrayLike<number>, b: ArrayLike<number>): number {
  requireSameLength(a, b);
  const meanA = sum(a) / a.length;
  const meanB = sum(b) / b.length;
  let products = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let k = 0; k < a.length; k++) {
    const x = a[k]! - meanA;
    const y = b[k]! - meanB;
    products += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  return products / Math.sqrt(squaresA * squaresB);
}

/** Spearman's rank correlation, ties sharing ranks; NaN when one side is constant. */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return pearson(ranks(a), ranks(b));
}

/**
 * Kendall's tau-b: concordant minus discordant pairs, over the pairs tied on neither side (geometric mean of both
 * counts). Quadratic in the length, which is a number of channels. NaN when one side is constant.
 * @see Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945).
 */
export function kendallTauB(a: ArrayLike<number>, b: ArrayLike<number>): number {
  requireSameLength(a, b);
  let balance = 0;
  let untiedA = 0;
  let untiedB = 0;
  for (let j = 1; j < a.length; j++) {
    for (let i = 0; i < j; i++) {
      const signA = Math.sign(a[j]! - a[i]!);
      const signB = Math.sign(b[j]! - b[i]!);
      balance += signA * signB;
      untiedA += signA * signA;
      untiedB += signB * signB;
    }
  }
  return balance / Math.sqrt(untiedA * untiedB);
}

function requireSameLength(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`);
}
