/** @file Schedules and the words for them; figures of PyTorch's schedulers are compared in optimizers.test.ts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isProblem } from "../base/problem.ts";
import { parseSchedule } from "./parse-schedule.ts";
import { learningRateAt, type RunLength } from "./schedules.ts";

const run: RunLength = { totalSteps: 100, stepsPerEpoch: 10 };
const ratesOf = (text: string, length = run): number[] =>
  Array.from({ length: length.totalSteps }, (_, step) =>
    learningRateAt(parseSchedule(text), 1, step, length),
  );

describe("schedules", () => {
  test("constant stays", () => expect(new Set(ratesOf("constant"))).toEqual(new Set([1])));

  test("step falls at its epochs, and at shares of the run", () => {
    const rates = ratesOf("step:2,50%:0.5");
    expect([rates[19], rates[20], rates[49], rates[50], rates[99]]).toEqual([1, 0.5, 0.5, 0.25, 0.25]);
  });

  test("every falls again and again", () => {
    const rates = ratesOf("every:3:0.1");
    expect([29, 30, 60, 90].map((step) => rates[step])).toEqual([1, 0.1, 0.1 ** 2, 0.1 ** 3]);
  });

  test("cosine starts at the peak, is half-way at half-time and ends close to its final share", () => {
    const rates = ratesOf("cosine:10%");
    expect(rates[0]).toBe(1);
    expect(rates[50]).toBeCloseTo(0.55, 12);
    expect(rates[99]).toBeCloseTo(0.1, 3);
  });

  test("warm-up rises by equal amounts and hands over at the peak", () => {
    const rates = ratesOf("warm-up:1+cosine");
    for (let step = 0; step < 10; step++) expect(rates[step]).toBeCloseTo((step + 1) / 11, 12);
    expect(rates[10]).toBe(1);
    expect(rates[55]).toBeCloseTo(0.5, 12);
  });

  test("milestones do not move with a warm-up", () => {
    const rates = ratesOf("warm-up:5%+step:1:0.1");
    expect([rates[4]! < 1, rates[5], rates[9], rates[10]]).toEqual([true, 1, 1, 0.1]);
  });

  test("one-cycle begins low, peaks where it should and ends lowest", () => {
    const rates = ratesOf("one-cycle:20%:10:100");
    expect(rates[0]).toBeCloseTo(0.1, 12);
    expect(rates.indexOf(Math.max(...rates))).toBe(19);
    expect(rates[19]).toBeCloseTo(1, 12);
    expect(rates[99]).toBeCloseTo(0.001, 12);
  });

  test("every rate lies between 0 and the peak, however short the run", () => {
    const texts = fc.constantFrom(
      "constant",
      "cosine",
      "cosine:0.3",
      "one-cycle",
      "one-cycle:100%",
      "one-cycle:0",
      "step:1,2:0.1",
      "every:0.01:0.9",
      "warm-up:100%+cosine",
      "warm-up:3+constant",
    );
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (text, totalSteps, per) => {
          for (const rate of ratesOf(text, { totalSteps, stepsPerEpoch: per })) {
            expect(rate).toBeGreaterThanOrEqual(0);
            expect(rate).toBeLessThanOrEqual(1 + 1e-12);
          }
        },
      ),
    );
  });
});

describe("parseSchedule", () => {
  test("fills in the usual settings", () => {
    expect(parseSchedule("cosine")).toEqual({ kind: "cosine", finalShare: 0 });
    expect(parseSchedule("one-cycle")).toEqual({
      kind: "one-cycle",
      warmUpShare: 0.3,
      divFactor: 25,
      finalDivFactor: 10000,
    });
    expect(parseSchedule("warm-up:2+step:10,75%:0.1")).toEqual({
      kind: "step",
      at: [{ epochs: 10 }, { share: 0.75 }],
      factor: 0.1,
      warmUp: { epochs: 2 },
    });
  });

  test.each([
    "",
    "linear",
    "cosine:",
    "cosine:2",
    "cosine:0.1:3",
    "constant:1",
    "step",
    "step:10",
    "step:10,:0.1",
    "step:10:0",
    "step:-1:0.1",
    "step:200%:0.1",
    "every:0:0.1",
    "every:NaN:0.1",
    "one-cycle:0.3:0",
    "one-cycle:0.3:1:1:1",
    "warm-up:2",
    "warm-up+cosine",
    "warm-up:1:2+cosine",
    "warm-up:1+warm-up:1+cosine",
    "warm-up:1+one-cycle",
    "cosine+warm-up:1",
  ])('refuses "%s"', (text) => {
    try {
      parseSchedule(text);
      expect.unreachable();
    } catch (error) {
      expect(isProblem(error, "invalid-option") && error.data.got).toBe(text);
    }
  });
});
