/** @file How sure it is that the channels that go are those with the lowest values. */
import { erf } from "../ops/elementwise/erf.ts";
import { errorOfDifference } from "./order.ts";

export interface CutConfidence {
  /** Shape [channels]; probability that the channel is on its side of the cut, from 0 to 1. */
  readonly confidence: Float64Array;
  /** Channels that go, and channels that stay, with less confidence than asked for. */
  readonly undecided: { readonly removed: number; readonly kept: number };
  /** The lowest confidence of all; 1 for a cut with nothing on one side. */
  readonly lowest: number;
}

export interface CutOptions {
  /** Confidence below which a channel is undecided. Default 0.95. */
  readonly level?: number | undefined;
}

/**
 * Compares every channel with the border on the other side: a channel that goes with the lowest one that stays, a
 * channel that stays with the highest one that goes. Its confidence is Φ(difference / standard error of the difference),
 * by the normal approximation and with errors taken as independent. That is cautious for estimates whose errors rise
 * and fall together, such as those of one permutation run; `settled` in the estimators uses their true covariance.
 * A channel that constraints have put on the wrong side gets less than one half.
 * @param values Shape [channels]; @param standardErrors Likewise, or left out when the values are exact; not finite
 *   where unknown, which gives one half.
 * @param mask Shape [channels]; 1 for channels that stay.
 * @throws {RangeError} when lengths differ.
 * @example confidenceOfCut([0, 1], [0.5, 0.5], [0, 1]).confidence[0]; // Φ(1 / 0.707) = 0.921
 */
export function confidenceOfCut(
  values: ArrayLike<number>,
  standardErrors: ArrayLike<number> | undefined,
  mask: ArrayLike<number>,
  { level = 0.95 }: CutOptions = {},
): CutConfidence {
  if (mask.length !== values.length || (standardErrors?.length ?? values.length) !== values.length)
    throw new RangeError(`values, standard errors and mask must be of one length`);
  const border = bordersOf(values, mask);
  const confidence = new Float64Array(values.length).fill(1);
  const undecided = { removed: 0, kept: 0 };
  let lowest = 1;
  if (border !== undefined) {
    for (let channel = 0; channel < values.length; channel++) {
      const [low, high] = mask[channel] === 1 ? [border.removed, channel] : [channel, border.kept];
      const sure = normalCdf(values[high]! - values[low]!, errorOfDifference(standardErrors, low, high));
      confidence[channel] = sure;
      lowest = Math.min(lowest, sure);
      if (sure < level) undecided[mask[channel] === 1 ? "kept" : "removed"]++;
    }
  }
  return { confidence, undecided, lowest };
}

/** The highest value that goes and the lowest that stays; undefined when all channels are on one side. */
function bordersOf(
  values: ArrayLike<number>,
  mask: ArrayLike<number>,
): { readonly removed: number; readonly kept: number } | undefined {
  let removed = -1;
  let kept = -1;
  for (let channel = 0; channel < values.length; channel++) {
    if (mask[channel] === 1) {
      if (kept < 0 || values[channel]! < values[kept]!) kept = channel;
    } else if (removed < 0 || values[channel]! > values[removed]!) removed = channel;
  }
  return removed < 0 || kept < 0 ? undefined : { removed, kept };
}

/** Probability that a normal variable with this mean and deviation is positive; one half for an even draw. */
function normalCdf(mean: number, deviation: number): number {
  if (deviation === 0) return mean > 0 ? 1 : mean < 0 ? 0 : 0.5;
  return (1 + erf(mean / deviation / Math.SQRT2)) / 2;
}
