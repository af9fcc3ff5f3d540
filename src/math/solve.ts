/** @file Solves small symmetric systems of equations. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";

/** Solves A x = b for one factorised A and any b of its size. */
export type Solver = (right: ArrayLike<number>) => Float64Array;

/**
 * Factorises a symmetric positive definite matrix.
 * @param entries Shape [size, size], row-major; both triangles are filled and equal.
 * @throws {RangeError} when the matrix is not positive definite.
 */
export function factorised(entries: Float64Array, size: number): Solver {
  const factor = new CholeskyDecomposition(Matrix.from1DArray(size, size, entries));
  if (!factor.isPositiveDefinite()) throw new RangeError("the matrix is not positive definite");
  return (right) => Float64Array.from(factor.solve(Matrix.columnVector(right)).getColumn(0));
}

/**
 * Least-squares fit of a polynomial, weighted.
 * @param powers The powers to use, for example [1, 3, 5].
 * @returns One coefficient for each power; null when the points do not determine them.
 */
export function fitPowers(
  at: ArrayLike<number>,
  values: ArrayLike<number>,
  weights: ArrayLike<number>,
  powers: readonly number[],
): Float64Array | null {
  const size = powers.length;
  const normal = new Float64Array(size * size);
  const right = new Float64Array(size);
  for (let k = 0; k < at.length; k++) {
    const basis = powers.map((power) => at[k]! ** power);
    for (let row = 0; row < size; row++) {
      right[row] = right[row]! + weights[k]! * basis[row]! * values[k]!;
      for (let column = 0; column < size; column++) {
        const cell = row * size + column;
        normal[cell] = normal[cell]! + weights[k]! * (basis[row]! * basis[column]!); // symmetric to the bit
      }
    }
  }
  try {
    return factorised(normal, size)(right);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
