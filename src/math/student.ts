/** @file Student's t, exactly and with few degrees of freedom; `quantiles.ts` has the quicker expansion for many. */

/**
 * Probability that |t| is at least so large: I_x(ν/2, 1/2) at x = ν / (ν + t²).
 * @param freedom Degrees of freedom ν, any number above 0, whole or not; infinite for the normal distribution.
 * @see Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.1 and 26.5.
 * @example studentTails(2.776, 4); // 0.05
 */
export function studentTails(t: number, freedom: number): number {
  if (!(freedom > 0)) throw new RangeError(`${freedom} degrees of freedom`);
  if (!Number.isFinite(t)) return 0;
  const known = Math.min(freedom, 1e7); // beyond, no digit differs from the normal distribution that matters
  const square = t * t;
  return regularizedBeta(known / (known + square), square / (known + square), known / 2, 0.5);
}

/**
 * The t that |t| exceeds with this probability.
 * @param tails Probability of both tails together, inside (0, 1).
 * @example studentDeviate(0.05, 4); // 2.776
 */
export function studentDeviate(tails: number, freedom: number): number {
  if (!(tails > 0 && tails < 1)) throw new RangeError(`no deviate with tails of ${tails}`);
  let low = 0;
  let high = 1;
  while (studentTails(high, freedom) > tails) {
    low = high;
    high *= 2;
  }
  for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (studentTails(middle, freedom) > tails) low = middle;
    else high = middle;
  }
  return high;
}

/** The incomplete beta function over the complete one, I_x(a, b), with x and 1 - x both given to full precision. */
function regularizedBeta(x: number, rest: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (rest <= 0) return 1;
  const logs = a * Math.log(x) + b * Math.log(rest);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + logs);
  // the fraction converges quickly on this side of the mean only
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(rest, b, a)) / b;
}

const enough = 1e-15;
const tiny = 1e-300;

/**
 * The continued fraction of the incomplete beta function, by Lentz's method.
 * @see Abramowitz & Stegun, 26.5.8; Lentz, "Generating Bessel functions in Mie scattering calculations using continued
 *   fractions", Applied Optics 15 (1976).
 */
function betaFraction(x: number, a: number, b: number): number {
  const awayFromZero = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    result *= d * c;
    if (Math.abs(d * c - 1) < enough) break;
  }
  return result;
}

/** ln Γ(z) for z > 0: Stirling's series after shifting the argument up. */
function logGamma(z: number): number {
  let shift = 0;
  let x = z;
  for (; x < 10; x++) shift += Math.log(x);
  const inverse = 1 / (x * x);
  const series =
    (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
