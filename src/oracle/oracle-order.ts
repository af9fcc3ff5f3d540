/** @file One order that agrees with the oracle sets of all sizes as far as a single order can. */
import { bestAssignment } from "../math/assignment.ts";
import { bitCount } from "./coalition-table.ts";
import type { OracleSets } from "./oracle-sets.ts";

export interface OracleOrder {
  /** Shape [players], best first. */
  readonly order: Uint32Array;
  /** Players that the first j of the order and the oracle set of size j share, over all j from 1 to n - 1. */
  readonly overlap: number;
  /** What nested oracle sets would allow: n (n - 1) / 2. */
  readonly possible: number;
}

/**
 * The order whose first j players, summed over all sizes j, share the most players with the oracle sets.
 *
 * The player at place p (from 1) is among the first j whenever j ≥ p, so it adds the number of oracle sets of sizes
 * p to n - 1 that contain it. The total is therefore a sum of gains by (player, place), and the best order an
 * assignment of players to places, which `bestAssignment` solves exactly. Sorting by the number of oracle sets that
 * contain a player is not enough: one that is in the small sets only has to come early or adds nothing at all, one
 * that is in all large sets can wait. For nested sets both give the nested order.
 *
 * The other end is served as well: the last o of the order and the oracle set to remove of size o share
 * o - (n - o) + (what the first n - o and the set to keep share), a constant away.
 *
 * Of orders with the same overlap the one counts in which players of more oracle sets stand earlier, and of those still
 * equal the one with lower numbers earlier.
 */
export function oracleOrder({ players, keep }: OracleSets): OracleOrder {
  const base = players ** 3 + 1; // above any sum of the finer gains
  const gains = new Float64Array(players * players);
  for (let player = 0; player < players; player++) {
    const total = setsContaining(keep, player, 1, players);
    for (let place = 1; place <= players; place++) {
      const shared = setsContaining(keep, player, place, players);
      const early = players - place;
      gains[player * players + place - 1] =
        (shared * base + total * early) * base + (players - player) * early;
    }
  }
  const places = bestAssignment(players, gains);
  const order = new Uint32Array(players);
  places.forEach((place, player) => {
    order[place] = player;
  });
  return { order, overlap: overlapOf(order, keep), possible: (players * (players - 1)) / 2 };
}

/** Oracle sets of the sizes from `from` to n - 1 with the player in them. */
function setsContaining(keep: Uint32Array, player: number, from: number, players: number): number {
  let count = 0;
  for (let size = from; size < players; size++) count += (keep[size]! >>> player) & 1;
  return count;
}

/** Players shared by the first j of an order and the oracle set of size j, summed over j from 1 to n - 1. */
export function overlapOf(order: ArrayLike<number>, keep: Uint32Array): number {
  let first = 0;
  let shared = 0;
  for (let size = 1; size < order.length; size++) {
    first |= 1 << order[size - 1]!;
    shared += bitCount(first & keep[size]!);
  }
  return shared;
}
