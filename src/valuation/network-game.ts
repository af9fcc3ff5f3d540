/** @file A network whose channels are players: masks in, payoffs out. */
import { freemem } from "node:os";
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Dataset } from "../datasets/index.ts";
import type { CallOptions, Game } from "../games/game.ts";
import { concreteShape } from "../graph/dims.ts";
import { maskInputName } from "../passes/insert-masks.ts";
import { arrayTypes, bytesPerElement, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { type Cutting, cutRows, type Range } from "./cut-rows.ts";
import type { Cached, Job, TailSetup } from "./jobs.ts";
import { type EffectsPlan, planEffects } from "./plan-effects.ts";
import { forward, type Runner } from "./runner.ts";
import { cutTail, type Tail } from "./tail.ts";
import type { PayoffSetup } from "./targets.ts";

export interface NetworkGameOptions {
  readonly analysis: ChannelAnalysis;
  /** Indexes of the groups whose channels are the players, in player order. */
  readonly groups: readonly number[];
  /** Bound to the inputs of the model. */
  readonly dataset: Dataset;
  readonly payoff: PayoffSetup;
  readonly runner: Runner;
  /** Bytes the cached activations may take; default half of what is free. */
  readonly memory?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onCached?: ((done: number, total: number) => void) | undefined;
}

/** Bytes of activations that enter one run of the tail: large enough to be busy, small enough to stay in caches. */
const batchBytes = 8 * 2 ** 20;
const largestBatch = 1024;
const smallestBatch = 8;

/** A network as a game. */
export interface NetworkGame extends Game {
  /**
   * How the layer behind the masks is evaluated: by adding up effects of channels where rows of one example follow one
   * another, or row by row. Last digits depend on it.
   */
  readonly method: "added" | "rows";
}

/**
 * The game of one or several groups: v(S; e) is the payoff of the network on example e with only the channels in S.
 * Activations entering the groups are computed here, once. How rows are cut into batches depends on the rows of a call
 * and on the network alone, so payoffs do not depend on workers or timing.
 * @throws {PrunerError} `group-not-maskable`, `activations-too-large`.
 */
export async function networkGame(options: NetworkGameOptions): Promise<NetworkGame> {
  const { analysis, groups, dataset, payoff, runner, memory } = options;
  const parts = cutTail(analysis, groups, payoff.output);
  const cached = await cacheActivations(options, parts);
  const tail: TailSetup = {
    model: runner.share(parts.tail),
    cached,
    masks: groups.map((group) => {
      const { id, channels } = analysis.groups[group]!;
      return { name: maskInputName(id), players: channels };
    }),
    output: payoff.output,
    payoff: payoff.kind,
    outputIs: payoff.outputIs,
    targets: inSharedMemory(payoff.targets),
  };
  const players = tail.masks.reduce((sum, mask) => sum + mask.players, 0);
  const left = memory === undefined ? undefined : memory - bytesOf(cached, dataset.size);
  const plan = await planEffects(runner, parts, tail, dataset.size, left);
  const play: Play = { runner, tail, players, plan, cutting: cuttingOf(cached, plan) };
  return {
    players,
    examples: dataset.size,
    method: plan === undefined ? "rows" : "added",
    values: (masks, examples, call) => evaluate(play, masks, examples, call),
  };
}

/** What every call of a game needs. */
interface Play {
  readonly runner: Runner;
  readonly tail: TailSetup;
  readonly players: number;
  readonly plan: EffectsPlan | undefined;
  readonly cutting: Cutting;
}

function cuttingOf(cached: readonly Cached[], plan: EffectsPlan | undefined): Cutting {
  const fitting = Math.floor(batchBytes / bytesOf(cached, 1));
  return {
    rows: Math.min(largestBatch, Math.max(smallestBatch, fitting)),
    walks: plan && { fewest: plan.fewestRows, rows: plan.effects.rowsPerRun },
  };
}

async function evaluate(
  { runner, tail, players, plan, cutting }: Play,
  masks: Uint8Array,
  examples: Uint32Array,
  call: CallOptions = {},
): Promise<Float64Array> {
  const payoffs = new Float64Array(examples.length);
  await Promise.all(
    cutRows(examples, cutting).map(async ({ kind, ranges }) => {
      const rows = { masks: joined(masks, ranges, players), examples: joined(examples, ranges, 1) };
      const job: Job =
        kind === "rows" ? { kind, tail, ...rows } : { kind, tail, effects: plan!.effects, ...rows };
      const transfer = [rows.masks.buffer, rows.examples.buffer];
      const values = (await runner.pool.run(job, { signal: call.signal, transfer })) as Float64Array;
      let done = 0;
      for (const { start, end } of ranges) {
        payoffs.set(values.subarray(done, done + end - start), start);
        done += end - start;
      }
    }),
  );
  return payoffs;
}

/** The rows of some ranges, side by side in memory of their own. */
function joined<T extends Uint8Array | Uint32Array>(
  rows: T,
  ranges: readonly Range[],
  size: number,
): T & { readonly buffer: ArrayBuffer } {
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  const ArrayType = rows.constructor as new (length: number) => T & { readonly buffer: ArrayBuffer };
  const out = new ArrayType(total * size);
  let at = 0;
  for (const { start, end } of ranges) {
    out.set(rows.subarray(start * size, end * size), at);
    at += (end - start) * size;
  }
  return out;
}

/** Activations that enter the groups, computed once. @throws {PrunerError} `activations-too-large`, `group-not-maskable`. */
export async function cacheActivations(options: NetworkGameOptions, parts: Tail): Promise<Cached[]> {
  const { analysis, dataset, runner, signal, onCached } = options;
  const layouts = parts.cached.map((name) => layoutOf(analysis, name));
  checkMemory(options, layouts);
  const stores = layouts.map((layout) => emptyStore(layout, dataset.size));
  const inputs = new Set(analysis.model.graph.inputs.map(({ name }) => name));
  for (const store of stores) if (inputs.has(store.name)) fillFromData(store, dataset);
  if (parts.prefix !== undefined) {
    const computed = stores.filter(({ name }) => !inputs.has(name));
    await forward(
      runner,
      runner.share(parts.prefix),
      onlyInputs(
        dataset,
        parts.prefix.graph.inputs.map(({ name }) => name),
      ),
      (outputs, start) => {
        for (const { name, shape, data } of computed)
          data.set(outputs[name]!.data as never, start * sizeOf(shape));
      },
      { signal, onBatch: onCached },
    );
  }
  return stores;
}

type Layout = Omit<Cached, "data">;

function layoutOf({ facts }: ChannelAnalysis, name: string): Layout {
  const fact = facts.get(name);
  const shape = concreteShape(fact?.shape?.slice(1));
  if (fact?.dtype === undefined || shape === undefined) {
    const detail = `the size of "${name}" is not known; state the input's shape with --input-shape`;
    throw new PrunerError("group-not-maskable", { group: name, detail });
  }
  return { name, dtype: fact.dtype, shape };
}

/** Bytes of one example. */
function exampleBytes({ dtype, shape }: Layout): number {
  return bytesPerElement(dtype) * sizeOf(shape);
}

function bytesOf(layouts: readonly Layout[], examples: number): number {
  return layouts.reduce((sum, layout) => sum + examples * exampleBytes(layout), 0);
}

function emptyStore(layout: Layout, examples: number): Cached {
  const memory = new SharedArrayBuffer(examples * exampleBytes(layout));
  return { ...layout, data: new arrayTypes[layout.dtype](memory as never) as TypedArray };
}

/** Every batch carries the setup to a thread; what is not shared would be copied each time. */
export function inSharedMemory<T extends Int32Array | Float32Array>(values: T): T {
  const ArrayType = values.constructor as new (buffer: SharedArrayBuffer) => T;
  const copy = new ArrayType(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

function checkMemory(
  { analysis, groups, dataset, memory = freemem() / 2 }: NetworkGameOptions,
  layouts: readonly Layout[],
): void {
  const needed = bytesOf(layouts, dataset.size);
  if (needed <= memory) return;
  throw new PrunerError("activations-too-large", {
    needed,
    available: memory,
    group: analysis.groups[groups[0]!]!.id,
    examples: dataset.size,
  });
}

function fillFromData({ name, data, shape }: Cached, dataset: Dataset): void {
  const size = sizeOf(shape);
  for (let example = 0; example < dataset.size; example++) {
    data.set(dataset.batch([example])[name]!.data as never, example * size);
  }
}

/** A part of the network may read fewer inputs than the whole. */
function onlyInputs(dataset: Dataset, names: readonly string[]): Dataset {
  return {
    ...dataset,
    batch: (indices) =>
      Object.fromEntries(Object.entries(dataset.batch(indices)).filter(([name]) => names.includes(name))),
  };
}
