/** @file The best assignment, held against every permutation. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bestAssignment } from "./assignment.ts";

function permutations(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item) =>
    permutations(items.filter((one) => one !== item)).map((rest) => [item, ...rest]),
  );
}

const totalOf = (n: number, gains: readonly number[], columns: ArrayLike<number>) =>
  Array.from(columns).reduce((sum, column, row) => sum + gains[row * n + column]!, 0);

test("gains as much as the best of all permutations, each column once", () => {
  const games = fc
    .integer({ min: 1, max: 6 })
    .chain((n) =>
      fc.tuple(
        fc.constant(n),
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: n * n, maxLength: n * n }),
      ),
    );
  fc.assert(
    fc.property(games, ([n, gains]) => {
      const columns = bestAssignment(n, gains);
      expect([...columns].sort()).toEqual(Array.from({ length: n }, (_, k) => k));
      const best = Math.max(...permutations([...columns].sort()).map((one) => totalOf(n, gains, one)));
      expect(totalOf(n, gains, columns)).toBe(best);
    }),
    { numRuns: 60 },
  );
});

test("nobody to place", () => expect(bestAssignment(0, [])).toHaveLength(0));
