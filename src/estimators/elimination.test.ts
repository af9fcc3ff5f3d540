/** @file Estimators that remove players on the way: orders, values, warm starts and what they refuse. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { masksOfDraw } from "../../test/helpers/draws.ts";
import { counted } from "../games/counted.ts";
import type { Game } from "../games/game.ts";
import { gameOf, noisyGame, randomInteractionGame } from "../games/toy-games.ts";
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { normal, range, stream } from "../math/random.ts";
import { ascending } from "../math/ranks.ts";
import { mean, sum } from "../math/sums.ts";
import { noneRemoved, remove, valuesOf } from "./elimination.ts";
import { codeOf, finish } from "./estimator.properties.ts";
import { estimators } from "./index.ts";
import { courseOf } from "./order-pairs.ts";
import { valuesAmong } from "./restricted-values.ts";
import { sequentialBy } from "./sequential.ts";
import { drawOf, type Evidence, meanMarginals, mostRowsOf, rowsOfDraw, type Stage } from "./stages.ts";

const { greedy, sequential, exact } = estimators;
const shapley = { kind: "shapley" } as const;

/** The game among some players, the others being gone. */
function among(game: Game, left: readonly number[]): Game {
  return {
    players: left.length,
    examples: game.examples,
    values(masks, examples, options) {
      const wide = new Uint8Array(examples.length * game.players);
      masks.forEach((bit, at) => {
        wide[Math.floor(at / left.length) * game.players + left[at % left.length]!] = bit;
      });
      return game.values(wide, examples, options);
    },
  };
}

describe("values along an order of removal", () => {
  test("never fall, tell the order, and add up to what was lost", () =>
    fc.assert(
      fc.property(fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 1 }), (losses) => {
        const elimination = noneRemoved(losses.length);
        for (const [player, loss] of losses.entries()) remove(elimination, player, loss, 1);
        const { values } = valuesOf(elimination, new Float64Array(0), new Float64Array(0));
        expect([...ascending(values)]).toEqual([...range(losses.length)]);
        expect(values).toEqual(values.toSorted());
        expect(sum(values)).toBeCloseTo(sum(losses), 6);
      }),
    ));

  test("players out of order share the mean, those left follow from the lowest up", () => {
    const elimination = noneRemoved(5);
    remove(elimination, 3, 2, 0.3);
    remove(elimination, 0, 1, 0.1);
    const known = Float64Array.of(7, 5, 6); // of players 1, 2 and 4
    const { values, standardErrors } = valuesOf(elimination, known, Float64Array.of(1, 2, Infinity));
    expect([...values].map((value) => Number(value.toFixed(6)))).toEqual([1.5, 7, 5, 1.5, 6]);
    expect([...standardErrors]).toEqual([0.2, 1, 2, 0.2, Infinity]);
    expect([...ascending(values)]).toEqual([3, 0, 2, 4, 1]);
  });
});

describe("greedy", () => {
  test("removes whoever costs least, told by brute force, and its values add up to v(all) - v(none)", async () => {
    const game = randomInteractionGame(9, 3);
    const worthOf = async (members: readonly number[]): Promise<number> => {
      const mask = Uint8Array.from({ length: 9 }, (_, i) => Number(members.includes(i)));
      return (await game.values(mask, new Uint32Array(1)))[0]!;
    };
    let left = [...range(9)];
    const order: number[] = [];
    while (left.length > 0) {
      const rests = await Promise.all(left.map((out) => worthOf(left.filter((one) => one !== out))));
      order.push(left[rests.indexOf(Math.max(...rests))]!);
      left = left.filter((one) => one !== order.at(-1));
    }
    const { values, standardErrors, stoppedBy, rows } = await finish(greedy, game);
    expect([...ascending(values)]).toEqual(order);
    expect(sum(values)).toBeCloseTo((await worthOf([...range(9)])) - (await worthOf([])), 9);
    expect([...standardErrors]).toEqual(new Array(9).fill(0));
    expect([stoppedBy, rows]).toEqual(["complete", (10 * 11) / 2]);
  });

  test("chooses on the same examples in every round, and measures on others", async () => {
    const game = noisyGame(6, 50, 4);
    const asked: number[] = [];
    const watched: Game = {
      ...game,
      values: (masks, examples) => {
        asked.push(...examples);
        return game.values(masks, examples);
      },
    };
    const { stoppedBy } = await finish(greedy, watched, { rows: 28 * 10 });
    expect(stoppedBy).toBe("budget");
    expect(asked).toHaveLength(28 * 10);
    const choosing = new Set<number>();
    const measuring = new Set<number>();
    let at = 0;
    for (let left = 6; left >= 0; left--) {
      for (let k = 0; k < 10; k++, at += left + 1) {
        const [measured, ...chosen] = asked.slice(at, at + left + 1);
        measuring.add(measured!);
        for (const example of chosen) choosing.add(example);
        expect(new Set(chosen).size).toBe(Math.min(1, left));
      }
    }
    expect([choosing.size, measuring.size]).toEqual([10, 10]);
    expect([...choosing].filter((example) => measuring.has(example))).toEqual([]);
  });

  test("values are fair though the lowest were chosen: players that are all worth nothing get nothing", async () => {
    const random = stream(3, 0);
    const noise = Float64Array.from({ length: 12 * 400 }, () => normal(random));
    const game = gameOf(12, 400, (m, at, e) => {
      let worth = 0;
      for (let i = 0; i < 12; i++) worth += m[at + i]! * noise[e * 12 + i]!;
      return worth;
    });
    const totals = emptyMoments(1);
    for (let seed = 0; seed < 30; seed++) {
      const { values } = await finish(greedy, game, { rows: 91 * 8, seed });
      const lower = ascending(values).subarray(0, 6);
      addVector(totals, [sum(Float64Array.from(lower, (player) => values[player]!))]);
    }
    const onChoosing = -6 * 0.8 * (1 / Math.sqrt(8)); // six lowest of twelve means over eight examples
    expect(totals.mean[0]!).toBeGreaterThan(onChoosing / 2);
  });
});

