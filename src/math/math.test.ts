/** @file Moments, sums, ranks, binomials, quantiles and solves against definitions and tables. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binomial, logBinomial, logFactorial } from "./combinatorics.ts";
import { addVector, emptyMoments, standardErrorsOf, variances } from "./moments.ts";
import { normalQuantile, studentQuantile } from "./quantiles.ts";
import { ascending, kendallTauB, pearson, ranks, spearman } from "./ranks.ts";
import { factorised, fitPowers } from "./solve.ts";
import { mean, sum } from "./sums.ts";

const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 30 });

test("running moments are those of the definition, also far from zero", () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const moments = emptyMoments(2);
      for (const value of values) addVector(moments, [value, value + 1e9]);
      const average = mean(values);
      const variance = values.reduce((total, v) => total + (v - average) ** 2, 0) / (values.length - 1);
      expect(moments.mean[0]).toBeCloseTo(average, 6);
      expect(Math.abs(variances(moments)[0]! - variance)).toBeLessThan(1e-9 * (1 + variance));
      expect(Math.abs(variances(moments)[1]! - variance)).toBeLessThan(1e-3 * (1 + variance));
      expect(standardErrorsOf(moments)[0]).toBeCloseTo(Math.sqrt(variance / values.length), 5);
    }),
  );
  const one = emptyMoments(1);
  addVector(one, [3]);
  expect(standardErrorsOf(one)[0]).toBe(Number.POSITIVE_INFINITY);
  expect(variances(one)[0]).toBeNaN();
});

describe("sums", () => {
  test("keep what rounding would take", () => {
    expect([1, 1e100, 1, -1e100].reduce((a, b) => a + b, 0)).toBe(0);
    expect(sum([1, 1e100, 1, -1e100])).toBe(2);
    expect(sum([])).toBe(0);
    expect(sum([1, Number.POSITIVE_INFINITY])).toBe(Number.POSITIVE_INFINITY);
    expect(mean([])).toBeNaN();
  });
});

describe("ranks", () => {
  test("share places among ties", () => {
    expect([...ranks([3, 1, 3, 2, 3])]).toEqual([4, 1, 4, 2, 4]);
    expect([...ascending([3, 1, 3, 2])]).toEqual([1, 3, 0, 2]);
  });

  test("agreement runs from -1 to 1 and reads like the textbooks", () => {
    expect(spearman([1, 2, 3, 4], [10, 20, 30, 400])).toBeCloseTo(1, 12);
    expect(kendallTauB([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1);
    expect(spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.8207826817, 9);
    expect(kendallTauB([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])).toBeCloseTo(-0.4714045208, 9); // scipy's example
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeNaN();
    expect(() => pearson([1], [1, 2])).toThrow(RangeError);
  });

  test("do not change under monotone maps", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 2 }), (values) => {
        const other = values.map((_, k) => Math.sin(12.9898 * k + 1)); // never constant
        const mapped = values.map((value) => value ** 3 + 7);
        expect(spearman(mapped, other)).toBeCloseTo(spearman(values, other), 12);
        expect(kendallTauB(mapped, other)).toBeCloseTo(kendallTauB(values, other), 12);
      }),
    );
  });
});

test("binomials agree with their logarithms and with Pascal's triangle", () => {
  expect(binomial(5, 2)).toBe(10);
  expect(binomial(24, 12)).toBe(2704156);
  expect(binomial(52, 5)).toBe(2598960);
  expect(binomial(3, 4)).toBe(0);
  expect(binomial(3, -1)).toBe(0);
  expect(logFactorial(0)).toBe(0);
  expect(logBinomial(3, 4)).toBe(Number.NEGATIVE_INFINITY);
  for (let n = 1; n <= 50; n++) {
    for (let k = 1; k < n; k++) {
      expect(binomial(n, k)).toBe(binomial(n - 1, k - 1) + binomial(n - 1, k));
      expect(Math.exp(logBinomial(n, k)) / binomial(n, k)).toBeCloseTo(1, 10);
    }
  }
});

describe("quantiles", () => {
  test.each([
    [0.5, 0],
    [0.975, 1.959963985],
    [0.01, -2.326347874],
    [0.999999, 4.753424309],
  ])("the normal one at %d", (probability, expected) => {
    expect(normalQuantile(probability)).toBeCloseTo(expected, 7);
  });

  /** Upper tail of Student's t by Simpson's rule in the angle x = tan(θ) √ν. */
  function upperTail(x: number, freedom: number): number {
    const density = (theta: number) => Math.cos(theta) ** (freedom - 1);
    const integral = (from: number, to: number) => {
      const step = (to - from) / 2000;
      let total = 0;
      for (let k = 0; k <= 2000; k++)
        total += (k === 0 || k === 2000 ? 1 : k % 2 === 1 ? 4 : 2) * density(from + k * step);
      return (total * step) / 3;
    };
    const start = Math.atan(x / Math.sqrt(freedom));
    return integral(start, Math.PI / 2) / integral(-Math.PI / 2, Math.PI / 2);
  }

  test.each([0.9, 0.975, 0.999, 0.99999, 0.9999999])("Student's with 31 degrees of freedom at %d", (p) => {
    const tail = upperTail(studentQuantile(p, 31), 31);
    expect(tail / (1 - p)).toBeGreaterThan(0.9);
    expect(tail / (1 - p)).toBeLessThan(1.1);
  });

  test("refuse what is no probability", () => {
    for (const p of [0, 1, -1, Number.NaN]) expect(() => normalQuantile(p)).toThrow(RangeError);
  });
});

describe("solves", () => {
  test("a positive definite system", () => {
    const solve = factorised(Float64Array.of(4, 1, 1, 3), 2);
    const [x, y] = solve([1, 2]);
    expect(4 * x! + y!).toBeCloseTo(1, 12);
    expect(x! + 3 * y!).toBeCloseTo(2, 12);
    expect(() => factorised(Float64Array.of(1, 2, 2, 1), 2)).toThrow(RangeError);
  });

  test("fits the powers asked for, or says that the points do not determine them", () => {
    const at = [-0.5, -0.2, 0.1, 0.3, 0.5];
    const values = at.map((t) => 2 * t - 3 * t ** 3);
    const fit = fitPowers(at, values, [1, 2, 1, 1, 3], [1, 3])!;
    expect(fit[0]).toBeCloseTo(2, 9);
    expect(fit[1]).toBeCloseTo(-3, 9);
    expect(fitPowers([0, 0], [1, 1], [1, 1], [1])).toBeNull();
  });
});
