/** @file Seeded random streams: stream i belongs to work item i, whoever computes it and in whatever order. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** A source of random bits that moves on with every draw. */
export type RandomStream = RandomGenerator;

/** Integers that can be shuffled in place. */
export type IntegerArray = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/**
 * The generator of one work item (xoroshiro128+, 128 bits of state). Seed, purpose and index are hashed together, so
 * that neighbouring indices share nothing and no stream has to be run forward to reach another.
 * @param seed Any safe integer.
 * @param index Work item, a safe integer of at least 0.
 * @param purpose Keeps streams for different uses of one seed apart, for example orders and visiting sequences.
 */
export function stream(seed: number, index: number, purpose = 0): RandomStream {
  const state = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f].map((lane) => {
    let hash = lane;
    for (const value of [seed, purpose, index]) {
      hash = mixed(hash, value | 0);
      hash = mixed(hash, Math.floor(value / 4294967296) | 0);
    }
    return avalanche(hash);
  });
  if (!state.some((word) => word !== 0)) state[0] = 1; // the one state this generator never leaves
  return xoroshiro128plusFromState(state);
}

/** One round of MurmurHash3 (x86, 32 bit). */
function mixed(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** The finisher of MurmurHash3: every input bit reaches every output bit. */
function avalanche(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A number in [0, 1), a multiple of 2^-53. */
export function uniform(random: RandomStream): number {
  return uniformFloat64(random);
}

/** An integer from 0 to `limit` - 1, each equally likely. */
export function below(limit: number, random: RandomStream): number {
  return uniformInt(random, 0, limit - 1);
}

/** A standard normal deviate (polar method of Marsaglia; the second of each pair is dropped to stay without state). */
export function normal(random: RandomStream): number {
  for (;;) {
    const x = 2 * uniform(random) - 1;
    const y = 2 * uniform(random) - 1;
    const square = x * x + y * y;
    if (square > 0 && square < 1) return x * Math.sqrt((-2 * Math.log(square)) / square);
  }
}

/** Puts the items into a random order, in place, every order equally likely (Fisher and Yates). */
export function shuffle<A extends IntegerArray>(items: A, random: RandomStream): A {
  for (let last = items.length - 1; last > 0; last--) {
    const other = below(last + 1, random);
    const kept = items[last]!;
    items[last] = items[other]!;
    items[other] = kept;
  }
  return items;
}

/** The integers from 0 to `count` - 1 in order. */
export function range(count: number): Uint32Array {
  const items = new Uint32Array(count);
  for (let k = 0; k < count; k++) items[k] = k;
  return items;
}

/** The integers from 0 to `count` - 1 in a random order. */
export function randomOrder(count: number, random: RandomStream): Uint32Array {
  return shuffle(range(count), random);
}

/**
 * Brings `size` random items to the front, in place, each subset equally likely; the rest follow in some order.
 * Costs `size` draws, so callers with a large subset draw its complement.
 */
export function drawToFront<A extends IntegerArray>(items: A, size: number, random: RandomStream): A {
  for (let k = 0; k < size; k++) {
    const other = k + below(items.length - k, random);
    const kept = items[k]!;
    items[k] = items[other]!;
    items[other] = kept;
  }
  return items;
}

/** `size` different integers below `count`, in random order. */
export function sampleWithoutReplacement(count: number, size: number, random: RandomStream): Uint32Array {
  if (size > count) throw new RangeError(`cannot draw ${size} different integers below ${count}`);
  return drawToFront(range(count), size, random).slice(0, size);
}
