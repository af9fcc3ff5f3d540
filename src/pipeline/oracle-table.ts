/** @file The worth of every coalition of a group of a network, with a store behind it. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/index.ts";
import { runtimeVersion } from "../engine/ort/load.ts";
import {
  type CoalitionTable,
  chunkSize,
  fillTable,
  largestTable,
  livePlayers,
  openStore,
  type TableIdentity,
} from "../oracle/index.ts";
import { duration, whole } from "../report/format.ts";
import type { ActivationType } from "../valuation/halves.ts";
import type { Runner } from "../valuation/runner.ts";
import type { PayoffSetup } from "../valuation/targets.ts";
import { type WholeNetworkGame, wholeNetworkGame } from "../valuation/whole-network-game.ts";
import type { WorkOptions } from "./progress.ts";
import type { RuntimeSettings } from "./settings.ts";

/** A group of a network, and what its coalitions are worth something for. */
export interface GroupSetting {
  readonly analysis: ChannelAnalysis;
  /** Index into `analysis.groups`. */
  readonly group: number;
  readonly dataset: Dataset;
  readonly payoff: PayoffSetup;
  readonly runner: Runner;
  /** What activations that enter the group are kept in; default float32. */
  readonly activations?: ActivationType | undefined;
}

export interface TableWork extends WorkOptions {
  /** Name of the model for the store: its hash. */
  readonly model: string;
  /** What runs the networks, as {@link runtimeText} says it. */
  readonly runtime: string;
  /** Folder of the store; none when left out. */
  readonly store?: string | undefined;
}

/** The game of the group, coalition by coalition, with progress while activations are computed. */
export function wholeGameOf(
  { analysis, group, dataset, payoff, runner, activations }: GroupSetting,
  { signal, onProgress, memory }: WorkOptions & { readonly memory?: number | undefined },
): Promise<WholeNetworkGame> {
  const label = `${analysis.groups[group]!.id}: activations`;
  return wholeNetworkGame({
    analysis,
    groups: [group],
    dataset,
    payoff,
    runner,
    memory,
    activations,
    signal,
    onPrepared: (done, total) => onProgress?.({ label, done, total, unit: "examples" }),
  });
}

/** What ran the networks, as far as it can change a number's last digits. */
export function runtimeText({ providers, threads = 1 }: RuntimeSettings): string {
  const on = providers === undefined ? "" : ` on ${providers.join(", ")}`;
  return `${runtimeVersion()}${on}${threads === 1 ? "" : `, ${threads} threads a run`}`;
}

/**
 * Tries every coalition, or takes it from the store.
 * @throws {PrunerError} `oracle-too-large`, `store-corrupt`, `store-unusable`, and what the network throws; the signal's
 *   reason on abort, with what was tried in the store.
 */
export async function tableOf(
  setting: GroupSetting,
  game: WholeNetworkGame,
  work: TableWork,
): Promise<CoalitionTable> {
  const group = setting.analysis.groups[setting.group]!.id;
  await checkTableSize(game, group);
  const store = work.store === undefined ? undefined : await openStore(work.store);
  try {
    let isFirst = true;
    return await fillTable(game, {
      store: store?.table(identityOf(setting, game, work)),
      signal: work.signal,
      concurrency: 2 * setting.runner.workers,
      onProgress(done, total) {
        if (isFirst && done > 0)
          work.onRemark?.(`${whole(done)} of ${whole(total)} coalitions were in the store`);
        isFirst = false;
        const each = { count: game.examples, unit: "rows" };
        work.onProgress?.({ label: `${group}: coalitions`, done, total, unit: "coalitions", each });
      },
    });
  } finally {
    await store?.close();
  }
}

/** @throws {PrunerError} `oracle-too-large`, with the time it would take by the speed of a first chunk. */
export async function checkTableSize(game: WholeNetworkGame, group: string): Promise<void> {
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
  { analysis, group, dataset, payoff, activations }: GroupSetting,
  game: WholeNetworkGame,
  { model, runtime }: TableWork,
): TableIdentity {
  return {
    runtime,
    model,
    data: dataset.fingerprint,
    examples: dataset.size,
    payoff: payoff.kind,
    output: payoff.output,
    outputIs: payoff.outputIs,
    group: analysis.groups[group]!.id,
    channels: game.players,
    method: game.method,
    ...(activations === "float16" && { activations }),
    silenced: "where consumers read",
    silent: game.silent.join(),
    chunk: chunkSize(game.examples),
  };
}
