/** @file Means and shares with confidence intervals, and paired comparisons on the same examples. */
import { normalQuantile } from "../math/quantiles.ts";
import { mean } from "../math/sums.ts";

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Probability that such an interval covers the truth, for example 0.95. */
  readonly level: number;
}

const usualLevel = 0.95;

/** Two-sided standard normal deviate, 1.96 for 95%. */
function deviateOf(level: number): number {
  if (!(level > 0 && level < 1)) throw new RangeError(`confidence level ${level} is not between 0 and 1`);
  return normalQuantile((1 + level) / 2);
}

/**
 * Wilson's score interval for a share; it stays inside 0...1 and keeps its width at 0 and 1.
 * @param successes From 0 to `trials`; @param trials At least 1.
 * @throws {RangeError} when the counts are impossible.
 * @see Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
 * @example wilsonInterval(9, 10); // { value: 0.9, low: 0.596, high: 0.982, level: 0.95 }
 */
export function wilsonInterval(successes: number, trials: number, level: number = usualLevel): Interval {
  if (!(trials >= 1 && successes >= 0 && successes <= trials)) {
    throw new RangeError(`${successes} successes in ${trials} trials`);
  }
  const z = deviateOf(level);
  const share = successes / trials;
  const shrink = 1 / (1 + z ** 2 / trials);
  const centre = (share + z ** 2 / (2 * trials)) * shrink;
  const half = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2)) * shrink;
  // rounding must not put the share outside its own interval at 0 and 1
  return {
    value: share,
    low: Math.max(0, Math.min(share, centre - half)),
    high: Math.min(1, Math.max(share, centre + half)),
    level,
  };
}

/**
 * Normal interval for a mean: mean ± z · s / √n; unbounded for a single value, whose spread is unknown.
 * @throws {RangeError} without values.
 */
export function meanInterval(values: ArrayLike<number>, level: number = usualLevel): Interval {
  if (values.length === 0) throw new RangeError("the mean of no values");
  const z = deviateOf(level);
  const value = mean(values);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - value) ** 2;
  const count = values.length;
  const half = count < 2 ? Number.POSITIVE_INFINITY : z * Math.sqrt(squares / (count - 1) / count);
  return { value, low: value - half, high: value + half, level };
}

/**
 * Mean of after − before over the same examples. What makes some examples hard for both networks cancels, so the
 * interval is narrower than from two separate means.
 * @throws {RangeError} when the lengths differ or are zero.
 */
export function pairedDifference(
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  level: number = usualLevel,
): Interval {
  checkPairs(before, after);
  return meanInterval(
    Float64Array.from(before, (value, i) => after[i]! - value),
    level,
  );
}

export interface PairedAccuracy {
  /** Accuracy after minus accuracy before. */
  readonly difference: Interval;
  /** Examples only the network before, or only the one after, gets right; of which it gets more positions right. */
  readonly lost: number;
  readonly gained: number;
  /** Whether an example has several answers, one for each position. */
  readonly byPosition: boolean;
}

/**
 * Difference of two accuracies on the same examples. The interval adds half an observation to each of the four
 * outcomes, so that networks without a single different answer still get an honest width. Where an example has an answer
 * for every position the difference is a mean over examples with a normal interval.
 * @param before Shape [examples], 1 for a correct answer and 0 for a wrong one, or the share of correct positions;
 *   @param after likewise.
 * @throws {RangeError} when the lengths differ or are zero.
 * @see Agresti & Min, "Simple improved confidence intervals for comparing matched proportions", Statistics in
 *   Medicine 24 (2005).
 */
export function pairedAccuracy(
  before: ArrayLike<number>,
  after: ArrayLike<number>,
  level: number = usualLevel,
): PairedAccuracy {
  checkPairs(before, after);
  let lost = 0;
  let gained = 0;
  for (let i = 0; i < before.length; i++) {
    if (before[i]! > after[i]!) lost++;
    if (before[i]! < after[i]!) gained++;
  }
  if ([before, after].some((shares) => Array.from(shares).some((share) => share > 0 && share < 1)))
    return { difference: pairedDifference(before, after, level), lost, gained, byPosition: true };
  const z = deviateOf(level);
  const count = before.length + 2;
  const centre = (gained - lost) / count;
  const half = (z / count) * Math.sqrt(gained + lost + 1 - (gained - lost) ** 2 / count);
  const value = (gained - lost) / before.length;
  const difference = {
    value,
    low: Math.max(-1, Math.min(value, centre - half)),
    high: Math.min(1, Math.max(value, centre + half)),
    level,
  };
  return { difference, lost, gained, byPosition: false };
}

function checkPairs(before: ArrayLike<number>, after: ArrayLike<number>): void {
  if (before.length !== after.length || before.length === 0) {
    throw new RangeError(`${before.length} and ${after.length} values cannot be paired`);
  }
}

export interface Quality {
  readonly examples: number;
  readonly accuracy: Interval;
  /** Mean cross-entropy in nats, smaller is better. */
  readonly loss: Interval;
}

/**
 * Accuracy and loss of a classifier.
 * @param correct Shape [examples], payoffs of "accuracy"; shares of positions are counted as they are.
 * @param logLikelihoods Shape [examples], payoffs of "cross-entropy".
 */
export function qualityOf(
  correct: Float64Array,
  logLikelihoods: Float64Array,
  level: number = usualLevel,
): Quality {
  checkPairs(correct, logLikelihoods);
  // Shares of pixels within one image depend on each other, so they are averaged and not counted as trials.
  const isCount = correct.every((value) => value === 0 || value === 1);
  const hits = correct.reduce((total, value) => total + value, 0);
  return {
    examples: correct.length,
    accuracy: isCount ? wilsonInterval(hits, correct.length, level) : meanInterval(correct, level),
    loss: meanInterval(
      logLikelihoods.map((value) => -value),
      level,
    ),
  };
}
