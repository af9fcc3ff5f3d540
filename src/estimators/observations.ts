/** @file Independent observations of all values at once: their mean, its error, and how the errors hang together. */
import { addVector, emptyMoments, type Moments, standardErrorsOf } from "../math/moments.ts";
import type { Scheme, Sums } from "./scheme.ts";

/** Observation k counts into block k mod 32; block means show the errors of differences between players. */
export const blockCount = 32;

export interface Observations {
  readonly moments: Moments;
  /** Sums over the observations of each block, [blockCount, size]. */
  readonly blocks: Float64Array;
}

export function noObservations(size: number): Observations {
  return { moments: emptyMoments(size), blocks: new Float64Array(blockCount * size) };
}

export function observe({ moments, blocks }: Observations, vector: Float64Array): void {
  const size = vector.length;
  const start = (moments.count % blockCount) * size;
  for (let i = 0; i < size; i++) blocks[start + i] = blocks[start + i]! + vector[i]!;
  addVector(moments, vector);
}

/** What each block moves the mean by, [blockCount, size]; the blocks' rows add up to about zero. */
export function influencesOf({ moments, blocks }: Observations): Float64Array {
  const { count, mean } = moments;
  const size = mean.length;
  return blocks.map((sum, k) => {
    const inBlock = Math.ceil((count - Math.floor(k / size)) / blockCount);
    return (sum - inBlock * mean[k % size]!) / count;
  });
}

export function errorsOf({ moments }: Observations): Float64Array {
  return standardErrorsOf(moments);
}

export function saveObservations({ moments, blocks }: Observations): Sums {
  return { count: Float64Array.of(moments.count), mean: moments.mean, squares: moments.squares, blocks };
}

export function loadObservations(into: Observations, saved: Sums): void {
  const { count, mean, squares, blocks } = saved;
  into.moments.count = count![0]!;
  into.moments.mean.set(mean!);
  into.moments.squares.set(squares!);
  into.blocks.set(blocks!);
}

/** What a scheme tells of its run when each value is the mean of one number per item. */
export function meansOf(observations: Observations): Pick<Scheme<unknown>, "figures" | "save" | "load"> {
  return {
    figures: () => ({
      values: observations.moments.mean.slice(),
      standardErrors: errorsOf(observations),
      observations: observations.moments.count,
      influences: () => influencesOf(observations),
    }),
    save: () => saveObservations(observations),
    load: (saved) => loadObservations(observations, saved),
  };
}
