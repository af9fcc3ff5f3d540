/** @file Ridge regression from sums of products: solved, chosen and judged without the rows themselves. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";

/** Sums over rows, per group: X'X, X'R and R², with a one at the end of each row of X. */
export interface Sums {
  readonly groups: number;
  /** Entries of a row of X, the one included. */
  readonly features: number;
  readonly outputs: number;
  /** Shape [groups, features, features]. */
  readonly gram: Float64Array;
  /** Shape [groups, features, outputs]. */
  readonly cross: Float64Array;
  /** Shape [groups, outputs]. */
  readonly squares: Float64Array;
}

export function emptySums(groups: number, features: number, outputs: number): Sums {
  return {
    groups,
    features,
    outputs,
    gram: new Float64Array(groups * features * features),
    cross: new Float64Array(groups * features * outputs),
    squares: new Float64Array(groups * outputs),
  };
}

export function addTo(total: Float64Array, part: ArrayLike<number>): void {
  for (let k = 0; k < total.length; k++) total[k] = total[k]! + part[k]!;
}

/**
 * The change D that minimises ||X D - R||² + λ ||D||², the last row of D (the bias) free of the penalty. The penalty holds
 * the change small: without any evidence the weights stay as they are. λ is `ridge` times the mean square of a feature
 * summed over the rows, so a ridge of 1 weighs as much as the rows themselves.
 * @returns Shape [groups, features, outputs]; undefined when the system is singular to working precision.
 */
export function solveRidge(sums: Sums, ridge: number, hasBias: boolean): Float64Array | undefined {
  const { groups, features, outputs, gram, cross } = sums;
  const size = hasBias ? features : features - 1;
  const change = new Float64Array(cross.length);
  for (let group = 0; group < groups; group++) {
    const own = gram.subarray(group * features * features, (group + 1) * features * features);
    const penalty = ridge * meanSquare(own, features);
    if (penalty === 0 && size > 1) continue; // the group reads zeros only
    const system = Matrix.zeros(size, size);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column <= row; column++) {
        const value = own[row * features + column]!;
        system.set(row, column, value);
        system.set(column, row, value); // equal to the bit, whatever the runtime's order of summation
      }
      if (row < features - 1) system.set(row, row, system.get(row, row) + penalty);
    }
    const factor = new CholeskyDecomposition(system);
    if (!factor.isPositiveDefinite()) return undefined;
    const start = group * features * outputs;
    const right = cross.slice(start, start + size * outputs);
    change.set(substituted(factor.lowerTriangularMatrix, right, outputs), start);
  }
  return change;
}

/**
 * Solves L L' X = B in place. The library's own solver takes one element at a time through accessors, which is slow
 * with many right-hand sides.
 * @param right B, shape [size, columns].
 */
function substituted(lower: Matrix, right: Float64Array, columns: number): Float64Array {
  const rows = lower.to2DArray();
  const size = rows.length;
  for (let k = 0; k < size; k++) {
    for (let j = 0; j < k; j++) addRow(right, k * columns, right, j * columns, columns, -rows[k]![j]!);
    divideRow(right, k * columns, columns, rows[k]![k]!);
  }
  for (let k = size - 1; k >= 0; k--) {
    divideRow(right, k * columns, columns, rows[k]![k]!);
    for (let j = 0; j < k; j++) addRow(right, j * columns, right, k * columns, columns, -rows[k]![j]!);
  }
  return right;
}

/** to[at + k] += factor * from[start + k] */
function addRow(
  to: Float64Array,
  at: number,
  from: Float64Array,
  start: number,
  columns: number,
  factor: number,
): void {
  for (let k = 0; k < columns; k++) to[at + k] = to[at + k]! + factor * from[start + k]!;
}

function divideRow(row: Float64Array, at: number, columns: number, by: number): void {
  for (let k = at; k < at + columns; k++) row[k] = row[k]! / by;
}

function meanSquare(gram: Float64Array, features: number): number {
  let trace = 0;
  for (let k = 0; k < features - 1; k++) trace += gram[k * features + k]!;
  return trace / Math.max(1, features - 1);
}

/** The change of the bias alone: the mean of what the target lacks. */
export function meanShift({ groups, features, outputs, gram, cross }: Sums): Float64Array {
  const change = new Float64Array(cross.length);
  for (let group = 0; group < groups; group++) {
    const rows = gram[(group + 1) * features * features - 1]!;
    const start = ((group + 1) * features - 1) * outputs;
    for (let k = 0; k < outputs; k++) change[start + k] = cross[start + k]! / rows;
  }
  return change;
}

/** ||X D - R||² summed over rows and outputs: Σ R² - 2 D'X'R + D'X'X D. */
export function squaredError(sums: Sums, change: Float64Array): number {
  const { groups, features, outputs, gram, cross, squares } = sums;
  const errors = squares.slice();
  const predicted = new Float64Array(outputs);
  for (let row = 0; row < groups * features; row++) {
    const group = Math.floor(row / features);
    predicted.fill(0);
    for (let column = 0; column < features; column++) {
      const start = (group * features + column) * outputs;
      addRow(predicted, 0, change, start, outputs, gram[row * features + column]!);
    }
    for (let k = 0; k < outputs; k++) {
      const place = row * outputs + k;
      const gain = change[place]! * (predicted[k]! - 2 * cross[place]!);
      errors[group * outputs + k] = errors[group * outputs + k]! + gain;
    }
  }
  return errors.reduce((total, error) => total + Math.max(0, error), 0); // rounding may leave less than nothing
}
