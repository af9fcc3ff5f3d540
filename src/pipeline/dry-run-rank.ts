/** @file The rank command told what it would do. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { DryRun } from "../report/dry-run-records.ts";
import { exampleSeconds, fewOf } from "./dry-run-probe.ts";
import { planRanking, type Trial } from "./dry-run-ranking.ts";
import { onRankBench, payoffFor, type RankBench, type RankOptions } from "./rank.ts";

/**
 * What `rank` would do with these options, and what it would cost. Writes nothing.
 * @throws {PrunerError} What `rank` throws before it begins.
 */
export function dryRunRank(options: RankOptions): Promise<DryRun> {
  return onRankBench(options, payoffOnFew, async (bench) => {
    const { analysis, groups, data } = bench;
    const { settings, signal } = options;
    const plan = await planRanking(
      { analysis, groups, settings, data, signal },
      await trialOn(options, bench),
    );
    const { criterion, estimator, players } = settings;
    return {
      dryRun: true,
      command: "rank",
      before: fullCost(costModelOf(analysis)),
      after: null,
      groups: plan.groups,
      scoring: {
        criterion,
        estimator: criterion === "shapley" ? estimator : null,
        ...(players === "joint" && { players }),
        payoff: data?.payoff?.kind ?? null,
      },
      rounds: null,
      examples: data === undefined ? {} : { "to rank on": data.dataset.size },
      training: null,
      stages: plan.stages,
      seconds: plan.stages.reduce((sum, { seconds }) => sum + seconds, 0),
      workers: data?.runner.workers ?? 1,
      memoryBytes: plan.memoryBytes,
      notes: plan.notes,
    };
  });
}

/** The payoff without labels asks the network about every example; a plan needs to know only which payoff that is. */
export const payoffOnFew: typeof payoffFor = (options, analysis, dataset, runner) =>
  payoffFor(options, analysis, dataset.labels === undefined ? fewOf(dataset) : dataset, runner);

/** Few of the examples and the speed of the network on them; undefined where nothing is run. */
export async function trialOn(
  options: Pick<RankOptions, "settings" | "payoff" | "output" | "signal">,
  { analysis, data }: Pick<RankBench, "analysis" | "data">,
): Promise<Trial | undefined> {
  if (data === undefined) return undefined;
  const { runner } = data;
  const dataset = fewOf(data.dataset);
  return {
    dataset,
    payoff: await payoffFor(options, analysis, dataset, runner),
    exampleSeconds: await exampleSeconds(runner, analysis.model, data.dataset),
  };
}
