/** @file Computes activations of examples and puts them into shared memory: from the data, or from what is kept of another game. */
import { atMost } from "../base/at-most.ts";
import type { Dataset } from "../datasets/index.ts";
import type { Model } from "../graph/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Cached, type CachedLayout, cachedIn, storeEntry } from "./cached.ts";
import type { Take } from "./chunks.ts";
import { writingHalves } from "./halves.ts";
import type { FillSetup } from "./jobs.ts";
import { macsOf } from "./macs.ts";
import type { Hold } from "./places.ts";
import { blockOf } from "./prefix-blocks.ts";
import type { Runner } from "./runner.ts";
import type { Source } from "./upstream.ts";

/** Examples that go to a thread at once, at the most. */
const examplesPerJob = 64;
/** Examples in one run of a part that starts at kept activations: any cache has room for so many. */
const largestSourcedBlock = 8;

export interface FillerOptions {
  readonly runner: Runner;
  /** Bound to the inputs of the network. */
  readonly dataset: Dataset;
  /**
   * Computes, as the network has them, the cached values that are no inputs of it or are kept in halves; absent where there
   * are none.
   */
  readonly prefix: Model | undefined;
  /** Computes them from activations of another game instead. That game has to stay open as long as this one. */
  readonly source?: Source | undefined;
  /** Cached values; those that the prefix does not compute are inputs of the network, kept as they are. */
  readonly layouts: readonly CachedLayout[];
  /** Examples there is room for. */
  readonly capacity: number;
  readonly take: Take;
  /** Named in messages. */
  readonly group: string;
}

export interface Filler {
  readonly values: readonly Cached[];
  /** Examples that are always computed together, whole multiples of so many apart. */
  readonly block: number;
  /**
   * Puts the activations of the listed examples, ascending, into their places.
   * @throws {PrunerError} `activation-overflow`; what running the prefix or reading the data throws.
   */
  readonly fill: (examples: Uint32Array, placeOf: Hold["placeOf"]) => Promise<void>;
  /** Examples that were computed, neighbours in their blocks included, … */
  readonly computed: () => number;
  /** … and the work of each, in multiply-accumulates. */
  readonly exampleMacs: number;
}

/** Makes room for activations, and a way to fill it. */
export function fillerFor(options: FillerOptions): Filler {
  const { runner, dataset, prefix, source, layouts, capacity, take, group } = options;
  const entries = Math.min(capacity, dataset.size);
  const values = layouts.map((layout) => cachedIn(layout, entries, take));
  const inputs = values.filter(({ name }) => dataset.inputs.has(name));
  const model = source?.segment ?? prefix;
  const block = blockFor(model, source);
  const setup =
    model &&
    runner.pool.pin<FillSetup>({
      model: runner.share(writingHalves(model, layouts)),
      exact: layouts.some(({ rounded }) => rounded !== undefined) ? runner.share(model) : undefined,
      values: values.filter(({ name }) => !dataset.inputs.has(name)),
      group,
      block,
      from: source && sourced(source, layouts),
    });
  const reads = source === undefined ? (prefix?.graph.inputs.map(({ name }) => name) ?? []) : [];
  const gate = atMost(2 * runner.workers + 1); // inputs of what waits would fill the memory
  let computed = 0;

  async function fillCompany(company: Uint32Array, entriesOf: Int32Array): Promise<void> {
    const feeds = inputs.length + reads.length === 0 ? {} : dataset.batch(company);
    company.forEach((_, row) => {
      const entry = entriesOf[row]!;
      if (entry >= 0) for (const value of inputs) storeEntry(value, entry, feeds[value.name]!.data, row);
    });
    if (setup === undefined) return;
    computed += company.length;
    const own = Object.fromEntries(reads.map((name) => [name, feeds[name]!]));
    const held = await source?.cache.hold(company);
    const from = held && Uint32Array.from(company, (example) => held.placeOf(example)!);
    const job = { kind: "fill", setup, feeds: own, entries: entriesOf, from } as const;
    await runner.pool.run(job, { transfer: buffersOf(own), onDone: () => held?.release() });
  }

  return {
    values,
    block,
    computed: () => computed,
    exampleMacs: model === undefined ? 0 : macsOf(model),
    async fill(examples, placeOf) {
      const wanted = new Set(examples);
      const most = Math.min(examplesPerJob, source?.cache.capacity ?? examplesPerJob);
      const jobs = companies(examples, block, most, dataset.size).map((company) => {
        const entryOf = (example: number) => (wanted.has(example) ? placeOf(example)! : -1);
        return gate(() => fillCompany(company, Int32Array.from(company, entryOf)));
      });
      await Promise.allSettled(jobs); // places are given to others only when nobody writes to them any more
      await Promise.all(jobs);
    },
  };
}

function blockFor(model: Model | undefined, source: Source | undefined): number {
  if (model === undefined) return 1;
  const block = blockOf(model);
  return source === undefined ? block : Math.min(block, largestSourcedBlock);
}

/** The kept values that a segment reads, and those that are copied. */
function sourced({ cache, segment }: Source, layouts: readonly CachedLayout[]): FillSetup["from"] {
  const reads = segment.graph.inputs.map(({ name }) => name);
  const wanted = new Set([...reads, ...layouts.map(({ name }) => name)]);
  return { reads, values: cache.values.filter(({ name }) => wanted.has(name)) };
}

function buffersOf(feeds: Readonly<Record<string, Tensor>>): ArrayBuffer[] {
  return [...new Set(Object.values(feeds).map(({ data }) => data.buffer as ArrayBuffer))];
}

/** The blocks that some examples are in, whole, some blocks at a time. */
function companies(examples: Uint32Array, block: number, most: number, total: number): Uint32Array[] {
  const starts = [...new Set(Array.from(examples, (example) => example - (example % block)))];
  const each = Math.max(1, Math.floor(most / block));
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
