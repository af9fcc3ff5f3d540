/** @file What an optimizer is: a state to begin with, and a step that moves parameters and state in place. */
import { PrunerError } from "../../base/problem.ts";
import type { NamedArrays, NamedShapes, ReadonlyNamedArrays } from "../named-arrays.ts";
import { zerosOf } from "../named-arrays.ts";

/** All that an optimizer remembers between steps, as plain data that a checkpoint can hold. */
export interface OptimizerState {
  /** Steps taken so far. */
  steps: number;
  /** For every slot of the optimizer (for example "momentum") one array per trained parameter. */
  readonly slots: ReadonlyMap<string, NamedArrays>;
}

export interface StepOptions {
  readonly learningRate: number;
  /** Weight decay of a parameter, 0 for those that are left out; see `weight-decay.ts`. */
  readonly weightDecayOf: (name: string) => number;
}

export interface Optimizer {
  /** Names of the arrays that are kept for every parameter. */
  readonly slots: readonly string[];
  /** The state before the first step; the shapes say which parameters are trained. */
  readonly init: (shapes: NamedShapes) => OptimizerState;
  /**
   * Moves every parameter that has a gradient, and the state with it, in place; no array is allocated.
   * @param parameters May hold more than the gradients do; the rest stays.
   * @throws {Error} when a gradient has no parameter or no state of its length: a defect of ours.
   */
  readonly step: (
    parameters: ReadonlyNamedArrays,
    gradients: ReadonlyNamedArrays,
    state: OptimizerState,
    options: StepOptions,
  ) => void;
}

/** A state of zeros for the given slots. */
export function emptyState(slots: readonly string[], shapes: NamedShapes): OptimizerState {
  return { steps: 0, slots: new Map(slots.map((slot) => [slot, zerosOf(shapes)])) };
}

/** The arrays of one slot. */
export function slotOf(state: OptimizerState, slot: string): NamedArrays {
  const arrays = state.slots.get(slot);
  if (arrays === undefined) throw new Error(`the optimizer state has no slot "${slot}"`);
  return arrays;
}

/**
 * Checks a setting of an optimizer.
 * @throws {PrunerError} `invalid-option`.
 */
export function checkSetting(option: string, value: number, isGood: boolean, expected: string): void {
  if (!isGood) throw new PrunerError("invalid-option", { option, got: String(value), expected });
}
