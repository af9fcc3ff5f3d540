/** @file Quantiles for confidence statements. */

/**
 * Quantile of the standard normal distribution, relative error below 1.2e-9.
 * @param probability Inside (0, 1).
 * @see Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003).
 */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) throw new RangeError(`no quantile at ${probability}`);
  if (probability < 0.02425) return lowerTail(probability);
  if (probability > 1 - 0.02425) return -lowerTail(1 - probability);
  const q = probability - 0.5;
  const r = q * q;
  const above =
    (((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
    q;
  const under =
    ((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
    1;
  return above / under;
}

function lowerTail(probability: number): number {
  const q = Math.sqrt(-2 * Math.log(probability));
  const above =
    ((((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) *
      q +
      4.374664141464968) *
      q +
    2.938163982698783;
  const under =
    (((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q +
    1;
  return above / under;
}

/**
 * Quantile of Student's t, by the expansion around the normal; within 1% from 10 degrees of freedom on for
 * probabilities up to 0.9999.
 * @see Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.5.
 */
export function studentQuantile(probability: number, freedom: number): number {
  const z = normalQuantile(probability);
  const z2 = z * z;
  const g1 = ((z2 + 1) * z) / 4;
  const g2 = (((5 * z2 + 16) * z2 + 3) * z) / 96;
  const g3 = ((((3 * z2 + 19) * z2 + 17) * z2 - 15) * z) / 384;
  const g4 = (((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) * z) / 92160;
  return z + (((g4 / freedom + g3) / freedom + g2) / freedom + g1) / freedom;
}
