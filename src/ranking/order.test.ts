import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rankedOrder } from "./order.ts";

describe("rankedOrder", () => {
  test("puts the lowest first and equal values by number", () => {
    const { order, ties } = rankedOrder([3, 1, 1, 2]);
    expect([...order]).toEqual([1, 2, 3, 0]);
    expect(ties).toEqual([{ start: 0, end: 2 }]);
  });

  test("ties values that their errors cannot tell apart", () => {
    // √2 · 0.1 · 1.96 = 0.277 is what a difference has to exceed
    expect(rankedOrder([0, 0.27, 0.29, 1], [0.1, 0.1, 0.1, 0.1]).ties).toEqual([{ start: 0, end: 2 }]);
    expect(rankedOrder([0, 0.27, 0.29, 1], [0.1, 0.1, 0.1, 0.1], { level: 0.99 }).ties).toEqual([
      { start: 0, end: 3 },
    ]);
  });

  test("a run measures from its lowest channel, so chains of small steps do not join everything", () => {
    const errors = new Float64Array(5).fill(0.1);
    expect(rankedOrder([0, 0.2, 0.4, 0.6, 0.8], errors).ties).toEqual([
      { start: 0, end: 2 },
      { start: 2, end: 4 },
    ]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("an unknown error (%s) ties with everything", (error) => {
    expect(rankedOrder([5, 0, 9], [error, error, error]).ties).toEqual([{ start: 0, end: 3 }]);
  });

  test("lists every channel once, in ascending order, whatever the values", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })), (values) => {
        const { order } = rankedOrder(values);
        expect([...order].sort((a, b) => a - b)).toEqual(values.map((_, k) => k));
        for (let k = 1; k < order.length; k++)
          expect(values[order[k]!]!).toBeGreaterThanOrEqual(values[order[k - 1]!]!);
      }),
    );
  });

  test("refuses errors of another length", () => {
    expect(() => rankedOrder([1, 2], [0.1])).toThrow(RangeError);
  });
});
