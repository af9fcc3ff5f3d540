/** @file What a user asks for: how much of the original model may stay, and what must not be touched. */
import { PrunerError } from "../base/problem.ts";
import { amountOf, isTarget, type Quantity, type Target } from "./target.ts";

/**
 * How channels of different groups are weighed against each other.
 * - "global": one ranking over all groups, by score per share of the cost that goes.
 * - "group": the same share from every group, its lowest scores first.
 */
export type Scope = "global" | "group";

/** All shares refer to the original model, never to what is left of it. Several targets have to hold together. */
export interface Budget {
  readonly targetMacs?: Target | undefined;
  readonly targetParameters?: Target | undefined;
  /** Share of channels that stays in every selected group, in (0, 1]; rounded to the nearest possible count. */
  readonly keep?: number | undefined;
  /** Exact counts of removable channels by name or pattern of groups; an exact name goes before a pattern, and both before `keep`. */
  readonly keepChannels?: ReadonlyMap<string, number> | undefined;
  /** At most this share of a group's channels goes, in (0, 1]. */
  readonly maxRatio?: number | undefined;
  /** Kept channels of every axis are multiples of this; an axis for which that is impossible stays whole. */
  readonly roundTo?: number | undefined;
  readonly scope: Scope;
  /** How much of the way from the original to all amounts above is to be gone, in (0, 1]. Default 1; see `schedule.ts`. */
  readonly progress?: number | undefined;
}

export const quantities = ["macs", "parameters"] as const satisfies readonly Quantity[];

/** The target for a quantity, where one is set. */
export function targetOf(budget: Budget, quantity: Quantity): Target | undefined {
  return quantity === "macs" ? budget.targetMacs : budget.targetParameters;
}

/** Where a budget on its way wants to be: `progress` of the way from what there was to what shall stay. */
export function onTheWay({ progress = 1 }: Budget, from: number, to: number): number {
  return progress === 1 ? to : from + (to - from) * progress;
}

/** The most that may stay of each quantity; infinite without a target. */
export function limitsOf(
  budget: Budget,
  original: Readonly<Record<Quantity, number>>,
): Record<Quantity, number> {
  const limit = (quantity: Quantity) => {
    const target = targetOf(budget, quantity);
    return target === undefined
      ? Number.POSITIVE_INFINITY
      : onTheWay(budget, original[quantity], amountOf(target, original[quantity]));
  };
  return { macs: limit("macs"), parameters: limit("parameters") };
}

/** Whether the budget asks for anything to go. */
export function saysHowMuch({ targetMacs, targetParameters, keep, keepChannels }: Budget): boolean {
  return (
    targetMacs !== undefined ||
    targetParameters !== undefined ||
    keep !== undefined ||
    (keepChannels !== undefined && keepChannels.size > 0)
  );
}

/** @throws {PrunerError} `invalid-option` for values outside their ranges. */
export function checkBudget(budget: Budget): void {
  const { keep, maxRatio, roundTo } = budget;
  checkTarget("target-macs", budget.targetMacs);
  checkTarget("target-params", budget.targetParameters);
  checkShare("keep", keep);
  checkShare("max-ratio", maxRatio);
  checkShare("steps", budget.progress);
  if (roundTo !== undefined && !(Number.isSafeInteger(roundTo) && roundTo >= 1))
    refuse("round-to", roundTo, "a whole number from 1");
}

function checkTarget(option: string, target: Target | undefined): void {
  if (target === undefined || isTarget(target)) return;
  const got = "ratio" in target ? target.ratio : target.absolute;
  refuse(option, got, "a share above 0 and up to 1, or a positive amount");
}

function checkShare(option: string, share: number | undefined): void {
  if (share !== undefined && !(share > 0 && share <= 1)) refuse(option, share, "a share above 0 and up to 1");
}

function refuse(option: string, got: number, expected: string): never {
  throw new PrunerError("invalid-option", { option, got: String(got), expected });
}
