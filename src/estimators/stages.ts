/** @file What one stage of a round plays, and what it has seen: whole orders, or stars of the players near the cut. */

import { range } from "../math/random.ts";
import { rowsOfPair } from "./antithetic-walks.ts";
import type { Weighting } from "./estimator.ts";
import { addMarginals, type Course, courseOf, orderOf, type Visit, visitMarginals } from "./order-pairs.ts";
import type { Sums } from "./scheme.ts";
import {
  addStarMarginals,
  mostRowsOfStars,
  rowsOfStars,
  type StarPair,
  starSizes,
  stepsOf,
  visitStars,
} from "./stars.ts";

/** Items that follow one another, among the same players and of the same kind. */
export interface Stage {
  readonly firstItem: number;
  readonly left: readonly number[];
  readonly course: Course;
  /** 1 for players near the cut, by player, when stars are played; undefined when whole orders are. */
  readonly near: Uint8Array | undefined;
}

/** What an item draws: an order, and the stars where such are played. */
export interface Draw {
  readonly order: Uint32Array;
  readonly stars: StarPair | undefined;
}

/** An item that was played. */
export interface Evidence extends Draw {
  readonly item: number;
  readonly stage: Stage;
  /** Means over examples; in the order of `order-pairs.ts` or of `stars.ts`. */
  readonly marginals: Float64Array;
}

export function drawOf(item: number, { left, course, near }: Stage, seed: number): Draw {
  const order = orderOf(item, left, seed);
  if (near === undefined) return { order, stars: undefined };
  const sizes = starSizes(item, course, seed);
  return { order, stars: { order, sizes, steps: stepsOf(order, sizes, near, course) } };
}

/** Rows of an item on one example. */
export function rowsOfDraw({ stars }: Draw, { course }: Stage): number {
  return stars === undefined ? rowsOfPair(course, course.shares.length) : rowsOfStars(stars);
}

/** Most rows that an item of the stage takes on one example. */
export function mostRowsOf({ left, course, near }: Stage): number {
  if (near === undefined) return rowsOfPair(course, course.shares.length);
  return mostRowsOfStars(left.reduce((count, player) => count + near[player]!, 0));
}

function marginalsOf({ stars }: Draw, { course }: Stage): number {
  return stars === undefined ? 2 * (course.to - course.from) : stars.steps.players.length;
}

/** Means of the marginals over examples whose rows begin at `firstRows`. */
export function meanMarginals(
  draw: Draw,
  stage: Stage,
  payoffs: Float64Array,
  firstRows: readonly number[],
): Float64Array {
  const sums = new Float64Array(marginalsOf(draw, stage));
  for (const row of firstRows) {
    if (draw.stars === undefined) addMarginals(stage.course, payoffs, row, sums);
    else addStarMarginals(draw.stars, payoffs, row, sums);
  }
  return sums.map((sum) => sum / firstRows.length);
}

/**
 * Goes through what an item says of the players that are left.
 * @param places Place among those left of every player, -1 for those gone.
 */
export function visitEvidence(evidence: Evidence, places: Int32Array, visit: Visit): void {
  const { order, stars, stage, marginals } = evidence;
  if (stars === undefined) visitMarginals({ order, from: stage.course.from, marginals }, places, visit);
  else visitStars(stars, marginals, places, visit);
}

/** Numbers of 8 bytes that an item takes in memory. */
export function sizeOf({ order, stars, marginals }: Evidence): number {
  return (stars === undefined ? 1 : 2) * marginals.length + order.length / 2;
}

/** Draws are made again when they are needed: items and stages are enough. */
export function saveEvidence(evidence: readonly Evidence[], stages: readonly Stage[]): Sums {
  const near = stages.map((stage) => stage.left.filter((player) => stage.near?.[player] === 1));
  return {
    items: Float64Array.from(evidence, ({ item }) => item),
    marginals: Float64Array.from(evidence.flatMap(({ marginals }) => [...marginals])),
    stageItems: Float64Array.from(stages, ({ firstItem }) => firstItem),
    stageLeft: Float64Array.from(stages, ({ left }) => left.length),
    stageNear: Float64Array.from(near, (players) => players.length),
    near: Float64Array.from(near.flat()),
  };
}

/** @param gone Players in the order they went. */
export function loadEvidence(
  saved: Sums,
  weighting: Weighting,
  players: number,
  gone: readonly number[],
  seed: number,
): { readonly evidence: Evidence[]; readonly stages: Stage[] } {
  const { items, marginals, stageItems, stageLeft, stageNear, near } = saved;
  let readNear = 0;
  const stages = Array.from(stageItems!, (firstItem, k): Stage => {
    const count = stageLeft![k]!;
    const before = new Set(gone.slice(0, players - count));
    const left = [...range(players)].filter((player) => !before.has(player));
    const own = near!.subarray(readNear, readNear + stageNear![k]!);
    readNear += own.length;
    const mask = own.length === 0 ? undefined : maskOf(own, players);
    return { firstItem, left, course: courseOf(weighting, count), near: mask };
  });
  let read = 0;
  const evidence = Array.from(items!, (item): Evidence => {
    const stage = stages.findLast(({ firstItem }) => firstItem <= item)!;
    const draw = drawOf(item, stage, seed);
    const own = marginals!.slice(read, read + marginalsOf(draw, stage));
    read += own.length;
    return { item, stage, ...draw, marginals: own };
  });
  return { evidence, stages };
}

/** 1 for some of the players. */
export function maskOf(some: Iterable<number>, players: number): Uint8Array {
  const mask = new Uint8Array(players);
  for (const player of some) mask[player] = 1;
  return mask;
}
