/** @file The rankings an oracle can judge: criteria, and estimators of Shapley values run on its table. */
import { nearestNames } from "../base/nearest-names.ts";
import { isProblem, PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type CriterionName, criteria } from "../criteria/index.ts";
import type { Dataset } from "../datasets/index.ts";
import { type EstimatorName, estimators } from "../estimators/index.ts";
import { type CoalitionTable, estimateFrom } from "../oracle/index.ts";
import type { RankingRecord } from "../report/oracle-records.ts";
import type { Runner } from "../valuation/runner.ts";
import { type PayoffSetup, prepareGradientPayoff } from "../valuation/targets.ts";
import type { OracleOptions } from "./oracle-options.ts";
import type { GroupSetting } from "./oracle-table.ts";
import type { WorkOptions } from "./progress.ts";
import { gradientsFor } from "./rank-budget.ts";
import { rankGroups } from "./rank-groups.ts";

/** "shapley" are the exact values. */
export type RankingName = "shapley" | CriterionName | EstimatorName;

const usualNames: readonly RankingName[] = ["shapley", "leave-one-out", "l1", "taylor", "random"];

/** A table of coalitions has no derivatives, so estimators that need them are left out. */
const onTables = Object.keys(estimators).filter((name) => gradientsFor(name as EstimatorName) !== "needed");

const known = ["shapley", ...Object.keys(criteria), ...onTables];

export type Ranking = Omit<RankingRecord, "judgement">;

/**
 * The rankings asked for, or the usual ones, each once.
 * @throws {PrunerError} `unknown-criterion`, and `usage` where no table will be there to judge by.
 */
export function checkRankings({ criteria: asked, search }: OracleOptions): readonly RankingName[] {
  if (asked !== undefined && search.kind !== "exhaustive")
    throw new PrunerError("usage", {
      detail: `--criteria are judged by oracle sets, which --search ${search.kind} does not claim to find. Leave --criteria out, or search exhaustively.`,
    });
  for (const name of asked ?? []) {
    if (!known.includes(name))
      throw new PrunerError("unknown-criterion", { name, nearest: nearestNames(name, known), known });
  }
  return [...new Set((asked ?? usualNames) as readonly RankingName[])];
}

/**
 * Ranks the group by each name. What does not apply to it is an error where it was asked for, and a remark otherwise.
 * @throws {PrunerError} What criteria and estimators throw.
 */
export async function rankingsOf(
  options: OracleOptions,
  context: GroupSetting,
  table: CoalitionTable,
  names: readonly RankingName[],
): Promise<Ranking[]> {
  const rankings: Ranking[] = [];
  for (const name of names) {
    options.signal?.throwIfAborted();
    try {
      rankings.push(
        name in criteria
          ? await byCriterion(options, context, name as CriterionName)
          : await byEstimator(options, table, name as "shapley" | EstimatorName),
      );
    } catch (error) {
      const isOptional =
        options.criteria === undefined && isProblem(error) && options.signal?.aborted !== true;
      if (!isOptional) throw error;
      options.onRemark?.(`${name} is left out: ${error.message}`);
    }
  }
  return rankings;
}

async function byEstimator(
  { seed, coalitions, signal }: OracleOptions,
  table: CoalitionTable,
  name: "shapley" | EstimatorName,
): Promise<Ranking> {
  const estimator = name === "shapley" ? "exact" : name;
  const { values, rows } = await estimateFrom(table, estimator, { seed, coalitions, signal });
  const title = name === "shapley" ? "Exact Shapley values" : estimators[estimator].title;
  return { name, title, values: Array.from(values), rows };
}

async function byCriterion(
  options: OracleOptions,
  { analysis, group, dataset, payoff, runner }: GroupSetting,
  name: CriterionName,
): Promise<Ranking> {
  const { seed, memory, signal } = options;
  const needsGradients = criteria[name].needs === "gradients";
  const run = rankGroups({
    analysis,
    groups: [group],
    settings: { criterion: name, estimator: "permutation", seed, memory },
    data: {
      dataset,
      runner,
      payoff: needsGradients ? await gradientPayoff(options, analysis, dataset, runner, payoff) : undefined,
    },
    signal,
  });
  let last = await run.next();
  while (last.done !== true) last = await run.next();
  return { name, title: criteria[name].title, values: last.value[0]!.values, rows: 0 };
}

/** The payoff itself where it has gradients, the usual one for the labels otherwise. */
export async function gradientPayoff(
  { signal, onRemark }: WorkOptions,
  analysis: ChannelAnalysis,
  dataset: Dataset,
  runner: Runner,
  { kind, output }: Pick<PayoffSetup, "kind" | "output">,
): Promise<PayoffSetup> {
  if (kind === "cross-entropy" || kind === "squared-error")
    return prepareGradientPayoff(analysis, dataset, runner, { kind, output, signal });
  const usual = await prepareGradientPayoff(analysis, dataset, runner, { output, signal });
  onRemark?.(`${kind} has no useful gradients: criteria with gradients take those of ${usual.kind}`);
  return usual;
}
