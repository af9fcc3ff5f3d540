/** @file What may be done to parameters after every step. */
import type { ReadonlyNamedArrays } from "./named-arrays.ts";

/**
 * Moves the parameters back, in place, onto the set they must stay in (an l1 ball, a pruning mask, a norm bound).
 * Runs after the optimizer and before the moving average. To resume a run to the same bytes it must depend on its
 * arguments alone.
 * @param step The step just taken, from 0.
 */
export type Projection = (parameters: ReadonlyNamedArrays, step: number) => void;
