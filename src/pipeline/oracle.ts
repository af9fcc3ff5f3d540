/** @file The oracle command: the best sets of channels of one group, and rankings held against them. */
import { PrunerError } from "../base/problem.ts";
import { tool } from "../base/version.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { runtimeVersion } from "../engine/ort/load.ts";
import {
  type CoalitionStore,
  type CoalitionTable,
  chunkSize,
  fillTable,
  largestTable,
  livePlayers,
  openStore,
  type TableIdentity,
} from "../oracle/index.ts";
import { groupsMatching } from "../ranking/select-groups.ts";
import { duration } from "../report/format.ts";
import type { OracleRecord } from "../report/oracle-records.ts";
import { preparePayoff } from "../valuation/targets.ts";
import { type WholeNetworkGame, wholeNetworkGame } from "../valuation/whole-network-game.ts";
import { checkOutputs } from "./check-outputs.ts";
import { prunableGroups } from "./inspect.ts";
import { runnable } from "./load-model.ts";
import { searchBeyond } from "./oracle-beyond.ts";
import { findingsOf, setsOf } from "./oracle-findings.ts";
import type { OracleOptions } from "./oracle-options.ts";
import { checkRankings } from "./oracle-rankings.ts";
import { writeJson } from "./scores-file.ts";
import { openFor, type RuntimeSettings, startRuntime } from "./settings.ts";

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
  const names = checkRankings(options);
  const { out, model, data, store = out === undefined ? undefined : storePath(out) } = options;
  await checkOutputs({ out }, [...model.files, data.path, data.labels]);
  const analysis = runnable(model);
  const group = oneGroup(analysis, options.group);
  const dataset = await openFor(analysis, data);
  const runner = await startRuntime(options);
  let coalitions: CoalitionStore | undefined;
  try {
    const { payoff: kind, output, signal, onProgress, memory } = options;
    const payoff = await preparePayoff(analysis, dataset, runner, { kind, output, signal });
    const { id } = analysis.groups[group]!;
    const game = await wholeNetworkGame({
      analysis,
      groups: [group],
      dataset,
      payoff,
      runner,
      memory,
      signal,
      onCached: (done, total) => onProgress?.({ label: `${id}: activations`, done, total, unit: "examples" }),
    });
    const header = {
      schemaVersion: 1,
      tool: tool.name,
      version: tool.version,
      runtime: runtimeText(options),
      model: model.hash,
      data: { fingerprint: dataset.fingerprint, examples: dataset.size },
      payoff: payoff.kind,
      output: payoff.output,
      seed: options.seed,
      group: id,
      channels: game.players,
      silent: game.silent,
      search: options.search.kind,
      method: game.method,
    } as const;
    const context = { analysis, group, dataset, payoff, runner, game };
    let record: OracleRecord;
    if (options.search.kind === "exhaustive") {
      await checkSize(game, id);
      coalitions = store === undefined ? undefined : await openStore(store);
      const table = await everyCoalition(options, game, id, coalitions?.table(identityOf(header, game)));
      const oracle = await findingsOf(options, context, table, names);
      const tried = 2 ** livePlayers(game).length;
      record = { ...header, coalitions: tried, rows: tried * game.examples, sets: setsOf(table), oracle };
    } else {
      const found = await searchBeyond(options.search, game, {
        ...options,
        workers: runner.workers,
        group: id,
      });
      record = { ...header, ...found, rows: found.coalitions * game.examples, oracle: null };
    }
    if (out !== undefined) await writeJson(out, record);
    return record;
  } catch (error) {
    if (options.signal?.aborted !== true) throw error;
    const next =
      coalitions === undefined
        ? "With --out or --store the coalitions tried would have been kept."
        : `The coalitions tried are kept in ${coalitions.path}; run the same command again to continue.`;
    throw new PrunerError("interrupted", { next }, { cause: error });
  } finally {
    await coalitions?.close();
    await runner.close();
  }
}

/** What ran the networks, as far as it can change a number's last digits. */
function runtimeText({ providers, threads = 1 }: RuntimeSettings): string {
  const on = providers === undefined ? "" : ` on ${providers.join(", ")}`;
  return `${runtimeVersion()}${on}${threads === 1 ? "" : `, ${threads} threads a run`}`;
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

/** @throws {PrunerError} `oracle-too-large`, with the time it would take by the speed of a first chunk. */
async function checkSize(game: WholeNetworkGame, group: string): Promise<void> {
  if (game.players <= largestTable) return;
  const live = livePlayers(game).length;
  const probe = chunkSize(game.examples);
  const masks = new Uint8Array(probe * game.players).map(
    (_, at) => (at * 7 + Math.floor(at / game.players)) % 2,
  );
  const started = performance.now();
  await game.means(masks);
  const seconds = (((performance.now() - started) / 1000) * 2 ** live) / probe;
  throw new PrunerError("oracle-too-large", {
    group,
    players: game.players,
    limit: largestTable,
    rows: 2 ** live * game.examples,
    estimate: seconds < 1e7 ? duration(seconds) : `${(seconds / 31_557_600).toPrecision(2)} years`,
  });
}

/** Everything that decides what a coalition is worth, and which coalition a number means. */
function identityOf(
  header: Pick<
    OracleRecord,
    "runtime" | "model" | "data" | "payoff" | "output" | "group" | "channels" | "method"
  >,
  game: WholeNetworkGame,
): TableIdentity {
  const { runtime, model, data, payoff, output, group, channels, method } = header;
  return {
    runtime,
    model,
    ...data,
    payoff,
    output,
    group,
    channels,
    method,
    silenced: "where consumers read",
    silent: game.silent.join(),
    chunk: chunkSize(game.examples),
  };
}

function everyCoalition(
  { signal, onProgress, workers }: OracleOptions,
  game: WholeNetworkGame,
  group: string,
  store: ReturnType<CoalitionStore["table"]> | undefined,
): Promise<CoalitionTable> {
  return fillTable(game, {
    store,
    signal,
    concurrency: 2 * (workers ?? 4),
    onProgress: (done, total) =>
      onProgress?.({
        label: `${group}: coalitions`,
        done,
        total,
        unit: "coalitions",
        each: { count: game.examples, unit: "rows" },
      }),
  });
}
