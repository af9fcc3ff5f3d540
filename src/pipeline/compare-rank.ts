/** @file Ranks all groups by one method with one seed, and notes what that costs. */
import { isProblem, type ProblemCode, PrunerError } from "../base/problem.ts";
import { criteria } from "../criteria/index.ts";
import type { Dataset } from "../datasets/index.ts";
import type { PayoffKind } from "../metrics/index.ts";
import type { GroupScores } from "../report/records.ts";
import type { PayoffSetup } from "../valuation/targets.ts";
import {
  type CompareBench,
  type CompareSetting,
  gameKey,
  payoffOn,
  type Stage,
  workOf,
} from "./compare-bench.ts";
import type { Means, Method } from "./compare-methods.ts";
import { costOf } from "./cost-of.ts";
import { gradientPayoff } from "./oracle-rankings.ts";
import { report, reportMeasuring } from "./rank.ts";
import type { RankContext, RankSettings } from "./rank-context.ts";
import { rankGroups } from "./rank-groups.ts";

/** What a method found with one seed. */
export interface Ranked {
  /** Of the groups it could rank, in their order; higher values are worth more. */
  readonly groups: readonly { readonly id: string; readonly values: readonly number[] }[];
  readonly rows: number;
  readonly seconds: number;
  readonly memoryBytes: number;
  /** Why it could not rank all groups; null where it could. */
  readonly missing: string | null;
}

/** Complaints that say no more than that a method and a model do not suit each other. */
const notApplicable: readonly ProblemCode[] = [
  "budget-too-small",
  "criterion-not-applicable",
  "no-gradient",
  "payoff-not-differentiable",
  "too-few-players",
  "too-many-coalitions",
  "values-too-large",
  "labels-missing",
];

export type Played = Exclude<Means, { readonly kind: "oracle" }>;

/**
 * Ranks by a criterion or an estimator, on the examples of the seed; taken from the folder of pieces where it is there.
 * @param position Of the seed among the seeds.
 * @throws {PrunerError} What criteria, estimators and games throw, but for what does not suit the model: that is
 *   `missing` unless the method was asked for by name.
 */
export async function rankBy(
  bench: CompareBench,
  method: Method & { readonly means: Played },
  position: number,
  stage: Stage,
): Promise<Ranked> {
  const dataset = bench.parts.rank[position]!;
  const seed = bench.seeds[position]!;
  const { means, budget } = method;
  const kind = payoffKind(bench, means);
  const key = { kind: "ranking", means, budget, seed, ...gameKey(bench, bench.groups, dataset, kind) };
  const attempt = { means, budget, seed, kind, dataset };
  try {
    return await bench.pieces.piece(key, () => measured(bench, attempt, stage));
  } catch (error) {
    return { groups: [], rows: 0, seconds: 0, memoryBytes: 0, missing: whyMissing(method, error) };
  }
}

/**
 * Why a method does not suit a model.
 * @throws What is thrown at it, unless it says just that of a method nobody asked for by name.
 */
export function whyMissing({ isNamed }: Pick<Method, "isNamed">, error: unknown): string {
  if (!isNamed && isProblem(error) && notApplicable.includes(error.code)) return error.message;
  throw error;
}

/** Networks that predict numbers have no classes to agree on: there every method plays for the payoff of the command. */
export function payoffKind({ payoff }: CompareSetting, means: Played): PayoffKind {
  if (means.kind === "criterion" || payoff === "squared-error") return payoff;
  return means.payoff ?? payoff;
}

export interface Attempt {
  readonly means: Played;
  readonly budget: number | null;
  readonly seed: number;
  readonly kind: PayoffKind;
  readonly dataset: Dataset;
}

async function measured(bench: CompareBench, attempt: Attempt, stage: Stage): Promise<Ranked> {
  checkExact(bench, attempt.means);
  const { value: scores, ...cost } = await costOf(() => scoresOf(bench, attempt, stage));
  return {
    groups: scores.map(({ id, values }) => ({ id, values })),
    rows: scores.reduce((sum, { rows }) => sum + rows, 0),
    ...cost,
    missing: null,
  };
}

/**
 * Every coalition is tried of small groups only.
 * @throws {PrunerError} `too-many-coalitions`.
 */
export function checkExact({ analysis, groups, options }: CompareSetting, means: Played): void {
  if (means.kind !== "estimator" || means.estimator !== "exact") return;
  const { oracleChannels } = options;
  const largest = Math.max(...groups.map((group) => analysis.groups[group]!.channels));
  if (largest > oracleChannels)
    throw new PrunerError("too-many-coalitions", {
      players: largest,
      coalitions: 2 ** largest,
      limit: 2 ** oracleChannels,
    });
}

async function scoresOf(
  bench: CompareBench,
  attempt: Attempt,
  stage: Stage,
): Promise<readonly GroupScores[]> {
  const { dataset } = attempt;
  const { analysis, groups, runner, options } = bench;
  const work = workOf(bench, stage);
  const context: RankContext = {
    analysis,
    groups,
    settings: rankSettingsOf(bench, attempt),
    data: { dataset, payoff: await payoffOf(bench, attempt), runner },
    signal: options.signal,
    onMeasured: reportMeasuring(work),
    onRemark: options.onRemark,
  };
  const events = rankGroups(context);
  for (let next = await events.next(); ; next = await events.next()) {
    if (next.done === true) return next.value;
    report(work, next.value);
  }
}

/** What `rankGroups` is told. */
export function rankSettingsOf(
  { options }: CompareSetting,
  { means, budget, seed }: Pick<Attempt, "means" | "budget" | "seed">,
): RankSettings {
  const { activations } = options;
  return {
    criterion: means.kind === "criterion" ? means.criterion : "shapley",
    estimator: means.kind === "estimator" ? means.estimator : "permutation",
    players: means.kind === "estimator" ? means.players : undefined,
    seed,
    budget: budget === null ? undefined : { rows: budget },
    memory: options.memory,
    ...(means.kind === "estimator" && { activations }),
  };
}

/** The payoff as a method needs it; undefined for those that look at no answers. */
export async function payoffOf(
  bench: CompareSetting,
  { means, kind, dataset }: Attempt,
): Promise<PayoffSetup | undefined> {
  if (means.kind === "estimator") return payoffOn(bench, dataset, kind);
  if (criteria[means.criterion].needs !== "gradients") return undefined;
  const { analysis, runner, output, options } = bench;
  return gradientPayoff({ signal: options.signal }, analysis, dataset, runner, { kind, output });
}
