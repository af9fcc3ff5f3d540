/** @file How well a ranking agrees with the oracle: overlap at both ends, regret, rank correlations. */
import { ascending, kendallTauB, spearman } from "../math/ranks.ts";
import { mean } from "../math/sums.ts";
import type { CoalitionTable } from "./coalition-table.ts";
import type { OracleSets } from "./oracle-sets.ts";

/** Sizes that the scores of a ranking cover unless asked otherwise. */
export const defaultDepth = 5;

export interface Judgement {
  /** Overlap with the best sets to keep, 0 to 1, over sizes 1 to `depth`. */
  readonly add: number;
  /** Overlap with the best sets to remove, likewise. */
  readonly remove: number;
  /** `add` and `remove` for depths 1, 2, … */
  readonly addByDepth: readonly number[];
  readonly removeByDepth: readonly number[];
  /** Shape [players - 1]: share of the best k to keep that are among the ranking's first k, for k = 1, 2, … */
  readonly overlapAt: readonly number[];
  /** Shape [players - 1]: worth of the oracle set of size k less that of the ranking's first k, in the payoff's unit. */
  readonly regret: readonly number[];
  readonly regretMean: number;
  readonly regretMax: number;
  /** Mean regret as a share of what a random ranking loses; null where that is nothing. */
  readonly regretOfRandom: number | null;
  /** Kendall's tau-b and Spearman's rho with other scores of the players, ties counted as such. */
  readonly agreement: Readonly<
    Record<string, { readonly kendall: number | null; readonly spearman: number | null }>
  >;
}

/** What `add` and `remove` are for a random ranking on average: (2 o + 1) / (3 n). @example randomScore(10, 5); // 0.3667 */
export function randomScore(players: number, depth: number): number {
  return (2 * depth + 1) / (3 * players);
}

/** The depth asked for, as far as the group has sizes that are neither none nor all. */
export function depthFor(players: number, depth = defaultDepth): number {
  return Math.max(1, Math.min(depth, players - 1));
}

/**
 * Probability of each player to be among the first `size` when equal scores are ordered at random.
 * @param scores Shape [players], higher is better.
 */
export function shareAmongFirst(scores: ArrayLike<number>, size: number): Float64Array {
  const order = ascending(scores).reverse();
  const shares = new Float64Array(scores.length);
  for (let start = 0; start < size; ) {
    const score = scores[order[start]!]!;
    let end = start + 1;
    while (end < order.length && scores[order[end]!] === score) end++;
    for (let k = start; k < end; k++) shares[order[k]!] = Math.min(1, (size - start) / (end - start));
    start = end;
  }
  return shares;
}

/**
 * Holds scores against oracle sets.
 *
 * add(o) = Σ_{j≤o} |K_j ∩ first j| / Σ_{j≤o} j with K_j the best set to keep, and remove(o) likewise with the best
 * sets to remove and the last j. Equal scores share their places: each tied player counts with the probability it
 * would have if ties were broken at random. Regret needs a definite set; there the lower number comes first among
 * equals, as when pruning.
 * @param scores Shape [players], higher is better.
 * @param against Other scores to correlate with, by name.
 */
export function judge(
  scores: ArrayLike<number>,
  table: CoalitionTable,
  sets: OracleSets,
  {
    depth,
    against = {},
  }: { readonly depth?: number; readonly against?: Readonly<Record<string, ArrayLike<number>>> },
): Judgement {
  const { players } = sets;
  const deepest = depthFor(players, depth);
  const overlaps = overlapsOf(scores, sets);
  const fromBelow = overlaps.map((shared, k) => shared + players - 2 * (k + 1)); // of the sets to remove of size n - k - 1
  const regret = regretOf(scores, table, sets);
  const regretMean = mean(regret);
  const random = mean(Array.from(sets.best, (best, size) => best - sets.mean[size]!).slice(1, -1));
  const addByDepth = cumulative(overlaps, deepest);
  const removeByDepth = cumulative([...fromBelow].reverse(), deepest);
  return {
    add: addByDepth.at(-1)!,
    remove: removeByDepth.at(-1)!,
    addByDepth,
    removeByDepth,
    overlapAt: overlaps.map((shared, k) => shared / (k + 1)),
    regret,
    regretMean,
    regretMax: Math.max(...regret),
    regretOfRandom: random > 0 ? regretMean / random : null,
    agreement: Object.fromEntries(
      Object.entries(against).map(([name, other]) => [
        name,
        { kendall: orNull(kendallTauB(scores, other)), spearman: orNull(spearman(scores, other)) },
      ]),
    ),
  };
}

/** Expected |K_k ∩ first k| for k = 1 to n - 1. */
function overlapsOf(scores: ArrayLike<number>, { players, keep }: OracleSets): number[] {
  return Array.from({ length: players - 1 }, (_, k) => {
    const shares = shareAmongFirst(scores, k + 1);
    let shared = 0;
    for (let i = 0; i < players; i++) if (((keep[k + 1]! >>> i) & 1) === 1) shared += shares[i]!;
    return shared;
  });
}

function cumulative(overlaps: readonly number[], depth: number): number[] {
  let shared = 0;
  let possible = 0;
  return overlaps.slice(0, depth).map((overlap, k) => {
    shared += overlap;
    possible += k + 1;
    return shared / possible;
  });
}

/** From best to worst, lower numbers first among equals. */
export function bestFirst(scores: ArrayLike<number>): Uint32Array {
  return ascending(Float64Array.from(scores, (score) => -score));
}

function regretOf(scores: ArrayLike<number>, { values }: CoalitionTable, { best }: OracleSets): number[] {
  const order = bestFirst(scores);
  let first = 0;
  return Array.from(order.subarray(0, -1), (player, k) => {
    first |= 1 << player;
    return best[k + 1]! - values[first >>> 0]!;
  });
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
