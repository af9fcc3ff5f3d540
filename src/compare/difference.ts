/** @file Two methods held against each other, seed by seed. */
import { studentDeviate, studentTails } from "../math/student.ts";
import { mean } from "../math/sums.ts";
import { varianceOf } from "./spread.ts";

/** The first less the second. */
export interface Difference {
  readonly value: number;
  /** 95% interval. */
  readonly low: number;
  readonly high: number;
  /** Probability of a difference at least so large between equal methods. */
  readonly probability: number;
}

const openTails = 0.05;

/**
 * Mean difference over seeds with Student's interval. What seeds do to both methods alike cancels.
 *
 * Where all seeds are judged on the same examples, the spread over seeds says nothing about those. Their part of the
 * variance is added: Var = s²/S + `shared`, with S - 1 degrees of freedom all the same. More of them, as Welch and
 * Satterthwaite would count, trust few seeds that happen to agree far too much; this is cautious instead.
 * @param first Shape [seeds]; @param second Shape [seeds], in the same order; at least two seeds.
 * @param shared Variance of the mean difference that comes from examples all seeds share; see {@link sharedVariance}.
 * @throws {RangeError} for fewer than two seeds, or unequal numbers.
 */
export function pairedDifference(
  first: readonly number[],
  second: readonly number[],
  shared = 0,
): Difference {
  const seeds = first.length;
  if (seeds !== second.length || seeds < 2)
    throw new RangeError(`${seeds} and ${second.length} values cannot be paired over seeds`);
  const differences = first.map((value, seed) => value - second[seed]!);
  const value = mean(differences);
  const error = Math.sqrt(varianceOf(differences, value) / seeds + shared);
  if (error === 0) return { value, low: value, high: value, probability: value === 0 ? 1 : 0 };
  const half = studentDeviate(openTails, seeds - 1) * error;
  return {
    value,
    low: value - half,
    high: value + half,
    probability: studentTails(Math.abs(value) / error, seeds - 1),
  };
}

/**
 * Variance of a mean difference that comes from the choice of examples, which all seeds share: Σ (Dᵢ - D̄)² / N² with
 * Dᵢ the difference on example i, averaged over seeds. For right and wrong answers this is the binomial noise of
 * paired shares; one observation more keeps methods without a single different answer at an honest width.
 * @param first Shape [seeds][examples]; @param second likewise.
 * @param isCount Whether values are right and wrong answers.
 */
export function sharedVariance(
  first: readonly ArrayLike<number>[],
  second: readonly ArrayLike<number>[],
  isCount: boolean,
): number {
  const seeds = first.length;
  const examples = first[0]!.length;
  const differences = new Float64Array(examples);
  for (let seed = 0; seed < seeds; seed++) {
    for (let i = 0; i < examples; i++)
      differences[i] = differences[i]! + (first[seed]![i]! - second[seed]![i]!) / seeds;
  }
  const centre = mean(differences);
  const squares = differences.reduce((total, value) => total + (value - centre) ** 2, 0);
  return (squares + (isCount ? 1 : 0)) / examples ** 2;
}

/**
 * Which of several probabilities are small enough to speak of a difference, so that the chance to speak of any where
 * there is none stays within `risk`, however the tests depend on each other.
 * @see Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
 */
export function holm(probabilities: readonly number[], risk: number): boolean[] {
  const order = probabilities.map((_, k) => k).sort((a, b) => probabilities[a]! - probabilities[b]!);
  const isTold = probabilities.map(() => false);
  for (const [place, k] of order.entries()) {
    if (probabilities[k]! > risk / (probabilities.length - place)) break;
    isTold[k] = true;
  }
  return isTold;
}
