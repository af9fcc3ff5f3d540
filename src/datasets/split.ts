/** @file Choosing examples: disjoint parts, limits and batches, all seeded and balanced over the classes. */
import { PrunerError } from "../base/problem.ts";
import { range, shuffle, stream } from "../math/random.ts";
import type { DatasetParts } from "./dataset.ts";
import type { Labels } from "./labels.ts";

/** Keeps the draws for splits, limits and batch orders apart under one seed. */
const purposes = { split: 101, limit: 102, order: 103 } as const;

export interface SplitOptions<P extends string> {
  readonly seed: number;
  /** Shares of the whole (all at most 1, together at most 1) or numbers of examples (whole numbers). */
  readonly parts: Readonly<Record<P, number>>;
}

/**
 * Cuts a data set into disjoint parts. With one class label per example every class appears in each part in
 * proportion, to within one example of its share of what the parts before have left; otherwise the draw is uniform.
 * @returns Example indices by part, ascending.
 * @throws {PrunerError} `invalid-option` when the parts ask for too much or one would be empty.
 * @example split(dataset, { seed: 1, parts: { rank: 0.5, evaluate: 0.5 } }).rank; // Uint32Array of half the examples
 */
export function split<P extends string>(
  dataset: DatasetParts,
  options: SplitOptions<P>,
): Record<P, Uint32Array> {
  const names = Object.keys(options.parts) as P[];
  const sizes = partSizes(names, options.parts, dataset.rows.length);
  const strata = shuffledStrata(dataset.labels, dataset.rows.length, options.seed, purposes.split);
  const parts = names.map((name, k) => [name, drawFrom(strata, sizes[k]!)] as const);
  return Object.fromEntries(parts) as Record<P, Uint32Array>;
}

function partSizes<P extends string>(
  names: readonly P[],
  parts: Readonly<Record<P, number>>,
  size: number,
): number[] {
  const wanted = names.map((name) => parts[name]);
  const got = names.map((name) => `${name}: ${parts[name]}`).join(", ");
  const areShares = wanted.every((part) => part <= 1);
  const sizes = wanted.map((part) => (areShares ? Math.floor(part * size + 1e-9) : part));
  const total = sizes.reduce((sum, part) => sum + part, 0);
  const isGood = sizes.every((part) => Number.isInteger(part) && part >= 1) && total <= size;
  const isWithinWhole = !areShares || wanted.reduce((sum, part) => sum + part, 0) <= 1 + 1e-9;
  if (isGood && isWithinWhole) return sizes;
  const expected = `shares that add up to at most 1, or numbers of examples that add up to at most ${size}, none of them empty`;
  throw new PrunerError("invalid-option", { option: "split", got, expected });
}

/** Examples of one class, in random order; `next` moves as they are drawn. */
interface Stratum {
  readonly members: Uint32Array;
  next: number;
}

function shuffledStrata(labels: Labels | undefined, size: number, seed: number, purpose: number): Stratum[] {
  const groups =
    labels?.kind === "classes" && labels.shape.length === 0 ? byClass(labels.values) : [range(size)];
  return groups.map((members, k) => ({ members: shuffle(members, stream(seed, k, purpose)), next: 0 }));
}

/** Example indices per class that occurs, by ascending class. */
function byClass(labels: Int32Array): Uint32Array[] {
  const groups = new Map<number, number[]>();
  labels.forEach((label, example) => {
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [example]);
    else group.push(example);
  });
  return [...groups].sort(([a], [b]) => a - b).map(([, members]) => Uint32Array.from(members));
}

/** Takes `count` examples, from each stratum its share by largest remainder (Hamilton's method). */
function drawFrom(strata: Stratum[], count: number): Uint32Array {
  const left = strata.map(({ members, next }) => members.length - next);
  const total = left.reduce((sum, part) => sum + part, 0);
  const shares = left.map((part) => (part * count) / total);
  const takes = shares.map(Math.floor);
  const missing = count - takes.reduce((sum, part) => sum + part, 0);
  const byRemainder = shares.map((share, k) => ({ k, remainder: share - takes[k]! }));
  byRemainder.sort((a, b) => b.remainder - a.remainder || a.k - b.k);
  for (const { k } of byRemainder.slice(0, missing)) takes[k]!++;
  const drawn: number[] = [];
  strata.forEach((stratum, k) => {
    for (let j = 0; j < takes[k]!; j++) drawn.push(stratum.members[stratum.next++]!);
  });
  return Uint32Array.from(drawn).sort();
}

export interface LimitOptions {
  /** Use at most so many examples. */
  readonly limit?: number | undefined;
  /**
   * Which ones: a seeded draw that keeps the proportions of the classes (default), or the first ones. The default is
   * the draw because many sets are sorted by class, image folders always, and their first thousand examples would
   * show the network one class only.
   */
  readonly limitBy?: "draw" | "first" | undefined;
  /** Seed of the draw. Default 0. */
  readonly seed?: number | undefined;
}

/**
 * The examples a limit leaves, ascending; undefined when it leaves all.
 * @throws {PrunerError} `invalid-option` for a limit that is not a whole number of at least 1.
 */
export function limited(
  dataset: Pick<DatasetParts, "labels" | "rows">,
  { limit, limitBy = "draw", seed = 0 }: LimitOptions,
): Uint32Array | undefined {
  if (limit === undefined) return undefined;
  if (!Number.isInteger(limit) || limit < 1) {
    throw new PrunerError("invalid-option", {
      option: "limit",
      got: String(limit),
      expected: "a whole number from 1",
    });
  }
  const size = dataset.rows.length;
  if (limit >= size) return undefined;
  if (limitBy === "first") return range(limit);
  return drawFrom(shuffledStrata(dataset.labels, size, seed, purposes.limit), limit);
}

export interface BatchOptions {
  /** Examples per batch; the last one may be smaller. */
  readonly size: number;
  /** Shuffles the examples; equal seed and epoch give the equal order. Left out: ascending. */
  readonly seed?: number | undefined;
  /** Pass over the data, for a fresh order each time. Default 0. */
  readonly epoch?: number | undefined;
}

/** The example indices of each batch of one pass; every example appears exactly once. */
export function* batches(examples: number, { size, seed, epoch = 0 }: BatchOptions): Generator<Uint32Array> {
  const order = range(examples);
  if (seed !== undefined) shuffle(order, stream(seed, epoch, purposes.order));
  for (let start = 0; start < examples; start += size) yield order.subarray(start, start + size);
}
