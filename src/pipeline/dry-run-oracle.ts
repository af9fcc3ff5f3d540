/** @file The oracle command told what it would do. */
import { costModelOf, fullCost } from "../channels/cost.ts";
import { beamCost, largestTable, livePlayers } from "../oracle/index.ts";
import type { DryRun, PlannedStage } from "../report/dry-run-records.ts";
import { preparePayoff } from "../valuation/targets.ts";
import type { WholeNetworkGame } from "../valuation/whole-network-game.ts";
import { coalitionSeconds, fewOf } from "./dry-run-probe.ts";
import { onOracleBench } from "./oracle.ts";
import type { OracleOptions } from "./oracle-options.ts";
import { checkTableSize, type GroupSetting, wholeGameOf } from "./oracle-table.ts";

/**
 * What `oracle` would do with these options, and what it would cost. Writes nothing.
 * @throws {PrunerError} What `oracle` throws before it begins, `oracle-too-large` included.
 */
export function dryRunOracle(options: OracleOptions): Promise<DryRun> {
  return onOracleBench(options, async (setting) => {
    const { analysis, group, dataset, runner, payoff } = setting;
    const { id, channels } = analysis.groups[group]!;
    const isTable = options.search.kind === "exhaustive";
    if (isTable && channels > largestTable) await checkTableSize(await wholeGameOf(setting, options), id);
    const few = await onFew(setting, options);
    const game = await wholeGameOf(few, options);
    const coalitions = coalitionsOf(options, game);
    const share = dataset.size / few.dataset.size;
    const stage: PlannedStage = {
      name: `${options.search.kind} search`,
      amount: coalitions,
      unit: "coalitions",
      macs: null,
      seconds: coalitions * share * (await coalitionSeconds(game, runner.workers)),
    };
    return {
      dryRun: true,
      command: "oracle",
      before: fullCost(costModelOf(analysis)),
      after: null,
      groups: [{ id, channels, kept: null, rows: coalitions * dataset.size }],
      scoring: null,
      rounds: null,
      examples: { [`to try coalitions on (${payoff.kind})`]: dataset.size },
      training: null,
      stages: [stage],
      seconds: stage.seconds,
      workers: runner.workers,
      memoryBytes: 0,
      notes: ["What a store holds already is not taken off, and rankings to be judged come on top."],
    };
  });
}

/** The same group on few examples. */
async function onFew(
  setting: GroupSetting,
  { payoff: kind, output, signal }: OracleOptions,
): Promise<GroupSetting> {
  const dataset = fewOf(setting.dataset);
  const payoff = await preparePayoff(setting.analysis, dataset, setting.runner, { kind, output, signal });
  return { ...setting, dataset, payoff };
}

/** Coalitions that are tried at the most. */
function coalitionsOf({ search }: OracleOptions, game: WholeNetworkGame): number {
  if (search.kind === "exhaustive") return 2 ** livePlayers(game).length;
  const beam = beamCost(game.players, search.width);
  return search.kind === "beam" ? beam : beam + search.sizes.length * search.coalitions;
}
