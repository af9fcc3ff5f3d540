/** @file When a run stops for want of improvement. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkEarlyStopping, type EarlyStopping, nothingObserved, observe } from "./early-stopping.ts";

/** Index of the best observation, and of the one the run stopped at. */
function follow(
  values: readonly number[],
  rule: EarlyStopping,
): { best: number | undefined; stopped: number | undefined } {
  let state = nothingObserved;
  for (const [at, value] of values.entries()) {
    const verdict = observe(state, value, at, rule);
    state = verdict.state;
    expect(verdict.isBest).toBe(state.best?.at === at);
    if (verdict.shouldStop) return { best: state.best?.at, stopped: at };
  }
  return { best: state.best?.at, stopped: undefined };
}

test("stops after as many observations without improvement as its patience", () => {
  expect(follow([3, 2, 2, 2, 1], { patience: 2, better: "lower" })).toEqual({ best: 1, stopped: 3 });
  expect(follow([3, 2, 2, 1, 2], { patience: 2, better: "lower" })).toEqual({ best: 3, stopped: undefined });
});

test("higher can be better, and small improvements may not count", () => {
  const rule: EarlyStopping = { patience: 2, better: "higher", minDelta: 0.5 };
  expect(follow([1, 1.4, 1.5, 9], rule)).toEqual({ best: 0, stopped: 2 });
  expect(follow([1, 1.6, 1.7, 2.2], rule)).toEqual({ best: 3, stopped: undefined });
});

test("a metric that is not finite improves on nothing, not even on having none", () => {
  const { NaN: nan, POSITIVE_INFINITY: infinite } = Number;
  expect(follow([nan, infinite, 1], { patience: 3, better: "higher" })).toEqual({
    best: 2,
    stopped: undefined,
  });
  expect(follow([nan, infinite], { patience: 2, better: "higher" })).toEqual({ best: undefined, stopped: 1 });
});

test("without a minimum difference the first of the best values is kept", () => {
  const values = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1 });
  fc.assert(
    fc.property(values, (seen) => {
      const { best } = follow(seen, { patience: seen.length, better: "lower" });
      expect(best).toBe(seen.indexOf(Math.min(...seen)));
    }),
  );
});

test("refuses settings out of range", () => {
  expect(() => checkEarlyStopping({ patience: 0, better: "lower" })).toThrow("--patience");
  expect(() => checkEarlyStopping({ patience: 3, minDelta: -1, better: "lower" })).toThrow("--min-delta");
  checkEarlyStopping({ patience: 1, better: "higher" });
});
