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
    const right = Matrix.from1DArray(size, outputs, cross.subarray(start, start + size * outputs));
    const solution = factor.solve(right);
    for (let row = 0; row < size; row++)
      for (let column = 0; column < outputs; column++)
        change[start + row * outputs + column] = solution.get(row, column);
  }
  return change;
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

/** ||X D - R||² summed over rows and outputs. */
export function squaredError(
  { groups, features, outputs, gram, cross, squares }: Sums,
  change: Float64Array,
): number {
  let total = 0;
  for (let group = 0; group < groups; group++) {
    for (let output = 0; output < outputs; output++) {
      const at = (row: number): number => (group * features + row) * outputs + output;
      let error = squares[group * outputs + output]!;
      for (let row = 0; row < features; row++) {
        const weight = change[at(row)]!;
        if (weight === 0) continue;
        const own = (group * features + row) * features;
        let predicted = 0;
        for (let column = 0; column < features; column++)
          predicted += gram[own + column]! * change[at(column)]!;
        error += weight * (predicted - 2 * cross[at(row)]!);
      }
      total += Math.max(0, error);
    }
  }
  return total;
}
