/** @file Room for the effects of channels on examples: on all of them, or on as many as the ceiling allows at a time. */
import { missing, there } from "./channel-effects.ts";
import { chunksIn, type Take } from "./chunks.ts";
import type { EffectsSetup } from "./jobs.ts";
import { everyPlace, type Hold, places } from "./places.ts";
import { type EffectsPlan, slabBytes } from "./plan-effects.ts";

export interface EffectsCache {
  readonly setup: EffectsSetup;
  /**
   * Gives examples their slabs until the hold is released. What is missing there is computed by the thread that meets it
   * first.
   * @param examples At most as many different ones as there are slabs.
   */
  hold(examples: Iterable<number>): Promise<Pick<Hold, "placeOf" | "release">>;
  /** Whether the effects of a held slab have been computed. */
  isThere(slab: number): boolean;
}

/** @param slabs Examples there is room for. */
export function openEffects(plan: EffectsPlan, slabs: number, examples: number, take: Take): EffectsCache {
  const { setup } = plan;
  const count = Math.min(slabs, examples);
  const states = new Int32Array(new SharedArrayBuffer(4 * count));
  const data = chunksIn(Int32Array, count, slabBytes(setup) / 4, take);
  const room = count < examples ? places(count) : undefined;
  return {
    setup: { ...setup, data, states },
    isThere: (slab) => Atomics.load(states, slab) === there,
    async hold(wanted) {
      if (room === undefined) return everyPlace;
      const hold = await room.hold(new Set(wanted));
      for (const example of hold.fresh) Atomics.store(states, hold.placeOf(example)!, missing);
      return hold;
    },
  };
}
