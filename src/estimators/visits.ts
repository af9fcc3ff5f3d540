/** @file In which order examples are visited: every example once, shuffled, then all again in another order. */
import { randomOrder, stream } from "../math/random.ts";

/** Streams for different uses of one seed; from `strata` on two for each stratum. */
export const purposes = { items: 0, visits: 1, heads: 2, sizes: 3, subsets: 4, strata: 8 } as const;

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
