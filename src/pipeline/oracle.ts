/** @file The oracle command: the best sets of channels of one group, and rankings held against them. */
import { PrunerError } from "../base/problem.ts";
import { tool } from "../base/version.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { livePlayers } from "../oracle/index.ts";
import { groupsMatching } from "../ranking/select-groups.ts";
import type { OracleRecord } from "../report/oracle-records.ts";
import { preparePayoff } from "../valuation/targets.ts";
import type { WholeNetworkGame } from "../valuation/whole-network-game.ts";
import { checkOutputs } from "./check-outputs.ts";
import { prunableGroups } from "./inspect.ts";
import { runnable } from "./load-model.ts";
import { searchBeyond } from "./oracle-beyond.ts";
import { findingsOf, setsOf } from "./oracle-findings.ts";
import type { OracleOptions } from "./oracle-options.ts";
import { checkRankings, type RankingName } from "./oracle-rankings.ts";
import { type GroupSetting, runtimeText, tableOf, wholeGameOf } from "./oracle-table.ts";
import { writeJson } from "./scores-file.ts";
import { openFor, startRuntime } from "./settings.ts";

/** Where an oracle with this output keeps its coalitions unless told otherwise. */
export function storePath(out: string): string {
  return `${out}.store`;
}

/**
 * Finds the best sets of a group.
 * @throws {PrunerError} `unknown-group`, `group-locked`, `unknown-criterion`, `oracle-too-large`, `store-corrupt`,
 *   `store-unusable`, what models, data, games and criteria throw, and `interrupted` once `signal` fires.
 */
export async function oracle(options: OracleOptions): Promise<OracleRecord> {
  const { out, store = out === undefined ? undefined : storePath(out) } = options;
  return onOracleBench(options, async (setting, names) => {
    const record = await recordOf({ ...options, store }, setting, names);
    if (out !== undefined) await writeJson(out, record);
    return record;
  });
}

/**
 * Checks what an oracle is told, opens its data and does the work; the runtime is closed afterwards.
 * @throws {PrunerError} As `oracle`.
 */
export async function onOracleBench<T>(
  options: OracleOptions,
  work: (setting: GroupSetting, names: readonly RankingName[]) => Promise<T>,
): Promise<T> {
  const names = checkRankings(options);
  const { out, model, data, store = out === undefined ? undefined : storePath(out) } = options;
  await checkOutputs({ out }, [...model.files, data.path, data.labels]);
  const analysis = runnable(model);
  const group = oneGroup(analysis, options.group);
  const dataset = await openFor(analysis, data, options);
  const runner = await startRuntime(options);
  try {
    const { payoff: kind, output, signal } = options;
    const payoff = await preparePayoff(analysis, dataset, runner, { kind, output, signal });
    const { activations } = options;
    return await work({ analysis, group, dataset, payoff, runner, activations }, names);
  } catch (error) {
    if (options.signal?.aborted !== true) throw error;
    const next =
      store === undefined || options.search.kind !== "exhaustive"
        ? "Nothing was kept. With --out or --store an exhaustive search keeps the coalitions it has tried."
        : `The coalitions tried are kept in ${store}; run the same command again to continue.`;
    throw new PrunerError("interrupted", { next }, { cause: error });
  } finally {
    await runner.close();
  }
}

async function recordOf(
  options: OracleOptions,
  setting: GroupSetting,
  names: readonly RankingName[],
): Promise<OracleRecord> {
  const game = await wholeGameOf(setting, options);
  const header = headerOf(options, setting, game);
  const { group, runtime, model } = header;
  if (options.search.kind !== "exhaustive") {
    const { workers } = setting.runner;
    const found = await searchBeyond(options.search, game, { ...options, workers, group }).finally(
      game.close,
    );
    return { ...header, ...found, rows: found.coalitions * game.examples, oracle: null };
  }
  const table = await tableOf(setting, game, { ...options, model, runtime }).finally(game.close);
  const coalitions = 2 ** livePlayers(game).length;
  const sets = setsOf(table);
  const oracle = await findingsOf(options, setting, table, names);
  return { ...header, coalitions, rows: coalitions * game.examples, sets, oracle };
}

function headerOf(
  options: OracleOptions,
  { analysis, group, dataset, payoff }: GroupSetting,
  game: WholeNetworkGame,
): Omit<OracleRecord, "coalitions" | "rows" | "sets" | "oracle"> {
  return {
    schemaVersion: 1,
    tool: tool.name,
    version: tool.version,
    runtime: runtimeText(options),
    model: options.model.hash,
    data: { fingerprint: dataset.fingerprint, examples: dataset.size },
    payoff: payoff.kind,
    output: payoff.output,
    seed: options.seed,
    group: analysis.groups[group]!.id,
    channels: game.players,
    silent: game.silent,
    search: options.search.kind,
    method: game.method,
    ...(options.activations === "float16" && { activations: options.activations }),
  };
}

/** @throws {PrunerError} `unknown-group`, `group-locked`, and `invalid-option` for a pattern of several groups. */
function oneGroup(analysis: ChannelAnalysis, pattern: string): number {
  const { groups } = analysis;
  const found = groupsMatching(groups, pattern, "group");
  const prunable = prunableGroups(analysis);
  const [group] = found;
  if (found.length > 1)
    throw new PrunerError("invalid-option", {
      option: "group",
      got: pattern,
      expected: `one group, and this means ${found.map((one) => groups[one]!.id).join(", ")}`,
    });
  if (prunable.includes(group!)) return group!;
  throw new PrunerError("group-locked", {
    group: groups[group!]!.id,
    reason: groups[group!]!.locks[0]?.reason ?? "it has a single channel, and one has to stay",
    groups: prunable.map((one) => groups[one]!.id),
  });
}
