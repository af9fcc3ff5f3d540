/** @file Clipping keeps directions and bounds sizes. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { clipByNorm, clipByValue, globalNorm } from "./clip.ts";

const arrays = fc
  .tuple(
    fc.float32Array({ noNaN: true, min: -100, max: 100 }),
    fc.float32Array({ noNaN: true, min: -100, max: 100 }),
  )
  .map(([a, b]) => ({ a, b }));
const named = ({ a, b }: { a: Float32Array; b: Float32Array }): Map<string, Float32Array> =>
  new Map([
    ["a", a.slice()],
    ["b", b.slice()],
  ]);

test("the norm runs over all elements of all arrays", () => {
  fc.assert(
    fc.property(arrays, ({ a, b }) => {
      const expected = Math.hypot(...a, ...b);
      expect(Math.abs(globalNorm(named({ a, b })) - expected)).toBeLessThanOrEqual(1e-9 * expected);
    }),
  );
});

test("clipping by norm shrinks all by one factor, and only what is too long", () => {
  fc.assert(
    fc.property(arrays, fc.double({ min: 0.01, max: 500, noNaN: true }), (given, limit) => {
      const gradients = named(given);
      const norm = clipByNorm(gradients, limit);
      expect(globalNorm(gradients)).toBeLessThanOrEqual(limit * (1 + 1e-6));
      const factor = Math.min(1, limit / (norm + 1e-6));
      for (const [name, before] of Object.entries(given))
        expect(gradients.get(name)).toEqual(factor < 1 ? before.map((x) => x * factor) : before);
    }),
  );
});

test("gradients without a finite norm are left for the loss watch", () => {
  const gradients = new Map([["a", Float32Array.of(1, Number.POSITIVE_INFINITY, 100)]]);
  expect(clipByNorm(gradients, 1)).toBe(Number.POSITIVE_INFINITY);
  expect([...gradients.get("a")!]).toEqual([1, Number.POSITIVE_INFINITY, 100]);
});

test("clipping by value cuts both sides", () => {
  const gradients = new Map([["a", Float32Array.of(-3, -0.5, 0, 0.5, 3, Number.NaN)]]);
  clipByValue(gradients, 1);
  expect([...gradients.get("a")!]).toEqual([-1, -0.5, 0, 0.5, 1, Number.NaN]);
});
