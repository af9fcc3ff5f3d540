/** @file Running mean and variance of vectors, exact to rounding however many are added. */

/** What is known after `count` vectors: their mean and the sum of squared deviations from it, each [size]. */
export interface Moments {
  count: number;
  readonly mean: Float64Array;
  readonly squares: Float64Array;
}

export function emptyMoments(size: number): Moments {
  return { count: 0, mean: new Float64Array(size), squares: new Float64Array(size) };
}

/**
 * Adds one vector, in place.
 * @see Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 4 (1962).
 */
export function addVector(moments: Moments, vector: ArrayLike<number>): void {
  const { mean, squares } = moments;
  moments.count++;
  const share = 1 / moments.count;
  for (let i = 0; i < mean.length; i++) {
    const before = vector[i]! - mean[i]!;
    mean[i] = mean[i]! + before * share;
    squares[i] = squares[i]! + before * (vector[i]! - mean[i]!);
  }
}

/** Unbiased variance of the vectors, [size]; NaN with fewer than two. */
export function variances(moments: Moments): Float64Array {
  return moments.squares.map((square) => (moments.count < 2 ? Number.NaN : square / (moments.count - 1)));
}

/** Standard error of the mean, [size]; infinite with fewer than two vectors, when nothing is known about it. */
export function standardErrorsOf(moments: Moments): Float64Array {
  const { count } = moments;
  return moments.squares.map((square) =>
    count < 2 ? Number.POSITIVE_INFINITY : Math.sqrt(square / (count - 1) / count),
  );
}
