/** @file Weighted least squares over coalitions, with values that share out a given total. */
import { factorised, type Solver } from "../math/solve.ts";

/** Symmetric sums of products of features; only the upper triangle is filled while adding. */
export interface Normal {
  readonly size: number;
  readonly products: Float64Array;
}

export function emptyNormal(size: number): Normal {
  return { size, products: new Float64Array(size * size) };
}

/** Adds weight · x xᵀ for the x that is 1 at the members of a mask and 0 elsewhere: quadratic in their number only. */
export function addMembers({ size, products }: Normal, mask: Uint8Array, weight: number): void {
  const members: number[] = [];
  for (let i = 0; i < size; i++) if (mask[i] === 1) members.push(i);
  for (let a = 0; a < members.length; a++) {
    const start = members[a]! * size;
    for (let b = a; b < members.length; b++) {
      const cell = start + members[b]!;
      products[cell] = products[cell]! + weight;
    }
  }
}

/** Adds weight · x xᵀ. */
export function addProduct({ size, products }: Normal, x: Float64Array, weight: number): void {
  for (let row = 0; row < size; row++) {
    for (let column = row; column < size; column++) {
      const cell = row * size + column;
      products[cell] = products[cell]! + weight * x[row]! * x[column]!;
    }
  }
}

/**
 * Prepares the minimum of Σ w (xᵀψ - y)² + ridge |ψ|² over ψ that add up to zero. Directions that the
 * sample leaves open get 0 by the ridge.
 * @returns Maps Σ w x y to ψ.
 */
export function zeroSumSolver(normal: Normal, ridge: number): Solver {
  const { size } = normal;
  const steady = meanSquare(normal) / size; // (Σ ψ)² is zero where we look and steadies the matrix
  const solve = ridgeSolver(normal, ridge, steady);
  const ones = solve(new Float64Array(size).fill(1));
  const sumOfOnes = total(ones);
  return (right) => {
    const free = solve(right);
    const excess = total(free) / sumOfOnes;
    return free.map((value, i) => value - excess * ones[i]!);
  };
}

/**
 * Prepares the minimum of Σ w (xᵀβ - y)² + ridge |β|² + sumRidge (Σ β)², in units of Σ w x².
 */
export function ridgeSolver({ size, products }: Normal, ridge: number, sumRidge = 0): Solver {
  const matrix = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = row; column < size; column++) {
      const added = sumRidge + (row === column ? ridge : 0);
      const entry = products[row * size + column]! + added;
      matrix[row * size + column] = entry;
      matrix[column * size + row] = entry;
    }
  }
  return factorised(matrix, size);
}

/** Mean of the diagonal, the unit ridges are given in; 1 for a matrix of zeros. */
export function meanSquare({ size, products }: Normal): number {
  let trace = 0;
  for (let i = 0; i < size; i++) trace += products[i * size + i]!;
  return trace / size || 1;
}

export function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/** Standard errors from what each of the blocks moves a value by, [blocks, size]. */
export function errorsOfInfluences(influences: Float64Array, size: number, extra = 0): Float64Array {
  const blocks = influences.length / size;
  const squares = new Float64Array(size);
  influences.forEach((influence, k) => {
    squares[k % size] = squares[k % size]! + influence * influence;
  });
  return squares.map((square) => Math.sqrt((square * blocks) / (blocks - 1) + extra));
}
