/**
 * @file Activations that enter a game, ready for jobs that name examples: computed when they are first needed, and again
 * where not all of them fit. Both ways give the same bytes.
 */
import { mapInOrder } from "../base/map-in-order.ts";
import { batches } from "../datasets/index.ts";
import { type Filler, type FillerOptions, fillerFor } from "./activation-filler.ts";
import type { ActivationCache } from "./activations.ts";
import { everyPlace, places } from "./places.ts";

export function openActivations(options: FillerOptions): ActivationCache {
  const filler = fillerFor(options);
  const { capacity, dataset } = options;
  const isWhole = capacity >= dataset.size;
  const hold = isWhole ? holdOfAll(filler, dataset.size) : holdIn(filler, capacity);
  const { values, computed, exampleMacs } = filler;
  return { values, capacity, isWhole, computed, exampleMacs, hold };
}

/** Examples that are asked for at once where all are wanted. */
const examplesAtOnce = 64;

/** Computes the activations of every example, for jobs that read them all. @throws {PrunerError} As `hold`; the signal's reason. */
export async function fillWhole(
  cache: ActivationCache,
  ahead: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const fill = async (examples: Uint32Array): Promise<void> => {
    signal?.throwIfAborted();
    (await cache.hold(examples)).release();
  };
  for await (const _ of mapInOrder(batches(cache.capacity, { size: examplesAtOnce }), fill, ahead));
}

/** Every example has its place, and its block is computed when one of its examples is first asked for. */
function holdOfAll({ block, fill }: Filler, examples: number): ActivationCache["hold"] {
  const blocks = Math.ceil(examples / block);
  const isThere = new Uint8Array(blocks);
  const underWay = new Map<number, Promise<void>>();
  let missing = blocks;

  function begin(fresh: readonly number[]): void {
    const own = Uint32Array.from(
      fresh.flatMap((at) =>
        Array.from({ length: Math.min(block, examples - at * block) }, (_, k) => at * block + k),
      ),
    ).sort();
    const filling = fill(own, everyPlace.placeOf).then(() => {
      for (const at of fresh) isThere[at] = 1;
      missing -= fresh.length;
    });
    for (const at of fresh) underWay.set(at, filling);
    const settled = () => {
      for (const at of fresh) underWay.delete(at);
    };
    filling.then(settled, settled);
  }

  return async (wanted) => {
    if (missing === 0) return everyPlace;
    const needed = new Set<number>();
    for (const example of wanted) {
      const at = Math.floor(example / block);
      if (isThere[at] === 0) needed.add(at);
    }
    const fresh = [...needed].filter((at) => !underWay.has(at));
    if (fresh.length > 0) begin(fresh);
    await Promise.all(new Set([...needed].map((at) => underWay.get(at))));
    return everyPlace;
  };
}

/** Activations of examples come and go; who needs one that another is computing waits for it. */
function holdIn(filler: Filler, capacity: number): ActivationCache["hold"] {
  const room = places(capacity);
  const underWay = new Map<number, Promise<void>>();
  return async (examples) => {
    const keys = new Set(examples);
    const hold = await room.hold(keys);
    if (hold.fresh.length > 0) {
      const fresh = Uint32Array.from(hold.fresh).sort();
      const filling = filler.fill(fresh, hold.placeOf).catch((error: unknown) => {
        for (const example of fresh) room.forget(example);
        throw error;
      });
      for (const example of fresh) underWay.set(example, filling);
      const settled = () => {
        for (const example of fresh) underWay.delete(example);
      };
      filling.then(settled, settled);
    }
    try {
      await Promise.all(new Set([...keys].flatMap((key) => underWay.get(key) ?? [])));
    } catch (error) {
      hold.release();
      throw error;
    }
    return hold;
  };
}
