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
