/** @file The moving average of the parameters. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { averageFrom, checkAverageDecay, decayAt, updateAverage } from "./average.ts";

test("the average of parameters at rest is where they rest", () => {
  const parameters = new Map([["w", Float32Array.of(1.5, -2)]]);
  const average = averageFrom(parameters);
  for (let k = 0; k < 50; k++) updateAverage(average, parameters, 0.99);
  expect(average.arrays).toEqual(parameters);
  expect(average.arrays.get("w")).not.toBe(parameters.get("w"));
  expect(average.updates).toBe(50);
});

test("early updates keep little, late ones keep the decay", () => {
  expect([decayAt(0, 0.999), decayAt(8, 0.999), decayAt(1e6, 0.999)]).toEqual([0.1, 0.5, 0.999]);
});

test("equals the weighted sum of all values seen", () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 30 }),
      (seen) => {
        const average = averageFrom(new Map([["w", Float32Array.of(seen[0]!)]]));
        let expected = seen[0]!;
        for (const [t, value] of seen.slice(1).entries()) {
          updateAverage(average, new Map([["w", Float32Array.of(value)]]), 0.4);
          const kept = Math.min(0.4, (1 + t) / (10 + t));
          expected = kept * expected + (1 - kept) * value;
        }
        expect(Math.abs(average.arrays.get("w")![0]! - expected)).toBeLessThan(1e-5);
      },
    ),
  );
});

test.each([-0.1, 1, Number.NaN])("refuses a decay of %d", (decay) => {
  expect(() => checkAverageDecay(decay)).toThrow("--ema");
});
