/** @file How much of what walks correct is worth keeping. */

/** Pairs from which on their spread tells how sure corrections are; until then nothing is corrected. */
const fewestPairs = 32;

/** Squared bias that corrections would not tell from their own noise, in mean squares of their errors. */
const hiddenShare = 0.2;

/** What corrections say of the squared bias of gradients, as a mean over players. */
export interface BiasFound {
  /** What corrections are larger than their errors, 0 where they are not. */
  readonly seen: number;
  /** What could hide in their noise besides. */
  readonly hidden: number;
}

/** @param corrections Shape [players]. @param squaredErrors Likewise; where one is infinite nothing is found, and anything could hide. */
export function biasIn(corrections: Float64Array, squaredErrors: Float64Array): BiasFound {
  const mean = (of: (at: number) => number) =>
    corrections.reduce((sum, _, at) => sum + of(at), 0) / corrections.length;
  const error = mean((at) => squaredErrors[at]!);
  const seen = Math.max(0, mean((at) => corrections[at]! ** 2) - error) || 0;
  return { seen, hidden: hiddenShare * error };
}

/**
 * How much of each correction is kept: b² / (b² + s²), with s its standard error and b² the squared bias that is seen over
 * all players. What that leaves of the bias counts as what is seen and what could hide.
 * @param corrections Shape [players]; @param squaredErrors Likewise. @param pairs Pairs of walks they rest on.
 * @returns The trust in each correction, and the squared error of what is kept of it; infinite where it is not known.
 * @see James & Stein, "Estimation with quadratic loss" (1961); Efron & Morris, J. Am. Stat. Assoc. 68 (1973).
 */
export function shrunk(
  corrections: Float64Array,
  squaredErrors: Float64Array,
  pairs: number,
): { readonly trust: Float64Array; readonly squared: Float64Array } {
  const { seen, hidden } = biasIn(corrections, squaredErrors);
  const trust = squaredErrors.map((own) =>
    pairs < fewestPairs || seen === 0 || own === Number.POSITIVE_INFINITY ? 0 : seen / (seen + own),
  );
  const squared = squaredErrors.map((own, at) =>
    own === Number.POSITIVE_INFINITY ? own : trust[at]! ** 2 * own + (1 - trust[at]!) ** 2 * (seen + hidden),
  );
  return { trust, squared };
}
