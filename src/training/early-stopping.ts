/** @file Stops when a metric on held-out examples has not improved for a while. */
import { PrunerError } from "../base/problem.ts";

export interface EarlyStopping {
  /** Observations without improvement after which the run stops, from 1. */
  readonly patience: number;
  /** An improvement counts when it is larger than this, in the unit of the metric. Default 0. */
  readonly minDelta?: number | undefined;
  /** Whether smaller values are better (a loss) or larger ones (an accuracy). */
  readonly better: "lower" | "higher";
}

/** Plain data that a checkpoint can hold. */
export interface StoppingState {
  /** The best observation and when it was made (epoch or step, as the caller counts); undefined before the first. */
  readonly best: { readonly value: number; readonly at: number } | undefined;
  /** Observations since the best one. */
  readonly waited: number;
}

export interface Verdict {
  readonly state: StoppingState;
  /** The observation is the best so far: now is the time to keep a copy of the network. */
  readonly isBest: boolean;
  readonly shouldStop: boolean;
}

export const nothingObserved: StoppingState = { best: undefined, waited: 0 };

/** Takes one observation into account. A metric that is not finite never improves on anything. */
export function observe(state: StoppingState, value: number, at: number, rule: EarlyStopping): Verdict {
  if (Number.isFinite(value) && isBetter(value, state.best?.value, rule))
    return { state: { best: { value, at }, waited: 0 }, isBest: true, shouldStop: false };
  const waited = state.waited + 1;
  return { state: { best: state.best, waited }, isBest: false, shouldStop: waited >= rule.patience };
}

function isBetter(value: number, best: number | undefined, { better, minDelta = 0 }: EarlyStopping): boolean {
  if (best === undefined) return true;
  return better === "lower" ? value < best - minDelta : value > best + minDelta;
}

/** @throws {PrunerError} `invalid-option` for a patience that is not a whole number from 1, or a negative difference. */
export function checkEarlyStopping({ patience, minDelta = 0 }: EarlyStopping): void {
  if (!(Number.isSafeInteger(patience) && patience >= 1))
    throw new PrunerError("invalid-option", {
      option: "patience",
      got: String(patience),
      expected: "a whole number from 1",
    });
  if (!(minDelta >= 0 && Number.isFinite(minDelta)))
    throw new PrunerError("invalid-option", {
      option: "min-delta",
      got: String(minDelta),
      expected: "a number from 0",
    });
}
