/** @file Cuts for comparisons: no example serves two ends or two seeds. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noise, turns } from "../../test/helpers/tiny-classifier.ts";
import { type Dataset, datasetFromArrays } from "../datasets/index.ts";
import { type CompareCut, cutForComparison } from "./compare-data.ts";

const dataOf = (size: number): Dataset =>
  datasetFromArrays({ inputs: { x: noise([size, 1]) }, labels: turns(size) });

const usual: CompareCut = {
  seed: 0,
  seeds: 3,
  curveExamples: 20,
  calibrateExamples: 30,
  tune: false,
  network: true,
};

describe("data of a comparison", () => {
  test("are cut into parts that have nothing in common, whatever is wanted", () => {
    const cuts = fc.record({
      seed: fc.nat(5),
      seeds: fc.integer({ min: 1, max: 4 }),
      curveExamples: fc.integer({ min: 2, max: 50 }),
      calibrateExamples: fc.constantFrom(0, 30),
      tune: fc.boolean(),
      network: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 400 }), cuts, fc.boolean(), (size, cut, hasTest) => {
        const parts = cutForComparison(dataOf(size), hasTest ? dataOf(7) : undefined, cut);
        const { rank, curves, calibrate, tune, validate, evaluate, pool } = parts;
        const own = [...rank, ...curves, calibrate, tune, validate, hasTest ? undefined : evaluate];
        const rows = own.flatMap((part) => (part === undefined ? [] : Array.from(part.rows)));
        expect(new Set(rows).size).toBe(rows.length);
        expect([rank.length, curves.length]).toEqual([cut.seeds, cut.seeds]);
        for (const part of [...rank, ...curves]) expect(part.size).toBeGreaterThanOrEqual(2);
        expect(Array.from(pool.rows)).toEqual(
          rank.flatMap((one) => Array.from(one.rows)).sort((a, b) => a - b),
        );
        expect(calibrate !== undefined).toBe(cut.network && cut.calibrateExamples > 0);
        expect(tune !== undefined && validate !== undefined).toBe(cut.network && cut.tune);
        expect(evaluate !== undefined).toBe(cut.network);
      }),
      { numRuns: 60 },
    );
  });

  test("every seed ranks on as many, at most a thousand, and test data serve the figures alone", () => {
    const test = dataOf(9);
    const parts = cutForComparison(dataOf(9000), test, usual);
    expect(parts.rank.map(({ size }) => size)).toEqual([1000, 1000, 1000]);
    expect(parts.curves.map(({ size }) => size)).toEqual([20, 20, 20]);
    expect(parts.evaluate).toBe(test);
    expect(parts.calibrate!.size).toBe(30);
  });

  test("too few examples for the seeds are refused, with what would help", () => {
    expect(() => cutForComparison(dataOf(10), undefined, usual)).toThrow(/fewer --seeds.*--no-network/);
    expect(() => cutForComparison(dataOf(1), undefined, { ...usual, network: false })).toThrow(
      /1 example is/,
    );
  });
});
