/** @file Who gets which place, so that all together gain the most. */

/**
 * The assignment of n rows to n columns with the largest total gain.
 * @param gains Shape [n, n], row-major, finite. Whole numbers keep the answer exact while sums stay safe integers.
 * @returns Shape [n]: the column of each row. Of several best assignments one is found, always the same.
 * @see Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics 2 (1955); here with shortest
 * augmenting paths, cubic in n.
 * @example bestAssignment(2, [1, 5, 4, 1]); // [1, 0]
 */
export function bestAssignment(n: number, gains: ArrayLike<number>): Uint32Array {
  const rowPrice = new Float64Array(n + 1);
  const columnPrice = new Float64Array(n + 1);
  const rowOf = new Uint32Array(n + 1); // by column, both from 1; 0 stands for none
  const before = new Uint32Array(n + 1);
  for (let row = 1; row <= n; row++) {
    const slack = new Float64Array(n + 1).fill(Infinity);
    const isDone = new Uint8Array(n + 1);
    rowOf[0] = row;
    let column = 0;
    do {
      isDone[column] = 1;
      const at = rowOf[column]!;
      let step = Infinity;
      let next = 0;
      for (let j = 1; j <= n; j++) {
        if (isDone[j] === 1) continue;
        const reduced = -gains[(at - 1) * n + j - 1]! - rowPrice[at]! - columnPrice[j]!;
        if (reduced < slack[j]!) {
          slack[j] = reduced;
          before[j] = column;
        }
        if (slack[j]! < step) {
          step = slack[j]!;
          next = j;
        }
      }
      for (let j = 0; j <= n; j++) {
        if (isDone[j] === 1) {
          rowPrice[rowOf[j]!] = rowPrice[rowOf[j]!]! + step;
          columnPrice[j] = columnPrice[j]! - step;
        } else slack[j] = slack[j]! - step;
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[before[column]!]!;
      column = before[column]!;
    }
  }
  const columnOf = new Uint32Array(n);
  for (let j = 1; j <= n; j++) columnOf[rowOf[j]! - 1] = j - 1;
  return columnOf;
}