/** Three that can stand in for one another (worth 9 together), one worth 4, one worth 20. */
const standIns = gameOf(
  5,
  1,
  (m, at) => 9 * Math.max(m[at]!, m[at + 1]!, m[at + 2]!) + 4 * m[at + 3]! + 20 * m[at + 4]!,
);

describe("sequential", () => {
  test("keeps the last of those that can stand in for one another, which ranking once removes together", async () => {
    const options = { rows: 4000, seed: 3, weighting: shapley };
    const once = ascending((await finish(estimators.permutation, standIns, options)).values);
    expect([...once.subarray(0, 3)].sort()).toEqual([0, 1, 2]);
    const removed = ascending((await finish(sequential, standIns, options)).values).subarray(0, 3);
    expect(removed).toContain(3);
    expect([...removed].filter((player) => player < 3)).toHaveLength(2);
  });

  test("without rows for the players near the cut, a small budget is one round of permutation sampling", async () => {
    const game = noisyGame(12, 200, 6);
    const weighting = { kind: "window", from: 0.25, to: 1 } as const;
    const options = { rows: 12 * 80, seed: 5, weighting, groupSize: 1 };
    const whole = sequentialBy({ shareForAll: 1, stagesNearCut: 0, nearErrors: 0 });
    const { values } = await finish(whole, game, options);
    const once = (await finish(estimators.permutation, game, options)).values;
    const least = ascending(values)[0]!;
    expect(least).toBe(ascending(once)[0]!);
    values.forEach((value, i) => {
      expect(Math.abs(value - once[i]!)).toBeLessThan(0.35);
    });
  });

  test("spends most rows on those near the cut", async () => {
    const worth = [0, 9, 9, 9.1, 30, 30, 30, 30, 30, 30]; // the lowest two of ten go first
    const random = stream(8, 0);
    const noise = Float64Array.from({ length: 10 * 500 }, () => 4 * normal(random));
    const game = gameOf(10, 500, (m, at, e) =>
      worth.reduce((all, one, i) => all + m[at + i]! * (one + noise[e * 10 + i]!), 0),
    );
    const { standardErrors } = await finish(sequential, game, { rows: 10 * 100 });
    const open = mean(standardErrors.subarray(1, 4));
    const clear = mean(standardErrors.subarray(4));
    expect(open).toBeLessThan(0.7 * clear); // with the rows shared evenly they would be equal
    expect(standardErrors[0]!).toBeGreaterThan(1.2 * open);
  });

  test("ends within every small budget, whatever is left of a round when its first stage has taken more than its share", async () => {
    for (const players of [3, 4, 6, 10]) {
      const least = sequential.minimumBudget(players, 20);
      for (let rows = least; rows < least + 60; rows++) {
        const game = counted(noisyGame(players, 20, 3));
        for (const groupSize of [1, 3]) {
          const { stoppedBy, values } = await finish(sequential, game, { rows, groupSize });
          expect(stoppedBy).toBe("budget");
          expect(values.every(Number.isFinite)).toBe(true);
        }
        expect(game.rows).toBeLessThanOrEqual(2 * rows);
      }
    }
  });

  test("ends where a narrow window leaves no size to look at", async () => {
    const weighting = { kind: "window", from: 0.4, to: 0.55 } as const;
    const { values, stoppedBy } = await finish(sequential, noisyGame(20, 30, 6), { rows: 9000, weighting });
    expect(values.every(Number.isFinite)).toBe(true);
    expect(stoppedBy).toBe("budget");
  });

  test("resumes behind its last round without asking again", async () => {
    const game = counted(noisyGame(8, 30, 2));
    const end = await finish(sequential, game, { rows: 5000 });
    const before = game.rows;
    const again = await finish(sequential, game, { rows: 5000, resume: end.state() });
    expect(again.values).toEqual(end.values);
    expect(again.standardErrors).toEqual(end.standardErrors);
    expect(game.rows).toBe(before);
  });
});

