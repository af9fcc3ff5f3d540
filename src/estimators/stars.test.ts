/** @file Stars: what they ask, and that their marginals are those of the value, whoever else is asked about. */

import { describe, expect, test } from "vitest";
import { masksOfDraw } from "../../test/helpers/draws.ts";
import { coalitionSize } from "../games/coalitions.ts";
import { gameOf, randomInteractionGame } from "../games/toy-games.ts";
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { range } from "../math/random.ts";
import { finish } from "./estimator.properties.ts";
import type { Weighting } from "./estimator.ts";
import { estimators } from "./index.ts";
import { courseOf } from "./order-pairs.ts";
import { valuesAmong } from "./restricted-values.ts";
import {
  type Draw,
  drawOf,
  type Evidence,
  maskOf,
  meanMarginals,
  mostRowsOf,
  rowsOfDraw,
  type Stage,
  visitEvidence,
} from "./stages.ts";
import { starSizes, stepsOf } from "./stars.ts";

const players = 6;
const game = randomInteractionGame(players, 12);
const shapley: Weighting = { kind: "shapley" };
const window: Weighting = { kind: "window", from: 0.3, to: 0.9 };

function stageOf(near: readonly number[], weighting: Weighting = shapley, left = [...range(players)]): Stage {
  return {
    firstItem: 0,
    left,
    course: courseOf(weighting, left.length),
    near: maskOf(near, players),
  };
}

function masksOf(draw: Draw, stage: Stage): Uint8Array[] {
  const rows = rowsOfDraw(draw, stage);
  const masks = masksOfDraw(draw, stage, players);
  return Array.from({ length: rows }, (_, row) => masks.slice(row * players, (row + 1) * players));
}

async function played(draw: Draw, stage: Stage, item = 0): Promise<Evidence> {
  const masks = masksOf(draw, stage);
  const payoffs = await game.values(
    Uint8Array.from(masks.flatMap((mask) => [...mask])),
    new Uint32Array(masks.length),
  );
  return { item, stage, ...draw, marginals: meanMarginals(draw, stage, payoffs, [0]) };
}

function starsAround(order: Uint32Array, sizes: readonly [number, number], { near, course }: Stage): Draw {
  return { order, stars: { order, sizes, steps: stepsOf(order, sizes, near!, course) } };
}

/** Every order of the players. */
function ordersOf(left: readonly number[]): number[][] {
  if (left.length === 0) return [[]];
  return left.flatMap((first) =>
    ordersOf(left.filter((one) => one !== first)).map((rest) => [first, ...rest]),
  );
}

/** Sums of marginals and how many there were, by player. */
function tallied(evidence: readonly Evidence[]): {
  readonly sums: Float64Array;
  readonly counts: Float64Array;
} {
  const places = Int32Array.from(range(players));
  const sums = new Float64Array(players);
  const counts = new Float64Array(players);
  for (const one of evidence)
    visitEvidence(one, places, (place, _size, _strangers, marginal) => {
      sums[place] = sums[place]! + marginal;
      counts[place] = counts[place]! + 1;
    });
  return { sums, counts };
}

test("two coalitions, then each of the asked joins or leaves them; the others stay as they are", () => {
  const stage = stageOf([1, 2, 4], shapley, [0, 1, 2, 4, 5]);
  for (let item = 0; item < 40; item++) {
    const draw = drawOf(item, stage, 3);
    const [front, back, ...steps] = masksOf(draw, stage);
    expect([coalitionSize(front!), coalitionSize(back!)]).toEqual(draw.stars!.sizes);
    expect(steps).toHaveLength(6);
    expect(mostRowsOf(stage)).toBe(8);
    steps.forEach((mask, step) => {
      expect(mask[3]).toBe(0);
      const centre = step < 3 ? front! : back!;
      const changed = [...range(players)].filter((player) => mask[player] !== centre[player]);
      expect(changed).toHaveLength(1);
      expect([1, 2, 4]).toContain(changed[0]);
    });
  }
});

