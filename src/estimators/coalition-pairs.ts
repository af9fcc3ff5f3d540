/** @file Coalitions and their complements on small groups of examples: what three estimators have in common. */
import { unrankSubset } from "../games/coalitions.ts";
import type { Game } from "../games/game.ts";
import { binomial } from "../math/combinatorics.ts";
import { drawToFront, randomOrder, range, stream, uniform } from "../math/random.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { sharedBy } from "./groups.ts";
import { rowsPerCall } from "./run.ts";
import type { Rows, Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/**
 * Writes the smaller half of pair `item` (a coalition of at most n/2 players; its complement is the other half).
 * @param mask Zero before; receives the coalition, [players].
 * @returns its size.
 */
export type DrawPair = (item: number, mask: Uint8Array) => number;

/** How pairs and examples are spread over a budget. */
export interface PairLayout {
  /** Examples on which the empty and the grand coalition are evaluated, before all else. */
  readonly headExamples: number;
  readonly headItems: number;
  /** Examples that share a pair. */
  readonly group: number;
  readonly pairs: number;
  /**
   * True when the budget affords every pair on every example; then each is taken once and nothing is drawn. Never with
   * a rule that may end the run early, as half a table is worth little.
   */
  readonly isFull: boolean;
}

const headChunk = Math.floor(rowsPerCall / 2);

/** The full table is taken up to this many rows; beyond, sampling is the better use of any budget. */
const largestTable = 2 ** 24;

/** Share of the rows that v(all) - v(none) may take: it moves all values together and decides no rank. */
const headShare = 0.1;

export interface PairNeeds {
  /** Pairs without which there is no answer; `minimumBudget` asks for these and one example for v(all) - v(none). */
  readonly fewest: number;
  /** Pairs below which a group of examples shrinks in favour of more pairs. */
  readonly wanted: number;
  /** Whether the estimator can use the full table. */
  readonly allowFull: boolean;
}

export function layoutOf(
  game: Game,
  options: EstimatorOptions,
  { fewest, wanted, allowFull }: PairNeeds,
): PairLayout {
  const { players, examples } = game;
  const rows = options.budget.rows ?? Number.POSITIVE_INFINITY;
  const table = 2 ** players * examples;
  const mayStopEarly =
    options.stop !== undefined ||
    options.budget.seconds !== undefined ||
    options.budget.precision !== undefined;
  if (players === 1 || (allowFull && !mayStopEarly && table <= Math.min(rows, largestTable))) {
    const headExamples = Math.min(examples, Math.floor(rows / 2));
    const pairs = (2 ** (players - 1) - 1) * examples;
    return { headExamples, headItems: Math.ceil(headExamples / headChunk), group: 1, pairs, isFull: true };
  }
  const share = Math.max(2, Math.floor((rows * headShare) / 2)); // two examples give a first error
  const headExamples = Math.max(1, Math.min(examples, share, Math.floor(rows / 2) - fewest));
  const left = { rows: rows - 2 * headExamples };
  const group = sharedBy(game, { ...options, budget: left }, 2, wanted);
  const pairs = Math.floor(left.rows / (2 * group));
  return { headExamples, headItems: Math.ceil(headExamples / headChunk), group, pairs, isFull: false };
}

/** Receives the results of a run over pairs. */
export interface PairSink {
  /** v(all) - v(none) on one example. */
  addTotal(total: number): void;
  /** Half of v(S) - v(complement), as a mean over the group's examples; `mask` is S, of `size` players. */
  addPair(pair: number, half: number, mask: Uint8Array, size: number): void;
  figures: Scheme<number>["figures"];
}

/**
 * The scheme of an estimator that needs v(all) - v(none) and the half differences of pairs. The state of a run is the
 * list of those numbers: they are folded again on resumption, with masks drawn anew, so saving costs 8 bytes a pair.
 */
export function pairScheme(
  game: Game,
  options: EstimatorOptions,
  layout: PairLayout,
  draw: DrawPair,
  sink: PairSink,
): Scheme<number> {
  const { players, examples } = game;
  const { headExamples, headItems, group, pairs, isFull } = layout;
  const headAt = visits(examples, options.seed, purposes.heads);
  const visitAt = visits(examples, options.seed, purposes.visits);
  const exampleAt = (pair: number, k: number): number =>
    isFull ? pair % examples : visitAt(pair * group + k);
  const pairOf = (item: number): number =>
    isFull ? Math.floor((item - headItems) / examples) : item - headItems;
  const headSize = (item: number): number => Math.min(headChunk, headExamples - item * headChunk);
  const totals: number[] = [];
  const halves: number[] = [];
  const scratch = new Uint8Array(players);

  const addTotal = (total: number): void => {
    totals.push(total);
    sink.addTotal(total);
  };
  const addPair = (half: number, mask: Uint8Array, size: number): void => {
    sink.addPair(halves.length, half, mask, size);
    halves.push(half);
  };
  return {
    layout: { headExamples, group, order: isFull ? "table" : "drawn" },
    items: headItems + pairs,
    ends: isFull && headExamples === examples ? "complete" : "budget",
    costly: true,
    rowsOf: (item) => 2 * (item < headItems ? headSize(item) : group),
    write(item, { masks, examples: rowExamples }, row) {
      if (item < headItems) {
        for (let k = 0; k < headSize(item); k++) {
          masks.fill(1, (row + 2 * k + 1) * players, (row + 2 * k + 2) * players);
          rowExamples.fill(headAt(item * headChunk + k), row + 2 * k, row + 2 * k + 2);
        }
        return 0;
      }
      const at = row * players;
      const size = draw(pairOf(item), masks.subarray(at, at + players));
      for (let i = 0; i < players; i++) masks[at + players + i] = 1 - masks[at + i]!;
      for (let k = 0; k < group; k++) {
        if (k > 0) masks.copyWithin(at + 2 * k * players, at, at + 2 * players);
        rowExamples.fill(exampleAt(item - headItems, k), row + 2 * k, row + 2 * k + 2);
      }
      return size;
    },
    fold(item, size, rows, row) {
      const { masks, payoffs } = rows;
      if (item < headItems) {
        for (let k = 0; k < headSize(item); k++) addTotal(payoffs[row + 2 * k + 1]! - payoffs[row + 2 * k]!);
        return;
      }
      addPair(halfDifference(rows, row, group), masks.subarray(row * players, (row + 1) * players), size);
    },
    figures: () => sink.figures(),
    save: () => ({ totals: Float64Array.from(totals), halves: Float64Array.from(halves) }),
    load(saved) {
      const { totals: oldTotals, halves: oldHalves } = saved;
      oldTotals!.forEach(addTotal);
      oldHalves!.forEach((half, pair) => {
        scratch.fill(0);
        const size = draw(isFull ? Math.floor(pair / examples) : pair, scratch);
        addPair(half, scratch, size);
      });
    },
  };
}

function halfDifference({ payoffs }: Rows, row: number, group: number): number {
  let sum = 0;
  for (let k = 0; k < group; k++) sum += payoffs[row + 2 * k]! - payoffs[row + 2 * k + 1]!;
  return sum / (2 * group);
}

/** Pairs in counting order: pair p is the coalition of the bits of p + 1, without the last player. */
export function everyPair(players: number): DrawPair {
  return (pair, mask) => {
    let size = 0;
    for (let i = 0; i < players - 1; i++) {
      mask[i] = ((pair + 1) >>> i) & 1;
      size += mask[i]!;
    }
    return size;
  };
}

/** A pair whose size follows the Shapley kernel, p(s) ∝ 1 / (s (n - s)), and is otherwise uniform. */
export function kernelPairs(players: number, seed: number): DrawPair {
  const upTo = new Float64Array(players); // Σ of 1 / (s (n - s)) up to s
  for (let size = 1; size < players; size++) upTo[size] = upTo[size - 1]! + 1 / (size * (players - size));
  const members = range(players);
  return (pair, mask) => {
    const random = stream(seed, pair, purposes.items);
    const level = uniform(random) * upTo[players - 1]!;
    let size = 1;
    while (size < players - 1 && upTo[size]! <= level) size++;
    drawToFront(resetRange(members), size, random);
    for (let k = 0; k < size; k++) mask[members[k]!] = 1;
    return size;
  };
}

/** Subsets of sizes with at most this many are visited in shuffled epochs, so that none repeats before all had a turn. */
const largestShuffled = 2 ** 16;

/**
 * Every pair of sizes {s, n - s} in turn, in shuffled rounds (uniform over sizes, which is close to the leverage of
 * the regression's rows), and small sizes without replacement.
 */
export function leveragePairs(players: number, seed: number): DrawPair {
  const half = Math.floor(players / 2);
  const members = range(players);
  const subset = new Uint32Array(half);
  let round = -1;
  let sizes: Uint32Array = new Uint32Array(0);
  const epochs = new Map<number, { readonly epoch: number; readonly order: Uint32Array }>();
  /** Rank of the subset that the given visit to a size takes. */
  const rankAt = (size: number, visit: number, count: number): number => {
    const epoch = Math.floor(visit / count);
    let known = epochs.get(size);
    if (known?.epoch !== epoch) {
      known = { epoch, order: randomOrder(count, stream(seed, epoch * players + size, purposes.subsets)) };
      epochs.set(size, known);
    }
    return known.order[visit % count]!;
  };
  return (pair, mask) => {
    const visit = Math.floor(pair / half);
    if (visit !== round) {
      round = visit;
      sizes = randomOrder(half, stream(seed, round, purposes.sizes));
    }
    const size = sizes[pair % half]! + 1;
    const count = size * 2 === players ? binomial(players, size) / 2 : binomial(players, size);
    if (count <= largestShuffled) {
      // in lexicographic order the first half of the size n/2 are those with player 0: one of each pair
      unrankSubset(players, size, rankAt(size, visit, count), subset);
      for (let k = 0; k < size; k++) mask[subset[k]!] = 1;
    } else {
      drawToFront(resetRange(members), size, stream(seed, pair, purposes.items));
      for (let k = 0; k < size; k++) mask[members[k]!] = 1;
    }
    return size;
  };
}

function resetRange(members: Uint32Array): Uint32Array {
  for (let k = 0; k < members.length; k++) members[k] = k;
  return members;
}
