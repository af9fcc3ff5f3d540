/** @file For every size the best set to keep, and with it the best set to remove. */
import { binomial } from "../math/combinatorics.ts";
import { bitCount, type CoalitionTable } from "./coalition-table.ts";

/**
 * Oracle sets of a group. The best set to remove of size o is what the best set to keep of size n - o leaves out, so
 * one list serves both ends.
 */
export interface OracleSets {
  readonly players: number;
  /** Shape [players + 1]: the kept set of each size with the highest worth, as bits. */
  readonly keep: Uint32Array;
  /** Shape [players + 1]: its worth. */
  readonly best: Float64Array;
  /** Shape [players + 1]: how many sets of the size are worth exactly as much, itself included. */
  readonly ties: Uint32Array;
  /** Shape [players + 1]: mean worth of all sets of the size, which is what a random ranking gets. */
  readonly mean: Float64Array;
  /** Shape [players + 1]: the lowest worth of any set of the size. */
  readonly worst: Float64Array;
}

/**
 * Reads the oracle sets off a table. Of sets that are worth exactly the same that one counts which shares the most
 * players with the oracle set one larger, and of those still equal the one with the lowest number (bit i for player i):
 * the answer does not depend on the order of work, and ties do not break nesting where they need not. `ties` says how
 * often that decided.
 */
export function oracleSets({ players, values }: CoalitionTable): OracleSets {
  const sizes = players + 1;
  const keep = new Uint32Array(sizes);
  const best = new Float64Array(sizes).fill(-Infinity);
  const worst = new Float64Array(sizes).fill(Infinity);
  const ties = new Uint32Array(sizes);
  const total = new Float64Array(sizes);
  for (let bits = 0; bits < values.length; bits++) {
    const size = bitCount(bits);
    const worth = values[bits]!;
    total[size] = total[size]! + worth;
    if (worth < worst[size]!) worst[size] = worth;
    if (worth === best[size]!) ties[size] = ties[size]! + 1;
    if (worth <= best[size]!) continue;
    best[size] = worth;
    keep[size] = bits;
    ties[size] = 1;
  }
  for (let size = players - 1; size > 0; size--) {
    if (ties[size]! > 1) keep[size] = closestTo(keep[size + 1]!, values, size, best[size]!);
  }
  return { players, keep, best, ties, worst, mean: total.map((sum, size) => sum / binomial(players, size)) };
}

/** Of the sets of a size with this worth, the first of those that share the most players with another set. */
function closestTo(other: number, values: Float64Array, size: number, worth: number): number {
  let found = 0;
  let shared = -1;
  for (let bits = 0; bits < values.length && shared < size; bits++) {
    if (values[bits] !== worth || bitCount(bits) !== size) continue;
    const common = bitCount(bits & other);
    if (common <= shared) continue;
    shared = common;
    found = bits;
  }
  return found;
}

/** How far oracle sets of neighbouring sizes fail to contain each other. */
export interface Nesting {
  /** Pairs of neighbouring sizes that could fail: from sizes 1 and 2 to sizes n - 2 and n - 1. */
  readonly steps: number;
  /** Pairs where the smaller set is not inside the larger one. */
  readonly failures: number;
  /** Sizes s whose set is not inside that of size s + 1. */
  readonly failingSizes: readonly number[];
  /** Players of smaller sets that the next larger one leaves out, over all pairs. */
  readonly playersLeftOut: number;
}

/** Where no single ranking can follow the oracle sets, since these are not nested. */
export function nestingOf({ players, keep }: OracleSets): Nesting {
  const failingSizes: number[] = [];
  let playersLeftOut = 0;
  for (let size = 1; size < players - 1; size++) {
    const leftOut = bitCount(keep[size]! & ~keep[size + 1]!);
    playersLeftOut += leftOut;
    if (leftOut > 0) failingSizes.push(size);
  }
  return { steps: Math.max(0, players - 2), failures: failingSizes.length, failingSizes, playersLeftOut };
}
