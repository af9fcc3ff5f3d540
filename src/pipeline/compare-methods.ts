/** @file Which ways of ranking are compared, and at which budgets. */
import { nearestNames } from "../base/nearest-names.ts";
import { PrunerError } from "../base/problem.ts";
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type CriterionName, criteria } from "../criteria/index.ts";
import { type EstimatorName, estimators } from "../estimators/index.ts";
import type { PayoffKind } from "../metrics/index.ts";
import type { CompareOptions } from "./compare-options.ts";
import { looksAtList } from "./rank-budget.ts";

/** How a method ranks. */
export type Means =
  | { readonly kind: "criterion"; readonly criterion: CriterionName }
  | {
      readonly kind: "estimator";
      readonly estimator: EstimatorName;
      /** Payoff it plays for; that of the command when left out. */
      readonly payoff?: PayoffKind;
      /** Left out: a game for each group. */
      readonly players?: "joint";
    }
  | { readonly kind: "oracle" };

/** A method, at one budget where it takes one. */
export interface Method {
  readonly name: string;
  readonly title: string;
  readonly means: Means;
  /** Rows for each group. */
  readonly budget: number | null;
  /** Whether somebody asked for it by name, so that it has to work. */
  readonly isNamed: boolean;
}

/** What Shapley values are estimated with, once and as the long reference. */
export const onceEstimator: EstimatorName = "permutation";

/** Methods that conclusions are drawn about. */
export const protagonists = ["shapley", "sequential"] as const;

const usual = ["random", "l1", "taylor", "greedy", "shapley", "sequential", "oracle"];

const known = [
  ...new Set([...usual, "joint", ...Object.keys(criteria), ...Object.keys(estimators), "all"]),
].filter((name) => name !== onceEstimator);

/**
 * Methods in the order they are run in: those without a game first, which cost little and tell soonest what is amiss.
 * @throws {PrunerError} `unknown-criterion`.
 */
export function methodsOf(
  { criteria: asked = [] }: Pick<CompareOptions, "criteria">,
  budgets: readonly number[],
): Method[] {
  const wanted = asked.map((name) => (name === onceEstimator ? "shapley" : name));
  for (const name of wanted) {
    if (!known.includes(name))
      throw new PrunerError("unknown-criterion", { name, nearest: nearestNames(name, known), known });
  }
  const every = wanted.includes("all") ? known : [...usual, ...wanted];
  const names = new Set(every.filter((name) => name !== "all"));
  const methods = [...names].flatMap((name) => methodsBy(name, wanted.includes(name), budgets));
  return [
    ...methods.filter(({ means }) => means.kind === "criterion"),
    ...methods.filter(({ means }) => means.kind !== "criterion"),
  ];
}

function methodsBy(name: string, isNamed: boolean, budgets: readonly number[]): Method[] {
  if (name === "oracle")
    return [{ name, title: "Order of the oracle sets", means: { kind: "oracle" }, budget: null, isNamed }];
  if (name in criteria) {
    const criterion = name as CriterionName;
    const { title } = criteria[criterion];
    return [{ name, title, means: { kind: "criterion", criterion }, budget: null, isNamed }];
  }
  const isOnce = name === "shapley" || name === "joint";
  const estimator = isOnce ? onceEstimator : (name as EstimatorName);
  const means: Means = {
    kind: "estimator",
    estimator,
    ...(name === "greedy" && { payoff: "agreement" }),
    ...(name === "joint" && { players: "joint" }),
  };
  const title = isOnce
    ? `Shapley values, ${name === "joint" ? "all groups in one game" : "once"}`
    : estimators[estimator].title;
  const own = looksAtList(estimator) ? [null] : budgets;
  return own.map((budget) => ({ name, title, means, budget, isNamed }));
}

/** Rows for each group of the two budgets, where the network is small enough for them. */
const usualBudgets = [20_000, 100_000];

/** Multiply-accumulates that one ranking of all groups may take at the largest usual budget: a minute or two on two cores. */
const affordable = 2e12;

/**
 * Budgets where none are given: 20,000 and 100,000 rows for each group, a fifth of what is affordable and all of it on
 * larger networks, never less than Shapley values need at all, nor less than greedy leave-one-out needs where that is affordable.
 */
export function usualBudgetsFor(analysis: ChannelAnalysis, groups: readonly number[]): number[] {
  const { macs } = fullCost(costModelOf(analysis));
  const rows = affordable / (Math.max(1, macs) * groups.length);
  const largest = usualBudgets.at(-1)!;
  if (rows >= largest) return usualBudgets;
  const forGreedy = Math.max(
    ...groups.map((group) => estimators.greedy.minimumBudget(analysis.groups[group]!.channels, 1)),
  );
  const least = Math.max(smallestBudget(analysis, groups), forGreedy <= rows ? forGreedy : 0);
  const rounded = (value: number) => Math.max(least, Number(value.toPrecision(1)));
  return [...new Set([rounded(rows / 5), rounded(rows)])];
}

/** Rows for each group that Shapley values need at least. */
export function smallestBudget(analysis: ChannelAnalysis, groups: readonly number[]): number {
  return Math.max(
    ...groups.flatMap((group) =>
      protagonists.map((name) => {
        const estimator = name === "shapley" ? onceEstimator : name;
        return estimators[estimator].minimumBudget(analysis.groups[group]!.channels, 1);
      }),
    ),
  );
}

/** @throws {PrunerError} `budget-too-small`: without Shapley values there is nothing to compare. */
export function checkBudgets(
  budgets: readonly number[],
  analysis: ChannelAnalysis,
  groups: readonly number[],
): void {
  const needed = smallestBudget(analysis, groups);
  const got = Math.min(...budgets);
  if (got < needed) throw new PrunerError("budget-too-small", { needed, got });
}
