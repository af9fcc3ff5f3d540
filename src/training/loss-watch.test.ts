/** @file What counts as diverging, and what the user is told. */
import { expect, test } from "vitest";
import { divergenceError, nothingWatched, type WatchOptions, watchLoss } from "./loss-watch.ts";

/** The first step that is found wrong, with what is said about it. */
function firstWrong(
  losses: readonly number[],
  options?: WatchOptions,
): { step: number; wrong: string } | undefined {
  let state = nothingWatched;
  for (const [step, loss] of losses.entries()) {
    const seen = watchLoss(state, { step, loss, gradientNorm: 1 }, options);
    if (seen.wrong !== undefined) return { step, wrong: seen.wrong };
    state = seen.state;
  }
  return undefined;
}

const falling = (from: number, steps: number): number[] =>
  Array.from({ length: steps }, (_, step) => from * 0.97 ** step * (1 + 0.5 * Math.sin(7 * step)));
const level = (loss: number, steps: number): number[] => new Array<number>(steps).fill(loss);

test("a noisy fall is fine, and so is a fitted network that forgets a little", () => {
  expect(firstWrong(falling(2.3, 500))).toBeUndefined();
  expect(firstWrong([...falling(2.3, 500), ...level(0.01, 100)])).toBeUndefined();
});

test("a peak shorter than the window passes", () => {
  expect(firstWrong([...falling(2.3, 100), ...level(500, 49), ...falling(2, 100)])).toBeUndefined();
});

test("a loss far above the best average for a window is wrong", () => {
  const found = firstWrong([...falling(2.3, 100), ...level(40, 60)]);
  expect(found?.step).toBe(149);
  expect(found?.wrong).toMatch(
    /^the loss is 40, and for 50 steps .* 10 times the best running average of 0\.\d+$/,
  );
});

test("a network that falls back to guessing is found", () => {
  expect(firstWrong([...falling(2.3, 200), ...level(2.3, 60)], { factor: 10, window: 20 })?.step).toBe(219);
});

test("losses and norms that are not finite are wrong at once", () => {
  expect(firstWrong([2, 1, Number.NaN])).toEqual({ step: 2, wrong: "the loss is NaN" });
  expect(firstWrong([Number.POSITIVE_INFINITY])).toEqual({ step: 0, wrong: "the loss is Infinity" });
  const norm = watchLoss(nothingWatched, { step: 0, loss: 2, gradientNorm: Number.NaN });
  expect(norm.wrong).toBe("the norm of the gradients is NaN (loss 2)");
});

test("the state survives JSON", () => {
  let state = nothingWatched;
  for (const [step, loss] of falling(1, 30).entries()) state = watchLoss(state, { step, loss }).state;
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
});

test("the error says where, what is kept and what to try", () => {
  const kept = "The state after step 90 is in run.ckpt.";
  const error = divergenceError(93, "the loss is NaN", kept, { learningRate: 0.1, clip: undefined });
  expect(error.message).toBe(
    "Training diverged at step 93: the loss is NaN. The state after step 90 is in run.ckpt. Lower --lr (0.1 at that step), for example to a third, or clip gradients with --clip 1, or warm up for longer.",
  );
  expect(divergenceError(1, "", kept, { learningRate: 1, clip: 5 }).message).toContain(
    "harder (--clip is 5)",
  );
  expect(error.exitCode).toBe(1);
});
