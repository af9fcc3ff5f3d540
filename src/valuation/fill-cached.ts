/** @file The worker's side of the activation cache: runs the network in front of the masks and keeps what comes out. */
import { PrunerError } from "../base/problem.ts";
import type { Session } from "../engine/engine.ts";
import { allocate, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { type Cached, copyEntries, storeEntry } from "./cached.ts";
import { holdsInfinities, overflowAt } from "./halves.ts";
import type { FillSetup, Job, SharedModel } from "./jobs.ts";

type FillJob = Extract<Job, { readonly kind: "fill" }>;

/**
 * Runs block by block; entries that other examples stand in are left alone.
 * @throws {PrunerError} `activation-overflow`, whichever examples of a block are wanted.
 */
export async function fillCached(
  open: (model: SharedModel) => Promise<Session>,
  setup: FillSetup,
  { feeds, entries, from }: FillJob,
): Promise<void> {
  const { block, values } = setup;
  const { values: kept, reads } = setup.from ?? { values: [], reads: [] };
  for (let start = 0; start < entries.length; start += block) {
    const count = Math.min(block, entries.length - start);
    const given = from === undefined ? {} : keptRows(kept, from.subarray(start, start + count));
    const read = Object.fromEntries(reads.map((name) => [name, given[name]!]));
    const own = { ...rowsOf(feeds, start, count), ...read };
    const session = await open(setup.model);
    const results = { ...given, ...(await session.run(own)) };
    await checkHalves(open, setup, own, results);
    for (const value of values) {
      const { data } = results[value.name]!;
      for (let row = 0; row < count; row++) {
        const entry = entries[start + row]!;
        if (entry >= 0) storeEntry(value, entry, data, row);
      }
    }
  }
}

/**
 * Numbers beyond the range of halves must not become infinities. Those that were infinite, or none, before they were rounded
 * stay what they are: the network has them in single precision too.
 */
async function checkHalves(
  open: (model: SharedModel) => Promise<Session>,
  { exact, values, group }: FillSetup,
  feeds: Readonly<Record<string, Tensor>>,
  results: Readonly<Record<string, Tensor>>,
): Promise<void> {
  if (exact === undefined) return;
  const halvesIn = ({ name }: Cached) => results[name]!.data as Uint16Array;
  const doubtful = values.filter((value) => value.rounded !== undefined && holdsInfinities(halvesIn(value)));
  if (doubtful.length === 0) return;
  const wanted = await (await open(exact)).run(feeds);
  for (const value of doubtful) {
    const numbers = wanted[value.rounded!]!.data as Float32Array;
    const place = overflowAt(halvesIn(value), numbers);
    if (place !== undefined)
      throw new PrunerError("activation-overflow", { value: value.rounded!, group, got: numbers[place]! });
  }
}

function rowsOf(
  feeds: Readonly<Record<string, Tensor>>,
  start: number,
  count: number,
): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dtype, shape, data }]) => {
      const size = sizeOf(shape.slice(1));
      const own = data.subarray(start * size, (start + count) * size) as TypedArray;
      return [name, { dtype, shape: [count, ...shape.slice(1)], data: own }];
    }),
  );
}

function keptRows(kept: readonly Cached[], entries: Uint32Array): Record<string, Tensor> {
  return Object.fromEntries(
    kept.map((value) => {
      const { name, dtype, shape } = value;
      const data = allocate(dtype, entries.length * sizeOf(shape));
      copyEntries(value, entries, data);
      return [name, { dtype, shape: [entries.length, ...shape], data }];
    }),
  );
}