describe.each([
  ["greedy", greedy],
  ["sequential", sequential],
] as const)("%s", (_name, estimator) => {
  test("plans by its pace under a budget in seconds, and ends with values for all", async () => {
    const game = noisyGame(10, 5000, 2);
    for (const budget of [{ seconds: 0.15 }, { seconds: 0.15, rows: 3000 }]) {
      const { values, stoppedBy, rows } = await finish(estimator, game, { budget });
      expect(values.every(Number.isFinite)).toBe(true);
      const ends = budget.rows === undefined ? ["seconds", "complete"] : ["seconds", "budget"]; // a fast machine sees all
      expect(ends).toContain(stoppedBy);
      if (budget.rows !== undefined) expect(rows).toBeLessThanOrEqual(budget.rows);
    }
  });

  test("refuses to stop at a settled set or at a precision", async () => {
    const game = noisyGame(6, 5, 2);
    const stop = { kind: "settled", remove: 2, confidence: 0.9 } as const;
    expect(await codeOf(finish(estimator, game, { rows: 900, stop }))).toBe("invalid-option");
    expect(await codeOf(finish(estimator, game, { budget: { rows: 900, precision: 1 } }))).toBe(
      "budget-invalid",
    );
  });

  test("sees clear differences and values of a plain sum", async () => {
    const worth = [5, 1, 4, 2, 3, 0];
    const game = gameOf(6, 7, (m, at, e) =>
      worth.reduce((all, one, i) => all + m[at + i]! * (one + (e % 2)), 0),
    );
    const { values } = await finish(estimator, game, { rows: 4000 });
    expect([...ascending(values)]).toEqual([5, 1, 3, 4, 2, 0]);
  });
});

/** A stage of a game, played. */
async function played(game: Game, stage: Stage, count: number, seed: number): Promise<Evidence[]> {
  const found: Evidence[] = [];
  for (let item = stage.firstItem; item < stage.firstItem + count; item++) {
    const draw = drawOf(item, stage, seed);
    const rows = rowsOfDraw(draw, stage);
    expect(rows).toBeLessThanOrEqual(mostRowsOf(stage));
    const masks = masksOfDraw(draw, stage, game.players);
    const payoffs = await game.values(masks, new Uint32Array(rows));
    found.push({ item, stage, ...draw, marginals: meanMarginals(draw, stage, payoffs, [0]) });
  }
  return found;
}

function stageOf(left: readonly number[], firstItem: number): Stage {
  return { firstItem, left, course: courseOf(shapley, left.length), near: undefined };
}

describe("values among some players, from what all of them played", () => {
  const players = 6;
  const left = [0, 2, 3, 5];
  const game = randomInteractionGame(players, 12);
  const repeats = 80;

  /** Largest distance of the mean over seeds from the exact values, in standard errors of the mean. */
  async function bias(of: (seed: number) => Promise<readonly Evidence[]>, carried: number): Promise<number> {
    const truth = (await finish(exact, among(game, left))).values;
    const moments = emptyMoments(left.length);
    for (let seed = 0; seed < repeats; seed++) {
      const { values } = valuesAmong(left, await of(seed), courseOf(shapley, left.length), {
        players,
        carried,
      });
      addVector(moments, values);
    }
    const errors = standardErrorsOf(moments);
    return Math.max(...truth.map((value, i) => Math.abs(moments.mean[i]! - value) / errors[i]!));
  }

  /** So many that no player lacks a marginal of some size: one in 60 joins all others left and nobody else. */
  const inAll = (seed: number) => played(game, stageOf([...range(players)], 0), 300, seed);
  const fresh = (count: number, seed: number) => played(game, stageOf(left, 300), count, seed);
  const inBoth = async (seed: number) => [...(await inAll(seed)), ...(await fresh(20, seed))];

  test("are unbiased, from coalitions without a removed player alone", async () => {
    expect(await bias(inAll, 0)).toBeLessThan(3.5);
    expect(await bias(inBoth, 0)).toBeLessThan(3.5);
  });

  test("are biased once evidence of the game before is carried along, and less so as the game itself is played", async () => {
    const alone = await bias(inAll, Infinity);
    expect(alone).toBeGreaterThan(8); // what the test above would see
    const mixed = async (count: number) => {
      const truth = (await finish(exact, among(game, left))).values;
      const pairs = [...(await inAll(1)), ...(await fresh(count, 1))];
      const { values } = valuesAmong(left, pairs, courseOf(shapley, left.length), { players, carried: 50 });
      return Math.max(...truth.map((value, i) => Math.abs(value - values[i]!)));
    };
    expect(await mixed(4000)).toBeLessThan(0.3 * (await mixed(5)));
  });

  test("have errors that match the spread between seeds, when nothing is carried along", async () => {
    const course = courseOf(shapley, players);
    const all = [...range(players)];
    let inside = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { values, errors } = valuesAmong(all, await inAll(seed), course, { players, carried: 0 });
      values.forEach((value, i) => {
        if (Math.abs(value - game.shapley[i]!) <= 1.96 * errors[i]!) inside++;
      });
    }
    expect(inside / (40 * players)).toBeGreaterThan(0.93);
  });
});
