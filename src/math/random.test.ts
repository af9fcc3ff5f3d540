import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  below,
  drawToFront,
  normal,
  randomOrder,
  range,
  sampleWithoutReplacement,
  stream,
  uniform,
} from "./random.ts";

const first = (seed: number, index: number, purpose?: number) => stream(seed, index, purpose).next();

describe("stream", () => {
  test("depends on seed, index and purpose, and on nothing else", () => {
    expect(first(1, 2)).toBe(first(1, 2));
    const others = [
      first(2, 2),
      first(1, 3),
      first(1, 2, 1),
      first(2, 1),
      first(-1, 2),
      first(2 ** 40 + 1, 2),
    ];
    expect(new Set([first(1, 2), ...others]).size).toBe(7);
  });

  test("keeps its sequence from version to version", () => {
    const random = stream(42, 7);
    expect([random.next(), random.next(), random.next()]).toMatchInlineSnapshot(`
      [
        263372137,
        -1269756314,
        1822937401,
      ]
    `);
  });

  test("neighbouring items are independent: no repeats and no correlation among 20,000 first draws", () => {
    const draws = Float64Array.from({ length: 20_000 }, (_, index) => uniform(stream(5, index)) - 0.5);
    expect(new Set(draws).size).toBe(20_000);
    let lagged = 0;
    for (let k = 1; k < draws.length; k++) lagged += draws[k]! * draws[k - 1]!;
    expect(Math.abs(lagged / draws.length)).toBeLessThan(4 / 12 / Math.sqrt(20_000));
    expect(Math.abs(draws.reduce((a, b) => a + b) / draws.length)).toBeLessThan(4 / Math.sqrt(12 * 20_000));
  });
});

test("uniform stays in [0, 1) and below() covers its range evenly", () => {
  const random = stream(3, 1);
  const counts = new Uint32Array(7);
  for (let k = 0; k < 7000; k++) {
    counts[below(7, random)]!++;
    const u = uniform(random);
    expect(u >= 0 && u < 1).toBe(true);
  }
  let chi = 0;
  for (const count of counts) chi += (count - 1000) ** 2 / 1000;
  expect(chi).toBeLessThan(22.5); // 99.9% of chi-square with 6 degrees of freedom
});

test("normal deviates have the moments of the normal distribution", () => {
  const random = stream(8, 0);
  const draws = Float64Array.from({ length: 40_000 }, () => normal(random));
  const moment = (power: number) => draws.reduce((sum, x) => sum + x ** power, 0) / draws.length;
  expect(Math.abs(moment(1))).toBeLessThan(0.02);
  expect(Math.abs(moment(2) - 1)).toBeLessThan(0.03);
  expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
});

test("every order of four is equally likely", () => {
  const counts = new Map<string, number>();
  for (let k = 0; k < 24_000; k++) {
    const key = randomOrder(4, stream(9, k)).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  let chi = 0;
  for (const count of counts.values()) chi += (count - 1000) ** 2 / 1000;
  expect(chi).toBeLessThan(49.7); // 99.9% with 23 degrees of freedom
});

test("samples hold different items, and drawing to the front keeps all of them", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.nat(), fc.nat(), (count, share, seed) => {
      const size = count === 0 ? 0 : share % (count + 1);
      const sample = sampleWithoutReplacement(count, size, stream(seed, 0));
      expect(new Set(sample).size).toBe(size);
      expect([...drawToFront(range(count), size, stream(seed, 0))].sort((a, b) => a - b)).toEqual([
        ...range(count),
      ]);
    }),
  );
  expect(() => sampleWithoutReplacement(3, 4, stream(1, 1))).toThrow(RangeError);
});

test("every subset of two out of five is equally likely", () => {
  const counts = new Map<string, number>();
  for (let k = 0; k < 10_000; k++) {
    const key = sampleWithoutReplacement(5, 2, stream(10, k)).sort().join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(10);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
});
