/** @file From scores and a budget to the channels that stay. */
export { type Budget, type Scope, saysHowMuch } from "./budget.ts";
export {
  type Choice,
  type ChooseOptions,
  checkReachable,
  chooseChannels,
  type GroupCount,
} from "./choose.ts";
export type { Step } from "./removals.ts";
export { budgetOfStep } from "./schedule.ts";
export {
  parseCounts,
  parseShare,
  parseSteps,
  parseTarget,
  type Steps,
  type Target,
} from "./target.ts";
