/** @file In which order examples are visited: every example once, shuffled, then all again in another order. */
import { randomOrder, stream, uniform } from "../math/random.ts";

/** Streams for different uses of one seed; from `strata` on two for each stratum. */
export const purposes = { items: 0, visits: 1, heads: 2, sizes: 3, subsets: 4, draws: 5, strata: 8 } as const;

/**
 * The example at each position of the endless sequence of shuffled epochs.
 * Fast when positions are asked for more or less in order.
 */
export function visits(examples: number, seed: number, purpose: number): (position: number) => number {
  if (examples === 1) return () => 0;
  let epoch = -1;
  let order: Uint32Array = new Uint32Array(0);
  return (position) => {
    const wanted = Math.floor(position / examples);
    if (wanted !== epoch) {
      epoch = wanted;
      order = randomOrder(examples, stream(seed, epoch, purpose));
    }
    return order[position % examples]!;
  };
}

/** Steps by the golden ratio: numbers that follow one another lie apart. */
const goldenStep = (Math.sqrt(5) - 1) / 2;
/** Largest 32-bit float below 1. */
const belowOne = 1 - 2 ** -24;

/** A number from 0 to below 1 for each position, in a sequence that fills the range evenly, from a random start. */
export function evenDraws(seed: number): (position: number) => number {
  const start = uniform(stream(seed, 0, purposes.draws));
  return (position) => Math.min(belowOne, (start + position * goldenStep) % 1);
}
