/** @file How much of what walks correct is worth keeping. */

/** Pairs from which on their spread tells how sure corrections are; until then nothing is corrected. */
const fewestPairs = 16;

/** Noise alone makes squares this many times the squared errors, now and then: a mean of one and a deviation of √2. */
const noise = 1 + Math.SQRT2;

/**
 * How much of each correction is kept: b² / (b² + s²), with s its standard error and b² what corrections are larger than
 * their errors explain, over all players. What that leaves of the bias is known no better than the corrections: its square
 * counts as b², or as s² where that is more and no more than the mean square of corrections.
 * @param corrections Shape [players]; @param squaredErrors Likewise. @param pairs Pairs of walks they rest on.
 * @returns The trust in each correction, and the squared error of what is kept of it; infinite where it is not known.
 * @see James & Stein, "Estimation with quadratic loss" (1961); Efron & Morris, J. Am. Stat. Assoc. 68 (1973).
 */
export function shrunk(
  corrections: Float64Array,
  squaredErrors: Float64Array,
  pairs: number,
): { readonly trust: Float64Array; readonly squared: Float64Array } {
  const players = corrections.length;
  const meanSquare = corrections.reduce((sum, correction) => sum + correction ** 2, 0) / players;
  const meanError = squaredErrors.reduce((sum, squared) => sum + squared, 0) / players;
  const squaredBias = Math.max(0, meanSquare - noise * meanError) || 0; // unknown errors leave nothing
  const trust = squaredErrors.map((squared) =>
    pairs < fewestPairs || squaredBias === 0 || squared === Number.POSITIVE_INFINITY
      ? 0
      : squaredBias / (squaredBias + squared),
  );
  const squared = squaredErrors.map((own, at) =>
    own === Number.POSITIVE_INFINITY
      ? own
      : trust[at]! ** 2 * own + (1 - trust[at]!) ** 2 * Math.max(squaredBias, Math.min(own, meanSquare)),
  );
  return { trust, squared };
}
