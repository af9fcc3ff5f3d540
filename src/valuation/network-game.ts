/** @file A network whose channels are players: masks in, payoffs out. */
import { isProblem, PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/index.ts";
import type { Game } from "../games/game.ts";
import { extract } from "../passes/extract.ts";
import { maskInputName } from "../passes/insert-masks.ts";
import { openActivations } from "./activation-cache.ts";
import type { ActivationCache } from "./activations.ts";
import type { Region } from "./arena.ts";
import { takingBytes } from "./byte-masks.ts";
import { type CachedLayout, layoutOf } from "./cached.ts";
import type { Take } from "./chunks.ts";
import { largestJob } from "./cut-rows.ts";
import { type EffectsCache, openEffects } from "./effects-cache.ts";
import { type ActivationType, readingHalves } from "./halves.ts";
import type { TailSetup } from "./jobs.ts";
import { layOut, rowsOfCheapCall } from "./lay-out.ts";
import { macsOf } from "./macs.ts";
import { type EffectsPlan, planEffects, type TailPlan } from "./plan-effects.ts";
import type { Play } from "./play-batch.ts";
import { playRows } from "./play-rows.ts";
import { playWalks } from "./play-walks.ts";
import type { Runner } from "./runner.ts";
import { scoreTail } from "./score-tail.ts";
import { sheetsFor } from "./sheets.ts";
import { cutTail, type Tail } from "./tail.ts";
import {
  gradientRows,
  playGradients,
  type TailGradients,
  tailGradients,
  thinnedShare,
} from "./tail-gradients.ts";
import type { PayoffSetup } from "./targets.ts";
import { trackedPool } from "./tracked-pool.ts";
import { sourceOf } from "./upstream.ts";

export interface NetworkGameOptions {
  readonly analysis: ChannelAnalysis;
  /** Indexes of the groups whose channels are the players, in player order. */
  readonly groups: readonly number[];
  /** Bound to the inputs of the model. */
  readonly dataset: Dataset;
  readonly payoff: PayoffSetup;
  readonly runner: Runner;
  /** Bytes that cached activations and effects of channels may take together; default half of what was free at the start. */
  readonly memory?: number | undefined;
  /**
   * What activations in float32 are kept in; default float32. In float16 there is room for twice as many examples, and every
   * activation is rounded once, whether it is kept or computed again.
   */
  readonly activations?: ActivationType | undefined;
  /** Games that are open at the same time and share the memory; default one. */
  readonly games?: number | undefined;
  /** Whether the game has to have gradients, or is to have them where its payoff and its operators allow. Default neither. */
  readonly gradients?: "needed" | "welcome" | undefined;
  /**
   * What other games keep that stay open as long as this one, those nearest to the output first: where activations follow
   * from theirs, the network is run from there on. Not where halves are kept: what they are would depend on who plays beside it.
   */
  readonly upstream?: readonly ActivationCache[] | undefined;
}

/** A network as a game. */
export interface NetworkGame extends Game {
  /**
   * How the layer behind the masks is evaluated: by adding up effects of channels where rows of one example follow one
   * another, or row by row. Last digits depend on it.
   */
  readonly method: "added" | "rows";
  /** Why there are no gradients, where they would have been welcome. */
  readonly withoutGradients?: PrunerError | undefined;
  /** Examples whose activations are kept; those of others are computed whenever they are needed. */
  readonly kept: number;
  /** What it keeps, for other games to start from. */
  readonly activations: ActivationCache;
  /** Work of a row, in multiply-accumulates. */
  readonly rowMacs: number;
  /**
   * Gives the game's memory back, for the next game to use, once no thread works for it any more. Calls that are under way
   * fail or are of no use.
   */
  close(): Promise<void>;
  /** Work spent so far on activations that had been computed before, as a share of the work on rows. */
  recomputedShare(): number;
}

/**
 * The game of one or several groups: v(S; e) is the payoff of the network on example e with only the channels in S.
 * Activations entering the groups are computed once where they fit into memory, and again when they are needed where they
 * do not; payoffs are the same bytes either way. How rows are cut into batches depends on the rows of a call and on the
 * network alone, so payoffs do not depend on workers or timing.
 * @throws {PrunerError} `group-not-maskable`, `activations-too-large`, later `activation-overflow`; where gradients are asked for,
 *   `payoff-not-differentiable` and `no-gradient`.
 */
export async function networkGame(options: NetworkGameOptions): Promise<NetworkGame> {
  const { analysis, groups, payoff, dataset } = options;
  const store = storeFor(options);
  const { runner } = store;
  const whole = cutTail(analysis, groups, payoff.output);
  const { parts, output, outputIs } = scoreTail(whole, payoff);
  const planned = tailPlanOf(options, parts, output);
  const backward = backwardPass(options, whole, planned);
  const found = await planEffects(runner, parts, planned);
  const { plan, cutting, shares } = layOut(planned, found, {
    examples: dataset.size,
    memory: options.memory === undefined ? undefined : options.memory / (options.games ?? 1),
    usualMemory: runner.usualMemory / (options.games ?? 1),
    group: analysis.groups[groups[0]!]!.id,
  });
  const cache = store.activations(parts, planned.cached, shares.entries);
  const { pool } = runner;
  const maskNames = planned.masks.map(({ name }) => name);
  const tail = pool.pin<TailSetup>({
    ...planned,
    model: runner.share(takingBytes(readingHalves(parts.tail, planned.cached), maskNames)),
    cached: cache.values,
    payoff: payoff.kind,
    outputIs,
    targets: inSharedMemory(payoff.targets),
  });
  const players = planned.masks.reduce((sum, mask) => sum + mask.players, 0);
  const effects = plan && knownEffects(pool, openEffects(plan, shares.slabs, dataset.size, store.take));
  const work = workOf(parts, plan);
  const sheets = sheetsFor(pool, { players, rows: largestJob(cutting) });
  const play = { runner, tail, players, cache, effects, cutting, sheets, onBatch: work.onBatch };
  const tailMacs = macsOf(parts.tail);
  const gradients = backward instanceof PrunerError ? undefined : backward;
  const derive = gradients && {
    ...gradients,
    pinned: pool.pin(gradients.setup),
    pinnedThinned: gradients.thinned && pool.pin(gradients.thinned),
  };
  const rowMacs = plan?.rowMacs ?? tailMacs;
  return {
    players,
    examples: dataset.size,
    method: plan === undefined ? "rows" : "added",
    kept: cache.capacity,
    activations: cache,
    rowMacs,
    rowsPerCall: rowsOfCheapCall(rowMacs),
    close: store.close,
    recomputedShare: () => work.shareOf((cache.computed() - dataset.size) * cache.exampleMacs),
    values: (masks, examples, call) => playRows(play, masks, examples, call),
    walks: (walks, call) => playWalks(play, walks, call),
    ...(backward instanceof PrunerError && { withoutGradients: backward }),
    ...(derive !== undefined && {
      gradients: {
        rows: gradientRows(tailMacs, rowMacs),
        thinnedRows: derive.thinned && gradientRows(tailMacs, rowMacs, thinnedShare),
        at: (gates, examples, call) => playGradients(play, derive, gates, examples, call),
      },
    }),
  };
}

/** Effects that threads have been told of. */
function knownEffects(pool: Runner["pool"], cache: EffectsCache): NonNullable<Play["effects"]> {
  return { cache, setup: pool.pin(cache.setup) };
}

/** Why a network has no gradients: a payoff that moves in steps, an operator without a rule, a model too old to be raised. */
const gradientProblems = new Set([
  "payoff-not-differentiable",
  "no-gradient",
  "opset-not-raised",
  "model-version",
]);

/** The backward pass, or why there is none. @throws {PrunerError} The reason, where gradients are needed. */
function backwardPass(
  { runner, analysis, payoff, dataset, gradients }: NetworkGameOptions,
  parts: Tail,
  planned: TailPlan,
): TailGradients | PrunerError | undefined {
  if (gradients === undefined) return undefined;
  try {
    return tailGradients(runner, analysis, parts, planned, payoff, dataset.size);
  } catch (error) {
    if (gradients === "welcome" && isProblem(error) && gradientProblems.has(error.code)) return error;
    throw error;
  }
}

/** What is known of the game before anything is cached. */
function tailPlanOf(
  { analysis, dataset, groups, activations }: NetworkGameOptions,
  { cached }: Tail,
  output: string,
): TailPlan {
  return {
    cached: cached.map((name) => layoutOf(analysis, dataset, name, activations)),
    masks: groups.map((group) => {
      const { id, channels } = analysis.groups[group]!;
      return { name: maskInputName(id), players: channels };
    }),
    output,
  };
}

/** Keeps count of the work on rows, in multiply-accumulates. */
function workOf({ tail }: Tail, plan: EffectsPlan | undefined) {
  const whole = macsOf(tail);
  const each = { rows: whole, added: whole - (plan?.savedMacs ?? 0) };
  let total = 0;
  return {
    onBatch(kind: keyof typeof each, rows: number): void {
      total += rows * each[kind];
    },
    /** Other work, as a share of that on rows so far. */
    shareOf: (macs: number): number => Math.max(0, macs) / Math.max(1, total),
  };
}

/** Memory and jobs of one game. */
export interface GameStore {
  /** Counts the jobs of the game. */
  readonly runner: Runner;
  readonly take: Take;
  readonly activations: (parts: Tail, layouts: readonly CachedLayout[], capacity: number) => ActivationCache;
  readonly close: () => Promise<void>;
}

export function storeFor({
  analysis,
  groups,
  runner,
  dataset,
  memory,
  upstream = [],
}: NetworkGameOptions): GameStore {
  const pool = trackedPool(runner.pool);
  const own: Runner = { ...runner, pool };
  const regions: Region[] = [];
  const take = (bytes: number): Region => {
    const region = runner.arena.take(bytes, memory ?? runner.usualMemory);
    regions.push(region);
    return region;
  };
  const close = async (): Promise<void> => {
    await pool.close();
    for (const region of regions.splice(0)) runner.arena.give(region);
  };
  return {
    runner: own,
    take,
    close,
    activations(parts, layouts, capacity) {
      const prefix = prefixOf(analysis, parts, layouts);
      const computed = prefix?.graph.outputs.map(({ name }) => name) ?? [];
      const caches = layouts.some(({ rounded }) => rounded !== undefined) ? [] : upstream;
      const source = sourceOf(analysis.model, analysis.facts, computed, caches);
      const group = analysis.groups[groups[0]!]!.id;
      return openActivations({ runner: own, dataset, prefix, source, layouts, capacity, take, group });
    },
  };
}

/** The part in front of the masks; inputs of the network that are kept in halves pass through it too. */
function prefixOf({ model, facts }: ChannelAnalysis, { prefix }: Tail, layouts: readonly CachedLayout[]) {
  const computed = prefix?.graph.outputs.map(({ name }) => name) ?? [];
  const values = new Set([...computed, ...layouts.flatMap(({ rounded }) => rounded ?? [])]);
  return values.size === computed.length ? prefix : extract(model, facts, [], [...values]);
}

/** What is not shared would be copied for every thread. */
export function inSharedMemory<T extends Int32Array | Float32Array>(values: T): T {
  const ArrayType = values.constructor as new (buffer: SharedArrayBuffer) => T;
  const copy = new ArrayType(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}
