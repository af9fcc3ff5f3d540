/** @file Factorials and binomials, in logarithms where they would overflow. */

const logFactorials: number[] = [0];

/** Natural logarithm of n!, n a whole number of at least 0. */
export function logFactorial(n: number): number {
  for (let k = logFactorials.length; k <= n; k++) logFactorials.push(logFactorials[k - 1]! + Math.log(k));
  return logFactorials[n]!;
}

/** Natural logarithm of C(n, k); -Infinity outside 0 ≤ k ≤ n. */
export function logBinomial(n: number, k: number): number {
  if (k < 0 || k > n) return Number.NEGATIVE_INFINITY;
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** C(n, k), exact while it is a safe integer and rounded beyond; 0 outside 0 ≤ k ≤ n. */
export function binomial(n: number, k: number): number {
  if (k < 0 || k > n) return 0;
  const short = Math.min(k, n - k);
  let result = 1;
  for (let j = 1; j <= short; j++) result = (result * (n - short + j)) / j;
  return result <= Number.MAX_SAFE_INTEGER ? Math.round(result) : result;
}
