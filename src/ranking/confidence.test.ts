import { describe, expect, test } from "vitest";
import { normal, stream } from "../math/random.ts";
import { confidenceOfCut } from "./confidence.ts";

describe("confidenceOfCut", () => {
  test("is the normal probability of the difference to the border", () => {
    const { confidence, lowest } = confidenceOfCut([0, 1], [0.5, 0.5], [0, 1]);
    expect(confidence[0]).toBeCloseTo(0.92135, 5); // Φ(√2)
    expect(confidence[1]).toBeCloseTo(0.92135, 5);
    expect(lowest).toBe(confidence[0]);
  });

  test("compares with the nearest channel on the other side", () => {
    const { confidence, undecided } = confidenceOfCut([0, 1, 1.1, 5], [0.1, 0.1, 0.1, 0.1], [0, 0, 1, 1]);
    expect(confidence[0]).toBeGreaterThan(0.999999); // 1.1 away from the lowest that stays
    expect(confidence[1]).toBeCloseTo(0.76025, 5); // Φ(0.1 / 0.1414)
    expect(confidence[2]).toBe(confidence[1]);
    expect(undecided).toEqual({ removed: 1, kept: 1 });
  });

  test("exact values are certain, equal ones a toss-up, and a channel on the wrong side is below one half", () => {
    expect([...confidenceOfCut([0, 1, 1], undefined, [0, 0, 1]).confidence]).toEqual([1, 0.5, 0.5]);
    const wrong = confidenceOfCut([2, 1], [0.5, 0.5], [0, 1]);
    expect(wrong.lowest).toBeCloseTo(1 - 0.92135, 5);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("an unknown error (%s) decides nothing", (error) => {
    expect([...confidenceOfCut([0, 9], [error, error], [0, 1]).confidence]).toEqual([0.5, 0.5]);
  });

  test.each([[[0, 0, 0]], [[1, 1, 1]]])("a cut with one side only has nothing to decide: %j", (mask) => {
    const { undecided, lowest } = confidenceOfCut([1, 2, 3], [9, 9, 9], mask);
    expect({ undecided, lowest }).toEqual({ undecided: { removed: 0, kept: 0 }, lowest: 1 });
  });

  test("is right as often as it says, for two noisy channels of unknown worth", () => {
    // With a flat prior, the chance that the truth orders the pair as observed is the stated confidence.
    const random = stream(7, 0);
    let stated = 0;
    let right = 0;
    const draws = 4000;
    for (let k = 0; k < draws; k++) {
      const truth = [4 * normal(random), 4 * normal(random)];
      const seen = truth.map((value) => value + 0.3 * normal(random));
      const mask = seen[0]! < seen[1]! ? [0, 1] : [1, 0];
      stated += confidenceOfCut(seen, [0.3, 0.3], mask).lowest;
      right += Number(truth[0]! < truth[1]! === seen[0]! < seen[1]!);
    }
    expect(Math.abs(stated - right) / draws).toBeLessThan(0.01);
  });

  test("refuses lengths that differ", () => {
    expect(() => confidenceOfCut([1, 2], undefined, [1])).toThrow(RangeError);
  });
});
