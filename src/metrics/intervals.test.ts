/** @file Intervals against published figures and against how often they cover the truth. */
import { describe, expect, test } from "vitest";
import { stream, uniform } from "../math/random.ts";
import { meanInterval, pairedAccuracy, pairedDifference, qualityOf, wilsonInterval } from "./intervals.ts";

describe("Wilson's interval", () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table I
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("%i of %i", (successes, trials, low, high) => {
    const interval = wilsonInterval(successes, trials);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
  });

  test("contains its share, and stays inside 0...1, at both ends", () => {
    for (const successes of [0, 7]) {
      const { value, low, high } = wilsonInterval(successes, 7);
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(1);
      expect(high - low).toBeGreaterThan(0.3);
    }
  });

  test("impossible counts are our mistake", () => {
    expect(() => wilsonInterval(3, 2)).toThrow(RangeError);
    expect(() => wilsonInterval(0, 0)).toThrow(RangeError);
    expect(() => wilsonInterval(1, 2, 95)).toThrow(RangeError);
  });
});

test("the interval of a mean is mean ± 1.96 standard errors; one value leaves it open", () => {
  const { value, low, high } = meanInterval([1, 2, 3, 4]);
  const half = 1.959964 * Math.sqrt(5 / 3 / 4);
  expect([value, low, high].map((x) => x.toFixed(6))).toEqual(
    [2.5, 2.5 - half, 2.5 + half].map((x) => x.toFixed(6)),
  );
  expect(meanInterval([3]).high).toBe(Number.POSITIVE_INFINITY);
  expect(() => meanInterval([])).toThrow(RangeError);
});

test("pairing removes what both networks share", () => {
  const before = Array.from({ length: 50 }, (_, k) => k);
  const after = before.map((value, k) => value + (k % 2 === 0 ? 1 : 1.2));
  const { value, low, high } = pairedDifference(before, after);
  expect(value).toBeCloseTo(1.1, 12);
  expect(high - low).toBeLessThan(0.1);
  expect(() => pairedDifference([1], [1, 2])).toThrow(RangeError);
});

describe("paired accuracy", () => {
  test("counts what was lost and gained", () => {
    const { difference, lost, gained } = pairedAccuracy([1, 1, 1, 0, 0], [1, 0, 0, 1, 0]);
    expect({ lost, gained }).toEqual({ lost: 2, gained: 1 });
    expect(difference.value).toBeCloseTo(-0.2, 12);
  });

  test("answers for every position count by their share", () => {
    const [before, after] = [
      [0.5, 0.25, 1],
      [0.6, 0.2, 1],
    ];
    const { difference, ...counts } = pairedAccuracy(before!, after!);
    expect(counts).toEqual({ lost: 1, gained: 1, byPosition: true });
    expect(difference).toEqual(pairedDifference(before!, after!));
    expect(difference.value).toBeCloseTo(0.05 / 3, 12);
  });

  test("equal answers still leave room for a difference", () => {
    const { difference } = pairedAccuracy(new Float64Array(100).fill(1), new Float64Array(100).fill(1));
    expect(difference.value).toBe(0);
    expect(difference.high).toBeGreaterThan(0.01);
    expect(difference.low).toBeCloseTo(-difference.high, 12);
  });

  test("covers the truth about as often as it says", () => {
    const random = stream(7, 0);
    const rounds = 2000;
    let covered = 0;
    for (let round = 0; round < rounds; round++) {
      const draws = Array.from({ length: 100 }, () => uniform(random));
      const before = draws.map((u) => (u < 0.85 || u >= 0.95 ? 1 : 0)); // 10% gained
      const after = draws.map((u) => (u < 0.95 ? 1 : 0)); // 5% lost: the truth is +5 points
      const { low, high } = pairedAccuracy(before, after).difference;
      if (low <= 0.05 && high >= 0.05) covered++;
    }
    expect(covered / rounds).toBeGreaterThan(0.93);
    expect(covered / rounds).toBeLessThan(0.985);
  });
});

test("quality counts answers as trials, and averages shares of pixels", () => {
  const losses = Float64Array.of(-0.1, -0.2, -0.3, -2);
  const counted = qualityOf(Float64Array.of(1, 1, 1, 0), losses);
  expect(counted.accuracy).toEqual(wilsonInterval(3, 4));
  expect(counted.loss.value).toBeCloseTo(0.65, 12);
  const shares = Float64Array.of(0.5, 0.75, 1, 0.25);
  expect(qualityOf(shares, losses).accuracy).toEqual(meanInterval(shares));
});
