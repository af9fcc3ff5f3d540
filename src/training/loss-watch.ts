/** @file Notices when training goes wrong, and says what to try. */
import { PrunerError } from "../base/problem.ts";

export interface WatchOptions {
  /** How many times the best running average the loss may reach. Default 10. */
  readonly factor?: number | undefined;
  /** Steps in a row that the loss must stay above that; also the length of the running average. Default 50. */
  readonly window?: number | undefined;
}

/** Plain data that a checkpoint can hold. */
export interface WatchState {
  readonly steps: number;
  /** Loss of the first step. */
  readonly start: number;
  /** Exponential average of the loss, not yet corrected for its start at zero. */
  readonly average: number;
  /** Lowest corrected average so far. */
  readonly best: number;
  /** Steps in a row with too high a loss. */
  readonly high: number;
}

export interface Observation {
  /** Step of the run, from 0. */
  readonly step: number;
  /** Mean loss of the batch, 0 or more, in the unit of the loss. */
  readonly loss: number;
  /** Norm of all gradients before clipping, where it was computed. */
  readonly gradientNorm?: number | undefined;
}

export const nothingWatched: WatchState = { steps: 0, start: 0, average: 0, best: 0, high: 0 };

/**
 * Takes one step into account.
 * Training counts as diverged when loss or gradient norm are not finite, or when the loss has been above `factor` times
 * the best running average for `window` steps. An average below a twentieth of the first loss counts as that twentieth:
 * a fitted network's loss may well grow from 1e-6 to 1e-4.
 * @returns The next state, and what is wrong, if anything.
 */
export function watchLoss(
  state: WatchState,
  { loss, gradientNorm }: Observation,
  { factor = 10, window = 50 }: WatchOptions = {},
): { readonly state: WatchState; readonly wrong: string | undefined } {
  if (!Number.isFinite(loss)) return { state, wrong: `the loss is ${loss}` };
  if (gradientNorm !== undefined && !Number.isFinite(gradientNorm))
    return { state, wrong: `the norm of the gradients is ${gradientNorm} (loss ${figure(loss)})` };
  const next = following(state, loss, factor, window);
  if (next.high < window) return { state: next, wrong: undefined };
  const wrong = `the loss is ${figure(loss)}, and for ${next.high} steps it has been more than ${factor} times the best running average of ${figure(next.best)}`;
  return { state: next, wrong };
}

function following(state: WatchState, loss: number, factor: number, window: number): WatchState {
  const steps = state.steps + 1;
  const kept = 1 - 2 / (window + 1);
  const average = kept * state.average + (1 - kept) * loss;
  const corrected = average / (1 - kept ** steps);
  const start = state.steps === 0 ? loss : state.start;
  const best = state.steps === 0 ? loss : Math.min(state.best, corrected);
  const high = loss > factor * Math.max(best, start / 20) ? state.high + 1 : 0;
  return { steps, start, average, best, high };
}

/**
 * The error a run that diverged ends with.
 * @param step Step after which it was noticed, from 0.
 * @param kept Sentence that says where the last good state is, for example "The state after step 1200 is in run.ckpt."
 */
export function divergenceError(
  step: number,
  wrong: string,
  kept: string,
  { learningRate, clip }: { readonly learningRate: number; readonly clip: number | undefined },
): PrunerError<"training-diverged"> {
  const lower = `Lower --lr (${figure(learningRate)} at that step), for example to a third`;
  const shorter =
    clip === undefined ? "clip gradients with --clip 1" : `clip gradients harder (--clip is ${figure(clip)})`;
  return new PrunerError("training-diverged", {
    step,
    detail: wrong,
    kept,
    advice: `${lower}, or ${shorter}, or warm up for longer.`,
  });
}

function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}
