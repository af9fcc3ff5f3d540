/** @file Values in the game among some of the players, from what was played while there were more. */
import type { Course } from "./order-pairs.ts";
import { type Evidence, visitEvidence } from "./stages.ts";

/** Sizes are put together into at most so many classes for each player. */
const largestClasses = 32;

export interface RestrictedValues {
  /** By place among the players left. */
  readonly values: Float64Array;
  readonly errors: Float64Array;
}

/**
 * Values of the players left in the game they play among themselves.
 *
 * A marginal to a coalition without any player that is gone is a fair sample of that game: given its size, the
 * coalition is uniform among those of the players left. Such marginals count fully. Marginals to coalitions with
 * strangers, players since gone, tell of games before; they are filed under the number of those left in the coalition,
 * and count as at most `carried` marginals for each player together, so that what the present game says prevails as
 * it grows.
 *
 * For every size the mean over all players is taken first; what is averaged by player and class of sizes is the
 * deviation from it, so that it does not matter that few coalitions of a size are known for a player. A class without
 * any marginal takes the player's mean deviation. With `carried` 0, and a marginal for every player and size, the
 * values are unbiased for a choice of players that does not depend on the marginals.
 *
 * Errors are those of means of independent marginals. They leave out that those carried along are of other games, and
 * are infinite for a player of whom fewer than two marginals are known.
 */
export function valuesAmong(
  left: readonly number[],
  evidence: readonly Evidence[],
  { shares }: Course,
  { players, carried }: { readonly players: number; readonly carried: number },
): RestrictedValues {
  const count = left.length;
  const classes = Math.min(largestClasses, count);
  const classOf = (size: number): number => Math.floor((size * classes) / count);
  const places = new Int32Array(players).fill(-1);
  left.forEach((player, place) => {
    places[player] = place;
  });
  const found = gathered(evidence, places, shares);
  const weights = weightsOf(found, count, carried);
  const visit = (told: (place: number, size: number, weight: number, marginal: number) => void): void => {
    for (let k = 0; k < found.count; k++)
      told(found.places[k]!, found.sizes[k]!, weights[k]!, found.marginals[k]!);
  };

  const bySize = { sums: new Float64Array(count), weights: new Float64Array(count) };
  visit((_place, size, weight, marginal) => add(bySize, size, weight, marginal));
  const typical = bySize.sums.map((sum, size) =>
    bySize.weights[size]! > 0 ? sum / bySize.weights[size]! : 0,
  );

  const byClass = { sums: new Float64Array(count * classes), weights: new Float64Array(count * classes) };
  const byPlayer = { sums: new Float64Array(count), weights: new Float64Array(count) };
  const squares = new Float64Array(count);
  visit((place, size, weight, marginal) => {
    const deviation = marginal - typical[size]!;
    add(byClass, place * classes + classOf(size), weight, deviation);
    add(byPlayer, place, weight, deviation);
    squares[place] = squares[place]! + weight * deviation * deviation;
  });

  const common = shares.reduce((sum, share, size) => sum + share * typical[size]!, 0);
  const values = new Float64Array(count);
  const errors = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (let place = 0; place < count; place++) {
    const weight = byPlayer.weights[place]!;
    const deviation = weight > 0 ? byPlayer.sums[place]! / weight : 0;
    values[place] = common;
    shares.forEach((share, size) => {
      const at = place * classes + classOf(size);
      const known = byClass.weights[at]!;
      values[place] = values[place]! + share * (known > 0 ? byClass.sums[at]! / known : deviation);
    });
    if (weight >= 2)
      errors[place] = Math.sqrt(Math.max(0, squares[place]! / weight - deviation ** 2) / (weight - 1));
  }
  return { values, errors };
}

interface Tally {
  readonly sums: Float64Array;
  readonly weights: Float64Array;
}

function add({ sums, weights }: Tally, at: number, weight: number, value: number): void {
  sums[at] = sums[at]! + weight * value;
  weights[at] = weights[at]! + weight;
}

/** Marginals at sizes that count, of the players left; each list of shape [count] and perhaps longer. */
interface Known {
  readonly count: number;
  readonly places: Int32Array;
  readonly sizes: Int32Array;
  readonly strangers: Int32Array;
  readonly marginals: Float64Array;
}

function gathered(evidence: readonly Evidence[], places: Int32Array, shares: Float64Array): Known {
  const most = evidence.reduce((sum, { marginals }) => sum + marginals.length, 0);
  const found = {
    places: new Int32Array(most),
    sizes: new Int32Array(most),
    strangers: new Int32Array(most),
    marginals: new Float64Array(most),
  };
  let count = 0;
  const add = (place: number, size: number, strangers: number, marginal: number): void => {
    if (!(shares[size]! > 0)) return;
    found.places[count] = place;
    found.sizes[count] = size;
    found.strangers[count] = strangers;
    found.marginals[count++] = marginal;
  };
  for (const item of evidence) visitEvidence(item, places, add);
  return { count, ...found };
}

/** How much each marginal counts. */
function weightsOf({ count, places, strangers }: Known, players: number, carried: number): Float64Array {
  const others = new Float64Array(players);
  for (let k = 0; k < count; k++) if (strangers[k]! > 0) others[places[k]!] = others[places[k]!]! + 1;
  const own = others.map((marginals) => Math.min(1, carried / marginals)); // NaN is never looked at
  const weights = new Float64Array(count);
  for (let k = 0; k < count; k++) weights[k] = strangers[k] === 0 ? 1 : own[places[k]!]!;
  return weights;
}
