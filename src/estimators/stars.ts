/** @file Two coalitions, and what each of a few players adds to or takes from them. */
import { stream, uniform } from "../math/random.ts";
import type { Course, Visit } from "./order-pairs.ts";
import { purposes } from "./visits.ts";

/**
 * The first players of an order, and of its reverse, are two coalitions; each is evaluated once, and once more for every
 * player that is asked about, with that player joining it or, if it is a member, leaving it: c + 1 rows for the marginals
 * of c players, where an order costs a row for every player there is.
 *
 * The marginals are those of Shapley's sum. Given its size s, the coalition S of the n players is uniform. A player is
 * outside with probability (n - s) / n and then joins a uniform coalition of s others, and inside with s / n, joining one
 * of s - 1. With s uniform on 0 … n a predecessor set of size t comes up with probability
 * ((n - t) + (t + 1)) / n / (n + 1) = 1 / n, whatever other players are asked about. Within a window the same holds of the
 * sizes in it; steps that lead out of the window are not played.
 *
 * All players are compared on the same coalitions and examples, so what is common to them drops out of their order.
 * @see Kolpaczki, Nielen & Hüllermeier, "Antithetic Sampling for Top-k Shapley Identification", arXiv:2504.02019.
 */
export interface StarPair {
  /** The players of the game, in order. */
  readonly order: Uint32Array;
  /** Size of the coalition from the front of the order, and of the one from its back. */
  readonly sizes: readonly [number, number];
  readonly steps: Steps;
}

const golden = (Math.sqrt(5) - 1) / 2;

/** Sizes spread evenly over those that count; the two of a pair lie mirrored. */
export function starSizes(item: number, { from, to }: Course, seed: number): readonly [number, number] {
  const start = uniform(stream(seed, 0, purposes.sizes));
  const spread = (start + item * golden) % 1;
  const size = from + Math.floor(spread * (to - from + 1));
  return [size, from + to - size];
}

/** What a pair asks, in the order of rows. Each of shape [steps]. */
export interface Steps {
  readonly players: Uint32Array;
  /** 0 for the coalition at the front, 1 for the one at the back. */
  readonly stars: Uint8Array;
  /** 1 for members, which leave. */
  readonly members: Uint8Array;
}

/**
 * Every player that is asked about, joining or leaving either coalition, as far as the step counts.
 * @param near 1 for players that are asked about, by player.
 */
export function stepsOf(
  order: Uint32Array,
  sizes: readonly [number, number],
  near: Uint8Array,
  { from, to }: Course,
): Steps {
  const players: number[] = [];
  const stars: number[] = [];
  const members: number[] = [];
  for (const star of [0, 1] as const) {
    const size = sizes[star];
    for (let at = 0; at < order.length; at++) {
      const player = order[star === 0 ? at : order.length - 1 - at]!;
      const isMember = at < size;
      if (near[player] !== 1 || !(isMember ? size > from : size < to)) continue;
      players.push(player);
      stars.push(star);
      members.push(isMember ? 1 : 0);
    }
  }
  return {
    players: Uint32Array.from(players),
    stars: Uint8Array.from(stars),
    members: Uint8Array.from(members),
  };
}

/** Rows of both stars on one example. */
export function rowsOfStars({ steps }: StarPair): number {
  return steps.players.length + 2;
}

/** Most rows that a pair takes when so many players are asked about. */
export function mostRowsOfStars(near: number): number {
  return 2 * (near + 1);
}

/**
 * Writes the two coalitions, then a row for every step.
 * @param masks Zero where rows are written; `players` wide, players outside the order stay out.
 */
export function writeStars(
  { order, sizes, steps }: StarPair,
  players: number,
  masks: Uint8Array,
  row: number,
): void {
  for (const player of order.subarray(0, sizes[0])) masks[row * players + player] = 1;
  for (const player of order.subarray(order.length - sizes[1])) masks[(row + 1) * players + player] = 1;
  for (let step = 0; step < steps.players.length; step++) {
    const first = (row + steps.stars[step]!) * players;
    const at = (row + 2 + step) * players;
    masks.copyWithin(at, first, first + players);
    masks[at + steps.players[step]!] = 1 - steps.members[step]!;
  }
}

/** Adds the marginals on one example; `into` has an entry for every step. */
export function addStarMarginals(
  { steps: { stars, members } }: StarPair,
  payoffs: Float64Array,
  row: number,
  into: Float64Array,
): void {
  for (let step = 0; step < stars.length; step++) {
    const change = payoffs[row + 2 + step]! - payoffs[row + stars[step]!]!;
    into[step] = into[step]! + (members[step] === 1 ? -change : change);
  }
}

/** As `visitMarginals` for orders: what the pair says of the players that are left. */
export function visitStars(
  { order, sizes, steps }: StarPair,
  marginals: Float64Array,
  places: Int32Array,
  visit: Visit,
): void {
  const strangers = [
    strangersIn(order, 0, sizes[0], places),
    strangersIn(order, order.length - sizes[1], order.length, places),
  ];
  for (let step = 0; step < steps.players.length; step++) {
    const place = places[steps.players[step]!]!;
    if (place < 0) continue;
    const star = steps.stars[step]! as 0 | 1;
    const size = sizes[star] - strangers[star]! - steps.members[step]!;
    visit(place, size, strangers[star]!, marginals[step]!);
  }
}

function strangersIn(order: Uint32Array, from: number, to: number, places: Int32Array): number {
  let strangers = 0;
  for (let at = from; at < to; at++) if (places[order[at]!]! < 0) strangers++;
  return strangers;
}
