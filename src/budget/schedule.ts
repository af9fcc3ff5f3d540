/** @file Budgets on the way to a budget, for removing a little and ranking the survivors again. */
import type { Budget } from "./budget.ts";

/**
 * The budget of one of several rounds: targets, shares and counts fall linearly from the original model (before
 * round 1) to the budget itself (after the last round). Counts on the way are met as nearly as possible, in the last
 * round exactly. To rank again after every single removal, leave the budget as it is and pass `atMostSteps: 1` to
 * `chooseChannels` until the choice says that the budget is reached.
 * @param step From 1 to `steps`.
 * @example budgetOfStep({ scope: "global", targetMacs: { ratio: 0.4 } }, 1, 3); // holds at 80% of the MACs
 */
export function budgetOfStep(budget: Budget, step: number, steps: number): Budget {
  if (!(Number.isInteger(step) && step >= 1 && step <= steps))
    throw new RangeError(`there is no step ${step} of ${steps}`);
  return step === steps ? budget : { ...budget, progress: step / steps };
}
