/** @file Where a bound lies once channels in front of it are gone. */

/** How many of the positions that stay lie in front of `bound`. */
export function countBelow(kept: Int32Array, bound: number): number {
  let count = 0;
  for (const position of kept) if (position < bound) count++;
  return count;
}
