/** @file Sums that do not lose what rounding would take. */

/**
 * Sum with a running correction; the error does not grow with the number of terms.
 * @see Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974).
 */
export function sum(values: ArrayLike<number>): number {
  let total = 0;
  let lost = 0;
  for (let k = 0; k < values.length; k++) {
    const value = values[k]!;
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return Number.isFinite(lost) ? total + lost : total;
}

/** Mean by the compensated sum; NaN for no values. */
export function mean(values: ArrayLike<number>): number {
  return sum(values) / values.length;
}

/**
 * The sum of finite values as if computed without rounding and rounded once (up to a last bit in rare ties), so that
 * it does not depend on their order.
 * @see Shewchuk, "Adaptive precision floating-point arithmetic", Discrete & Computational Geometry 18 (1997).
 */
export function exactSum(values: ArrayLike<number>): number {
  const parts: number[] = []; // non-overlapping, from small to large
  for (let k = 0; k < values.length; k++) addExactly(parts, values[k]!);
  let total = 0;
  for (let k = parts.length - 1; k >= 0; k--) total += parts[k]!;
  return total;
}

function addExactly(parts: number[], value: number): void {
  let carried = value;
  let kept = 0;
  for (const part of parts) {
    const [large, small] = Math.abs(carried) < Math.abs(part) ? [part, carried] : [carried, part];
    const high = large + small;
    const low = small - (high - large);
    if (low !== 0) parts[kept++] = low;
    carried = high;
  }
  parts.length = kept;
  parts.push(carried);
}
