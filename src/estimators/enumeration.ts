/** @file Sums over listed coalitions, exact on every example: all of them, or those near either end. */
import { PrunerError } from "../base/problem.ts";
import { advanceSubset, unrankSubset } from "../games/coalitions.ts";
import type { Game } from "../games/game.ts";
import { binomial } from "../math/combinatorics.ts";
import type { EstimatorOptions } from "./estimator.ts";
import {
  errorsOf,
  influencesOf,
  loadObservations,
  noObservations,
  observe,
  saveObservations,
} from "./observations.ts";
import { rowsPerCall } from "./run.ts";
import type { Rows, Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/** Coalitions that one example may take: all those of 24 players. */
export const largestEnumeration = 2 ** 24;

/**
 * Coalition sizes whose payoff enters when joining a coalition of s others weighs `weights[s]`: s and s + 1 wherever
 * the weight is not zero.
 */
function sizesOf(weights: Float64Array): number[] {
  const all = Array.from({ length: weights.length + 1 }, (_, size) => size);
  return all.filter((size) => (weights[size] ?? 0) !== 0 || (weights[size - 1] ?? 0) !== 0);
}

/**
 * Coalitions of the sizes that enter.
 * @throws {PrunerError} `too-many-coalitions` above 2^24.
 */
export function coalitionsNeeded(weights: Float64Array): number {
  const players = weights.length;
  const coalitions = sizesOf(weights).reduce((sum, size) => sum + binomial(players, size), 0);
  if (coalitions > largestEnumeration)
    throw new PrunerError("too-many-coalitions", { players, coalitions, limit: largestEnumeration });
  return coalitions;
}

/**
 * Value of player i = Σ over S without i of weights[|S|] · (v(S ∪ i) - v(S)), computed example by example. Examples are
 * visited once, in shuffled order, as many as the budget allows; an observation is the values on one example. Items
 * are stretches of the list of (example, coalition) rows, so memory does not grow with 2^n. Until the first example is
 * done the values are partial sums and the errors infinite.
 * @param weights Weight of each single coalition to join, by its size, [players].
 */
export function enumeration(game: Game, options: EstimatorOptions, weights: Float64Array): Scheme<null> {
  const { players } = game;
  const coalitions = coalitionsNeeded(weights);
  const affordable = Math.floor((options.budget.rows ?? Infinity) / coalitions);
  const used = Math.min(game.examples, affordable);
  const total = used * coalitions;
  const exampleAt = visits(game.examples, options.seed, purposes.visits);
  const list = coalitionList(players, sizesOf(weights));
  const observations = noObservations(players);
  const partial = new Float64Array(players); // sums of the example under way
  const stretch = new Float64Array(players); // sums of one item first: many small errors instead of a large one
  let isDone = false;

  const rowsOf = (item: number): number => Math.min(rowsPerCall, total - item * rowsPerCall);
  const closeStretch = (): void => {
    for (let i = 0; i < players; i++) partial[i] = partial[i]! + stretch[i]!;
    stretch.fill(0);
  };
  return {
    layout: { used, coalitions },
    items: Math.ceil(total / rowsPerCall),
    ends: used === game.examples ? "complete" : "budget",
    costly: false,
    rowsOf,
    write(item, { masks, examples }, row) {
      for (let k = 0, left = rowsOf(item); left > 0; ) {
        const position = item * rowsPerCall + k;
        const start = position % coalitions;
        const count = Math.min(left, coalitions - start);
        list(start, count, masks, row + k);
        examples.fill(exampleAt(Math.floor(position / coalitions)), row + k, row + k + count);
        k += count;
        left -= count;
      }
      return null;
    },
    fold(item, _note, rows, row) {
      for (let k = 0; k < rowsOf(item); k++) {
        addRow(rows, row + k, weights, stretch);
        if ((item * rowsPerCall + k + 1) % coalitions !== 0) continue;
        closeStretch();
        observe(observations, partial);
        partial.fill(0);
      }
      closeStretch();
      isDone = observations.moments.count === used;
    },
    figures: () => ({
      values: observations.moments.count > 0 ? observations.moments.mean.slice() : partial.slice(),
      standardErrors: game.examples === 1 && isDone ? new Float64Array(players) : errorsOf(observations),
      observations: observations.moments.count,
      influences: () => influencesOf(observations),
    }),
    save: () => ({ ...saveObservations(observations), partial }),
    load(saved) {
      loadObservations(observations, saved);
      const { partial: sums } = saved;
      partial.set(sums!);
      isDone = observations.moments.count === used;
    },
  };
}

/** A coalition S adds weights[|S| - 1] · v(S) to its members and takes weights[|S|] · v(S) from the others. */
function addRow({ masks, payoffs }: Rows, row: number, weights: Float64Array, into: Float64Array): void {
  const players = weights.length;
  const start = row * players;
  let size = 0;
  for (let i = 0; i < players; i++) size += masks[start + i]!;
  const gain = (weights[size - 1] ?? 0) * payoffs[row]!;
  const loss = (weights[size] ?? 0) * payoffs[row]!;
  for (let i = 0; i < players; i++) into[i] = into[i]! + (masks[start + i] === 1 ? gain : -loss);
}

/** Writes coalitions number `start` to `start + count - 1` of a list, as rows from `row` on. */
type CoalitionList = (start: number, count: number, masks: Uint8Array, row: number) => void;

/** Coalitions by size, in lexicographic order of the members (or of the absent, where these are fewer). */
function coalitionList(players: number, sizes: readonly number[]): CoalitionList {
  const subset = new Uint32Array(players);
  return (start, count, masks, row) => {
    let at = row;
    let skip = start;
    const end = row + count;
    for (const size of sizes) {
      const ofSize = binomial(players, size);
      if (skip >= ofSize) {
        skip -= ofSize;
        continue;
      }
      const listed = Math.min(size, players - size);
      unrankSubset(players, listed, skip, subset);
      for (let rank = skip; rank < ofSize && at < end; rank++, at++) {
        const first = at * players;
        masks.fill(listed === size ? 0 : 1, first, first + players);
        for (let k = 0; k < listed; k++) masks[first + subset[k]!] = listed === size ? 1 : 0;
        advanceSubset(players, subset, listed);
      }
      skip = 0;
      if (at === end) return;
    }
  };
}
