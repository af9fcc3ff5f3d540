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
import type { Cached, TailSetup } from "./jobs.ts";
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

/**
 * The game of one or several groups: v(S; e) is the payoff of the network on example e with only the channels in S.
 * Activations entering the groups are computed here, once. How rows are cut into batches depends on the network
 * alone, so a row's payoff does not depend on workers or timing.
 * @throws {PrunerError} `group-not-maskable`, `activations-too-large`.
 */
export async function networkGame(options: NetworkGameOptions): Promise<Game> {
  const { analysis, groups, dataset, payoff, runner } = options;
  const parts = cutTail(analysis, groups, payoff.output);
  const cached = await cacheActivations(options, parts);
  const setup: TailSetup = {
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
  const players = setup.masks.reduce((sum, mask) => sum + mask.players, 0);
  const batchRows = rowsPerBatch(cached);
  return {
    players,
    examples: dataset.size,
    values: (masks, examples, call) => evaluate(runner, setup, players, batchRows, masks, examples, call),
  };
}

function rowsPerBatch(cached: readonly Cached[]): number {
  const bytes = cached.reduce((sum, value) => sum + exampleBytes(value), 0);
  return Math.min(largestBatch, Math.max(smallestBatch, Math.floor(batchBytes / bytes)));
}

async function evaluate(
  runner: Runner,
  tail: TailSetup,
  players: number,
  batchRows: number,
  masks: Uint8Array,
  examples: Uint32Array,
  call: CallOptions = {},
): Promise<Float64Array> {
  const payoffs = new Float64Array(examples.length);
  const parts: Promise<void>[] = [];
  for (let start = 0; start < examples.length; start += batchRows) {
    const end = Math.min(start + batchRows, examples.length);
    const job = {
      kind: "rows",
      tail,
      masks: masks.slice(start * players, end * players),
      examples: examples.slice(start, end),
    } as const;
    parts.push(
      runner.pool.run(job, { signal: call.signal }).then((values) => {
        payoffs.set(values as Float64Array, start);
      }),
    );
  }
  await Promise.all(parts);
  return payoffs;
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
  const needed = layouts.reduce((sum, layout) => sum + dataset.size * exampleBytes(layout), 0);
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
