/** @file Two coalitions, and what each of a few players adds to or takes from them. */
import { stream, uniform } from "../math/random.ts";
import type { Course } from "./order-pairs.ts";
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
  /** 1 for players that are asked about, by player. */
  readonly near: Uint8Array;
}

const golden = (Math.sqrt(5) - 1) / 2;

/** Sizes spread evenly over those that count; the two of a pair lie mirrored. */
export function starSizes(item: number, { from, to }: Course, seed: number): readonly [number, number] {
  const start = uniform(stream(seed, 0, purposes.sizes));
  const spread = (start + item * golden) % 1;
  const size = from + Math.floor(spread * (to - from + 1));
  return [size, from + to - size];
}

/** Told of every step in the order of rows: who, the star it belongs to, and whether it is a member that leaves. */
type StepVisit = (player: number, star: 0 | 1, isMember: boolean) => void;

function visitSteps({ order, sizes, near }: StarPair, { from, to }: Course, visit: StepVisit): void {
  for (const star of [0, 1] as const) {
    const size = sizes[star];
    for (let at = 0; at < order.length; at++) {
      const player = order[star === 0 ? at : order.length - 1 - at]!;
      const isMember = at < size;
      if (near[player] === 1 && (isMember ? size > from : size < to)) visit(player, star, isMember);
    }
  }
}

/** Marginals that a pair gives. */
export function stepsOfStars(pair: StarPair, course: Course): number {
  let steps = 0;
  visitSteps(pair, course, () => steps++);
  return steps;
}

/** Rows of both stars on one example. */
export function rowsOfStars(pair: StarPair, course: Course): number {
  return stepsOfStars(pair, course) + 2;
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
  pair: StarPair,
  course: Course,
  players: number,
  masks: Uint8Array,
  row: number,
): void {
  const { order, sizes } = pair;
  for (const player of order.subarray(0, sizes[0])) masks[row * players + player] = 1;
  for (const player of order.subarray(order.length - sizes[1])) masks[(row + 1) * players + player] = 1;
  let at = row + 2;
  visitSteps(pair, course, (player, star, isMember) => {
    const first = (row + star) * players;
    masks.copyWithin(at * players, first, first + players);
    masks[at * players + player] = isMember ? 0 : 1;
    at++;
  });
}

/** Adds the marginals on one example; `into` has an entry for every step. */
export function addStarMarginals(
  pair: StarPair,
  course: Course,
  payoffs: Float64Array,
  row: number,
  into: Float64Array,
): void {
  let step = 0;
  visitSteps(pair, course, (_player, star, isMember) => {
    const change = payoffs[row + 2 + step]! - payoffs[row + star]!;
    into[step] = into[step]! + (isMember ? -change : change);
    step++;
  });
}

/** As `visitMarginals` for orders: what the pair says of the players that are left. */
export function visitStars(
  pair: StarPair,
  course: Course,
  marginals: Float64Array,
  places: Int32Array,
  visit: (place: number, size: number, strangers: number, marginal: number) => void,
): void {
  const { order, sizes } = pair;
  const strangersIn = (members: Uint32Array): number =>
    members.reduce((count, player) => count + Number(places[player]! < 0), 0);
  const strangers = [
    strangersIn(order.subarray(0, sizes[0])),
    strangersIn(order.subarray(order.length - sizes[1])),
  ] as const;
  let step = 0;
  visitSteps(pair, course, (player, star, isMember) => {
    const marginal = marginals[step++]!;
    const place = places[player]!;
    if (place >= 0) visit(place, sizes[star] - strangers[star] - Number(isMember), strangers[star], marginal);
  });
}
