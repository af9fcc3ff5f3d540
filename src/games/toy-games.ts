/** @file Small games whose Shapley values are known in closed form. */
import { normal, stream } from "../math/random.ts";
import type { Game } from "./game.ts";

/** A game together with its Shapley values, [players]. */
export interface KnownGame extends Game {
  readonly shapley: Float64Array;
}

/** Payoff of one row, read from `masks` from `at` on. */
export type Payoff = (masks: Uint8Array, at: number, example: number) => number;

/** A game from a payoff that is computed on the spot. */
export function gameOf(players: number, examples: number, payoff: Payoff): Game {
  return {
    players,
    examples,
    values: async (masks, rows) => {
      const payoffs = new Float64Array(rows.length);
      for (let row = 0; row < rows.length; row++) payoffs[row] = payoff(masks, row * players, rows[row]!);
      return payoffs;
    },
  };
}

function known(players: number, examples: number, shapley: Float64Array, payoff: Payoff): KnownGame {
  return { ...gameOf(players, examples, payoff), shapley };
}

/** Every player brings its own worth: v(S) = Σ of the weights in S, so each value is the weight. */
export function additiveGame(weights: ArrayLike<number>): KnownGame {
  return known(weights.length, 1, Float64Array.from(weights), (masks, at) => {
    let worth = 0;
    for (let i = 0; i < weights.length; i++) worth += masks[at + i]! * weights[i]!;
    return worth;
  });
}

/** v(S) = 1 when all of `carrier` are in S, else 0; the carrier shares equally, the others are null players. */
export function unanimityGame(players: number, carrier: readonly number[]): KnownGame {
  const shapley = new Float64Array(players);
  for (const i of carrier) shapley[i] = 1 / carrier.length;
  return known(players, 1, shapley, (masks, at) => (carrier.every((i) => masks[at + i] === 1) ? 1 : 0));
}

/**
 * Who shares a runway pays for its length: v(S) = the largest cost in S. Each step between two neighbouring costs is
 * split evenly among those who need it.
 * @see Littlechild & Owen, "A simple expression for the Shapley value in a special case", Management Science 20 (1973).
 */
export function airportGame(costs: ArrayLike<number>): KnownGame {
  const players = costs.length;
  const order = Array.from({ length: players }, (_, i) => i).sort((a, b) => costs[a]! - costs[b]!);
  const shapley = new Float64Array(players);
  let share = 0;
  let before = 0;
  order.forEach((i, place) => {
    share += (costs[i]! - before) / (players - place);
    before = costs[i]!;
    shapley[i] = share;
  });
  return known(players, 1, shapley, (masks, at) => {
    let longest = 0;
    for (let i = 0; i < players; i++) if (masks[at + i] === 1) longest = Math.max(longest, costs[i]!);
    return longest;
  });
}

/** One holder of a left glove (player 0) and `right` holders of right gloves; a pair is worth 1. */
export function gloveGame(right: number): KnownGame {
  const shapley = new Float64Array(right + 1).fill(1 / (right * (right + 1)));
  shapley[0] = right / (right + 1);
  return known(right + 1, 1, shapley, (masks, at) => {
    for (let i = 1; i <= right; i++) if (masks[at + i] === 1) return masks[at]!;
    return 0;
  });
}

/**
 * Worth of players and of pairs: v(S) = Σ a_i + Σ_{i<j} P_ij over S; a pair's worth is split in half.
 * @param pairs Shape [players, players], row-major; only the entries above the diagonal count.
 */
export function quadraticGame(weights: ArrayLike<number>, pairs: ArrayLike<number>): KnownGame {
  const players = weights.length;
  const shapley = Float64Array.from(weights);
  for (let i = 0; i < players; i++) {
    for (let j = i + 1; j < players; j++) {
      shapley[i] = shapley[i]! + pairs[i * players + j]! / 2;
      shapley[j] = shapley[j]! + pairs[i * players + j]! / 2;
    }
  }
  return known(players, 1, shapley, (masks, at) => quadraticWorth(weights, pairs, masks, at));
}

function quadraticWorth(
  weights: ArrayLike<number>,
  pairs: ArrayLike<number>,
  masks: Uint8Array,
  at: number,
): number {
  const players = weights.length;
  let worth = 0;
  for (let i = 0; i < players; i++) {
    if (masks[at + i] === 0) continue;
    worth += weights[i]!;
    for (let j = i + 1; j < players; j++) worth += masks[at + j]! * pairs[i * players + j]!;
  }
  return worth;
}

/**
 * Interactions of any order: v(S) = Σ of the worths of the groups wholly inside S; each group shares its worth
 * equally, which gives the values.
 */
export function interactionGame(
  players: number,
  groups: readonly { readonly members: readonly number[]; readonly worth: number }[],
): KnownGame {
  const shapley = new Float64Array(players);
  for (const { members, worth } of groups) {
    for (const i of members) shapley[i] = shapley[i]! + worth / members.length;
  }
  return known(players, 1, shapley, (masks, at) => {
    let total = 0;
    for (const { members, worth } of groups) if (members.every((i) => masks[at + i] === 1)) total += worth;
    return total;
  });
}

/** A reproducible game with interactions of orders 1 to 4, of about equal strength. */
export function randomInteractionGame(players: number, seed: number): KnownGame {
  const random = stream(seed, 0);
  const groups = Array.from({ length: 4 * players }, (_, k) => ({
    members: [...new Set(Array.from({ length: 1 + (k % 4) }, () => (random.next() >>> 0) % players))],
    worth: normal(random),
  }));
  return interactionGame(players, groups);
}

/**
 * A game that differs from example to example: on example e the weights of a quadratic game are shifted by noise of
 * the given size, and the whole payoff by an offset that no player causes (an easy or a hard example).
 */
export function noisyGame(players: number, examples: number, seed: number, noise = 1): KnownGame {
  const random = stream(seed, 0);
  const deviates = (count: number, scale: number) =>
    Float64Array.from({ length: count }, () => scale * normal(random));
  const base = quadraticGame(deviates(players, 1), deviates(players * players, 1 / Math.sqrt(players)));
  const shifts = deviates(examples * players, noise);
  const offsets = deviates(examples, 2 * noise);
  const shapley = base.shapley.map((value, i) => {
    let total = 0;
    for (let e = 0; e < examples; e++) total += shifts[e * players + i]!;
    return value + total / examples;
  });
  return {
    players,
    examples,
    shapley,
    values: async (masks, rows, options) => {
      const payoffs = await base.values(masks, rows, options);
      for (let row = 0; row < rows.length; row++) {
        const example = rows[row]!;
        let worth = payoffs[row]! + offsets[example]!;
        for (let i = 0; i < players; i++) worth += masks[row * players + i]! * shifts[example * players + i]!;
        payoffs[row] = worth;
      }
      return payoffs;
    },
  };
}
