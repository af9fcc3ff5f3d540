/** @file Coalitions as masks: one byte for each player, 1 when the player is in. */
import { binomial } from "../math/combinatorics.ts";

/**
 * Writes the coalition whose members are the set bits of `bits` (player i is bit i).
 * @param masks Receives `players` bytes from `at` on.
 */
export function writeBits(bits: number, players: number, masks: Uint8Array, at = 0): void {
  for (let i = 0; i < players; i++) masks[at + i] = (bits >>> i) & 1;
}

/** The coalition of a bit mask, as bytes; at most 32 players. */
export function maskFromBits(bits: number, players: number): Uint8Array {
  const mask = new Uint8Array(players);
  writeBits(bits, players, mask);
  return mask;
}

/** The bit mask of a coalition of at most 32 players, as an unsigned integer. */
export function bitsOfMask(mask: ArrayLike<number>): number {
  let bits = 0;
  for (let i = 0; i < mask.length; i++) bits |= mask[i]! << i;
  return bits >>> 0;
}

/** Number of members. */
export function coalitionSize(mask: ArrayLike<number>): number {
  let size = 0;
  for (let i = 0; i < mask.length; i++) size += mask[i]!;
  return size;
}

/** All 2^players coalitions in counting order, shape [2^players, players]. */
export function everyMask(players: number): Uint8Array {
  const masks = new Uint8Array(2 ** players * players);
  for (let bits = 0; bits < 2 ** players; bits++) writeBits(bits, players, masks, bits * players);
  return masks;
}

/**
 * Writes the coalitions formed by the first `from`, `from + 1`, … `to` players of an order, one row each.
 * @param masks Zero where rows are written; receives shape [to - from + 1, players] from row `row` on.
 */
export function writePrefixes(
  order: ArrayLike<number>,
  from: number,
  to: number,
  masks: Uint8Array,
  row: number,
): void {
  const players = order.length;
  const first = row * players;
  for (let k = 0; k < from; k++) masks[first + order[k]!] = 1;
  for (let size = from + 1, at = first + players; size <= to; size++, at += players) {
    masks.copyWithin(at, at - players, at);
    masks[at + order[size - 1]!] = 1;
  }
}

/** Every prefix of an order, the empty and the grand coalition included; shape [players + 1, players]. */
export function prefixMasks(order: ArrayLike<number>): Uint8Array {
  const masks = new Uint8Array((order.length + 1) * order.length);
  writePrefixes(order, 0, order.length, masks, 0);
  return masks;
}

/**
 * The subset number `rank` among all subsets of `size` of `players` items, in lexicographic order.
 * @param subset Receives the members in ascending order, [size].
 */
export function unrankSubset(players: number, size: number, rank: number, subset: Uint32Array): void {
  let left = rank;
  let next = 0;
  for (let k = 0; k < size; k++) {
    for (;;) {
      const starting = binomial(players - next - 1, size - k - 1); // subsets that go on with `next`
      if (left < starting) break;
      left -= starting;
      next++;
    }
    subset[k] = next++;
  }
}

/** Moves to the next subset in lexicographic order, in place; false after the last one. */
export function advanceSubset(players: number, subset: Uint32Array, size: number): boolean {
  let k = size - 1;
  while (k >= 0 && subset[k] === players - size + k) k--;
  if (k < 0) return false;
  subset[k] = subset[k]! + 1;
  for (let j = k + 1; j < size; j++) subset[j] = subset[j - 1]! + 1;
  return true;
}
