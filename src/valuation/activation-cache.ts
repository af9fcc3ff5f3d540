/**
 * @file Activations that enter a game, ready for jobs that name examples: all of them computed once, or, where they do
 * not fit, as many as the ceiling allows and the others whenever they are needed. Both ways give the same bytes.
 */
import { atMost } from "../base/at-most.ts";
import { mapInOrder } from "../base/map-in-order.ts";
import { batches, type Dataset } from "../datasets/index.ts";
import type { Model } from "../graph/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Cached, type CachedLayout, cachedIn, storeEntry } from "./cached.ts";
import type { Take } from "./chunks.ts";
import type { FillSetup } from "./jobs.ts";
import { everyPlace, type Hold, places } from "./places.ts";
import { blockOf } from "./prefix-blocks.ts";
import type { Runner } from "./runner.ts";

/** Examples that go to a thread at once, at the most. */
const examplesPerJob = 64;

export interface CacheOptions {
  readonly runner: Runner;
  /** Bound to the inputs of the network. */
  readonly dataset: Dataset;
  /** Computes the cached values that are no inputs of the network; absent where all are. */
  readonly prefix: Model | undefined;
  /** Cached values; those that the prefix does not compute are inputs of the network. */
  readonly layouts: readonly CachedLayout[];
  /** Examples there is room for. With room for all, all are computed before the cache is handed out. */
  readonly capacity: number;
  readonly take: Take;
  readonly signal?: AbortSignal | undefined;
  /** Told while a whole cache is computed. */
  readonly onCached?: ((done: number, total: number) => void) | undefined;
}

export interface ActivationCache {
  /** In shared memory, `capacity` entries each. */
  readonly values: readonly Cached[];
  readonly capacity: number;
  /** Whether there is room for every example. */
  readonly isWhole: boolean;
  /**
   * Sees to it that the activations of some examples are in memory and stay there until the hold is released: when no
   * thread reads them any more. `placeOf` gives the entry of an example in `values`.
   * @param examples At most `capacity` different ones.
   * @throws {PrunerError} What running the prefix or reading the data throws.
   */
  hold(examples: Iterable<number>): Promise<Pick<Hold, "placeOf" | "release">>;
  /** Examples the prefix has been run on, neighbours in their blocks included. */
  computed(): number;
}

/** @throws {PrunerError} What running the prefix or reading the data throws; the signal's reason when aborted. */
export async function openActivations(options: CacheOptions): Promise<ActivationCache> {
  const filler = fillerFor(options);
  const { capacity, dataset } = options;
  const isWhole = capacity >= dataset.size;
  const base = { values: filler.values, capacity, isWhole, computed: filler.computed };
  if (!isWhole) return { ...base, hold: holdIn(filler, capacity) };
  await fillAll(filler, options);
  return { ...base, hold: () => Promise.resolve(everyPlace) };
}

async function fillAll(filler: Filler, { dataset, runner, signal, onCached }: CacheOptions): Promise<void> {
  const fill = async (examples: Uint32Array) => {
    signal?.throwIfAborted();
    await filler.fill(examples, everyPlace.placeOf);
    return examples.length;
  };
  const each = batches(dataset.size, { size: examplesPerJob });
  let done = 0;
  for await (const count of mapInOrder(each, fill, 2 * runner.workers + 1)) {
    done += count;
    if (filler.computes) onCached?.(done, dataset.size);
  }
}

/** Activations of examples come and go; who needs one that another is computing waits for it. */
function holdIn(filler: Filler, capacity: number): ActivationCache["hold"] {
  const room = places(capacity);
  const underWay = new Map<number, Promise<void>>();
  return async (examples) => {
    const keys = new Set(examples);
    const hold = await room.hold(keys);
    if (hold.fresh.length > 0) {
      const fresh = Uint32Array.from(hold.fresh).sort();
      const filling = filler.fill(fresh, hold.placeOf).catch((error: unknown) => {
        for (const example of fresh) room.forget(example);
        throw error;
      });
      for (const example of fresh) underWay.set(example, filling);
      const settled = () => {
        for (const example of fresh) underWay.delete(example);
      };
      filling.then(settled, settled);
    }
    try {
      await Promise.all(new Set([...keys].flatMap((key) => underWay.get(key) ?? [])));
    } catch (error) {
      hold.release();
      throw error;
    }
    return hold;
  };
}

interface Filler {
  readonly values: readonly Cached[];
  /** Whether anything is computed; inputs of the network are copied. */
  readonly computes: boolean;
  /** Puts the activations of the listed examples, ascending, into their places. */
  readonly fill: (examples: Uint32Array, placeOf: Hold["placeOf"]) => Promise<void>;
  readonly computed: () => number;
}

function fillerFor({ runner, dataset, prefix, layouts, capacity, take }: CacheOptions): Filler {
  const entries = Math.min(capacity, dataset.size);
  const values = layouts.map((layout) => cachedIn(layout, entries, take));
  const inputs = values.filter(({ name }) => dataset.inputs.has(name));
  const block = prefix === undefined ? 1 : blockOf(prefix);
  const reads = prefix?.graph.inputs.map(({ name }) => name) ?? [];
  const setup: FillSetup | undefined = prefix && {
    model: runner.share(prefix),
    values: values.filter(({ name }) => !dataset.inputs.has(name)),
    block,
  };
  const gate = atMost(2 * runner.workers + 1); // inputs of what waits would fill the memory
  let computed = 0;

  async function fillBlocks(company: Uint32Array, entries: Int32Array): Promise<void> {
    const feeds = dataset.batch(company);
    company.forEach((_, row) => {
      const entry = entries[row]!;
      if (entry >= 0) for (const value of inputs) storeEntry(value, entry, feeds[value.name]!.data, row);
    });
    if (setup === undefined) return;
    computed += company.length;
    const own = Object.fromEntries(reads.map((name) => [name, feeds[name]!]));
    await runner.pool.run({ kind: "fill", setup, feeds: own, entries }, { transfer: buffersOf(own) });
  }

  return {
    values,
    computes: setup !== undefined,
    computed: () => computed,
    async fill(examples, placeOf) {
      const wanted = new Set(examples);
      const jobs = companies(examples, block, dataset.size).map((company) =>
        gate(() =>
          fillBlocks(
            company,
            Int32Array.from(company, (example) => (wanted.has(example) ? placeOf(example)! : -1)),
          ),
        ),
      );
      await Promise.allSettled(jobs); // places are given to others only when nobody writes to them any more
      await Promise.all(jobs);
    },
  };
}

function buffersOf(feeds: Readonly<Record<string, Tensor>>): ArrayBuffer[] {
  return [...new Set(Object.values(feeds).map(({ data }) => data.buffer as ArrayBuffer))];
}

/** The blocks that some examples are in, whole, some blocks at a time. */
function companies(examples: Uint32Array, block: number, total: number): Uint32Array[] {
  const starts = [...new Set(Array.from(examples, (example) => example - (example % block)))];
  const each = Math.max(1, Math.floor(examplesPerJob / block));
  return Array.from({ length: Math.ceil(starts.length / each) }, (_, k) =>
    Uint32Array.from(
      starts
        .slice(k * each, (k + 1) * each)
        .flatMap((start) =>
          Array.from({ length: Math.min(block, total - start) }, (_, offset) => start + offset),
        ),
    ),
  );
}
