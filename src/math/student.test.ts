/** @file Student's t against tables and closed forms. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalQuantile } from "./quantiles.ts";
import { studentDeviate, studentTails } from "./student.ts";

describe("Student's t", () => {
  // Fisher & Yates, "Statistical Tables", table III
  test.each([
    [0.05, 1, 12.706],
    [0.05, 2, 4.303],
    [0.05, 4, 2.776],
    [0.05, 9, 2.262],
    [0.01, 2, 9.925],
    [0.01, 30, 2.75],
    [0.001, 5, 6.869],
    [0.001, 120, 3.373],
  ])("tails of %f with %i degrees of freedom begin at %f", (tails, freedom, t) => {
    expect(studentDeviate(tails, freedom)).toBeCloseTo(t, 3);
  });

  test("one and two degrees of freedom have closed forms", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1000, noNaN: true }), (t) => {
        expect(studentTails(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(t), 10);
        expect(studentTails(t, 2)).toBeCloseTo(1 - t / Math.sqrt(2 + t * t), 10);
      }),
    );
  });

  test("numbers between whole ones lie between, and many degrees are the normal distribution", () => {
    const between = studentTails(2, 3.5);
    expect(between).toBeLessThan(studentTails(2, 3));
    expect(between).toBeGreaterThan(studentTails(2, 4));
    expect(studentDeviate(0.05, Number.POSITIVE_INFINITY)).toBeCloseTo(normalQuantile(0.975), 5);
  });

  test("the deviate is where the tails begin, far out as well", () => {
    for (const tails of [0.9, 0.05, 1e-4, 1e-8])
      for (const freedom of [1, 2, 2.7, 4, 19])
        expect(studentTails(studentDeviate(tails, freedom), freedom) / tails).toBeCloseTo(1, 9);
  });

  test("nonsense is our mistake", () => {
    expect(() => studentTails(1, 0)).toThrow(RangeError);
    expect(() => studentDeviate(0, 3)).toThrow(RangeError);
    expect(studentTails(Number.POSITIVE_INFINITY, 2)).toBe(0);
  });
});
