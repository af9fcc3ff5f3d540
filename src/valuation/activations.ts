/** @file What a game keeps of the network in front of its masks. */
import type { Cached } from "./cached.ts";
import type { Hold } from "./places.ts";

export interface ActivationCache {
  /** In shared memory, `capacity` entries each. */
  readonly values: readonly Cached[];
  readonly capacity: number;
  /** Whether there is room for every example. */
  readonly isWhole: boolean;
  /**
   * Sees to it that the activations of some examples are in memory and stay there until the hold is released: when no
   * thread reads them any more. `placeOf` gives the entry of an example in `values`.
   * @param examples At most `capacity` different ones.
   * @throws {PrunerError} What running the prefix or reading the data throws.
   */
  hold(examples: Iterable<number>): Promise<Pick<Hold, "placeOf" | "release">>;
  /** Examples the prefix has been run on, neighbours in their blocks included, … */
  computed(): number;
  /** … and the work of each, in multiply-accumulates. */
  readonly exampleMacs: number;
}