test("steps out of the window are not played", () => {
  const stage = stageOf([0, 1, 2, 3, 4, 5], window);
  const { from, to } = stage.course;
  expect([from, to]).toEqual([2, 5]);
  for (let item = 0; item < 40; item++)
    for (const mask of masksOf(drawOf(item, stage, 1), stage)) {
      expect(coalitionSize(mask)).toBeGreaterThanOrEqual(from);
      expect(coalitionSize(mask)).toBeLessThanOrEqual(to);
    }
});

test("sizes lie mirrored and come up alike, over items of one seed and over seeds of one item", () => {
  const course = courseOf(window, 10);
  const span = course.to - course.from + 1;
  for (const sizes of [
    Array.from({ length: 7000 }, (_, item) => starSizes(item, course, 5)),
    Array.from({ length: 7000 }, (_, seed) => starSizes(3, course, seed)),
  ]) {
    const counts = new Float64Array(span);
    for (const [front, back] of sizes) {
      expect(front + back).toBe(course.from + course.to);
      counts[front - course.from] = counts[front - course.from]! + 1;
    }
    for (const count of counts) expect(Math.abs(count - 7000 / span)).toBeLessThan(150); // five standard deviations
  }
});

describe.each([
  ["shapley", shapley],
  ["a window", window],
] as const)("%s", (_name, weighting) => {
  const stage = stageOf([1, 4], weighting);
  const { from, to } = stage.course;
  const truth = async () => (await finish(estimators.exact, game, { weighting })).values;

  test("over all orders and sizes the marginals of the asked average to their values", async () => {
    const all: Evidence[] = [];
    for (const order of ordersOf([...range(players)]))
      for (let size = from; size <= to; size++)
        all.push(await played(starsAround(Uint32Array.from(order), [size, from + to - size], stage), stage));
    const { sums, counts } = tallied(all);
    const values = await truth();
    for (const player of [1, 4]) expect(sums[player]! / counts[player]!).toBeCloseTo(values[player]!, 9);
    expect(counts[0]).toBe(0);
  });

  test("the mean over 4,000 short runs is within three standard errors of the values", async () => {
    const steps = (2 * (to - from) * (players + 1)) / players / (to - from + 1); // of a player in a pair, expected
    const moments = emptyMoments(2);
    for (let seed = 0; seed < 4000; seed++) {
      const pairs = [0, 1, 2].map((item) => played(drawOf(item, stage, seed), stage, item));
      const { sums } = tallied(await Promise.all(pairs));
      addVector(moments, [sums[1]! / 3 / steps, sums[4]! / 3 / steps]);
    }
    const errors = standardErrorsOf(moments);
    const values = await truth();
    [1, 4].forEach((player, k) => {
      expect(Math.abs(moments.mean[k]! - values[player]!)).toBeLessThan(3 * errors[k]!);
      expect(errors[k]!).toBeLessThan(0.1 * Math.abs(values[player]!)); // else the band would prove nothing
    });
  });
});

test("stars of a few agree with the values of a game among some, strangers or not", async () => {
  const left = [0, 2, 3, 5];
  const among = gameOf(4, 1, () => 0);
  const wide = {
    ...among,
    values: (masks: Uint8Array, examples: Uint32Array) => {
      const all = new Uint8Array(examples.length * players);
      masks.forEach((bit, at) => {
        all[Math.floor(at / 4) * players + left[at % 4]!] = bit;
      });
      return game.values(all, examples);
    },
  };
  const values = (await finish(estimators.exact, wide)).values;
  const stage = stageOf([2, 3]);
  const moments = emptyMoments(2);
  for (let seed = 0; seed < 120; seed++) {
    const evidence = await Promise.all(
      Array.from({ length: 300 }, (_, item) => played(drawOf(item, stage, seed), stage, item)),
    );
    const found = valuesAmong(left, evidence, courseOf(shapley, 4), { players, carried: 0 }).values;
    addVector(moments, [found[1]!, found[2]!]);
  }
  const errors = standardErrorsOf(moments);
  [1, 2].forEach((place, k) => {
    expect(Math.abs(moments.mean[k]! - values[place]!)).toBeLessThan(3 * errors[k]!);
  });
});
