/** @file Curves, differences between methods, and how often equal ones are told apart. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normal, stream, uniform } from "../math/random.ts";
import { areaLost, holm, pairedDifference, sharedVariance, sizesOver, spreadOf } from "./index.ts";

describe("curves", () => {
  test("all sizes of small groups, evenly spread ones of large groups", () => {
    expect(sizesOver(4, 16)).toEqual([0, 1, 2, 3, 4]);
    expect(sizesOver(100, 4)).toEqual([0, 25, 50, 75, 100]);
    expect(sizesOver(7, 1)).toEqual([0, 7]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 40 }), (channels, points) => {
        const sizes = sizesOver(channels, points);
        expect([sizes[0], sizes.at(-1), sizes.length]).toEqual([0, channels, Math.min(channels, points) + 1]);
        for (let k = 1; k < sizes.length; k++) expect(sizes[k]!).toBeGreaterThan(sizes[k - 1]!);
      }),
    );
  });

  test("the area is the mean payoff lost, whatever the distance of the sizes", () => {
    expect(areaLost([0, 1, 2], [5, 5, 5])).toBe(0);
    expect(areaLost([0, 1, 2], [2, 1, 0])).toBe(1);
    expect(areaLost([0, 1, 4], [8, 6, 0])).toBeCloseTo((1 * 1 + 5 * 3) / 4, 12);
    const line = (size: number) => 3 - 0.7 * size;
    const areas = [[0, 10], [0, 3, 10], sizesOver(10, 10)].map((sizes) => areaLost(sizes, sizes.map(line)));
    for (const area of areas) expect(area).toBeCloseTo(3.5, 12);
  });
});

describe("differences over seeds", () => {
  test("are paired: what seeds do to both methods cancels", () => {
    const luck = [10, -4, 7];
    const { value, low, high } = pairedDifference(
      luck.map((one, k) => one + 1 + 0.01 * k),
      luck,
    );
    expect(value).toBeCloseTo(1.01, 12);
    expect(low).toBeGreaterThan(0.98);
    expect(high).toBeLessThan(1.04);
  });

  test("intervals cover the truth as often as they say, also with few seeds and shared examples", () => {
    const random = stream(5, 0);
    for (const seeds of [2, 3, 6]) {
      const rounds = 2000;
      let covered = 0;
      for (let round = 0; round < rounds; round++) {
        const examples = normal(random); // the same for every seed
        const first = Array.from({ length: seeds }, () => 2 + normal(random) + examples);
        const { low, high } = pairedDifference(first, new Array<number>(seeds).fill(0), 1);
        if (low <= 2 && high >= 2) covered++;
      }
      expect(covered / rounds).toBeGreaterThan(0.94);
    }
  });

  test("right and wrong answers carry binomial noise, and never none", () => {
    const right = new Float64Array(100).fill(1);
    expect(sharedVariance([right], [right], true)).toBeCloseTo(1 / 100 ** 2, 15);
    const random = stream(9, 0);
    const examples = 4000;
    const draw = () => Float64Array.from({ length: examples }, () => (uniform(random) < 0.8 ? 1 : 0));
    const expected = (2 * 0.8 * 0.2) / examples; // independent answers
    expect(sharedVariance([draw()], [draw()], true) / expected).toBeCloseTo(1, 1);
  });

  test("fewer than two seeds are our mistake", () => {
    expect(() => pairedDifference([1], [2])).toThrow(RangeError);
    expect(() => pairedDifference([1, 2], [2])).toThrow(RangeError);
    expect(() => spreadOf([])).toThrow(RangeError);
    expect(spreadOf([3])).toEqual({ mean: 3, deviation: 0, count: 1 });
  });

  test("a difference without any spread is certain, and none is none", () => {
    expect(pairedDifference([2, 2], [1, 1])).toEqual({ value: 1, low: 1, high: 1, probability: 0 });
    expect(pairedDifference([1, 1], [1, 1]).probability).toBe(1);
  });
});

test("Holm's correction goes down from the smallest, and stops at the first that fails", () => {
  expect(holm([0.04, 0.01, 0.03], 0.05)).toEqual([false, true, false]);
  expect(holm([0.01, 0.02, 0.04], 0.05)).toEqual([true, true, true]);
  expect(holm([0.02, 0.02, 0.02], 0.05)).toEqual([false, false, false]);
  expect(holm([], 0.05)).toEqual([]);
});
