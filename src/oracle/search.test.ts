/** @file Searches beyond tables: what they find, what they claim, and that the claims hold. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { counted } from "../games/counted.ts";
import { additiveGame, airportGame, interactionGame, randomInteractionGame } from "../games/toy-games.ts";
import { type WholeGame, wholeGame } from "../games/whole-game.ts";
import { beamCost, beamSearch, branchAndBound, fillTable, membersOf, oracleSets } from "./index.ts";

/** The most that a set inside another one is worth more than that. */
function largestRise(values: Float64Array): number {
  let most = 0;
  for (let outer = 0; outer < values.length; outer++) {
    for (let inner = 0; inner < outer; inner++)
      if ((inner & outer) === inner) most = Math.max(most, values[inner]! - values[outer]!);
  }
  return most;
}

const rangeOf = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("beam search", () => {
  test("finds every oracle set of an additive game, far beyond tables", async () => {
    const weights = rangeOf(40).map((i) => (i * 17) % 40);
    const { sets, coalitions } = await beamSearch(wholeGame(additiveGame(weights)), { width: 1 });
    const sorted = [...weights].sort((a, b) => b - a);
    expect(sets.map(({ size }) => size)).toEqual(rangeOf(41));
    for (const { size, keep, worth, guarantee } of sets) {
      expect(keep).toHaveLength(size);
      expect(worth).toBe(sorted.slice(0, size).reduce((a, b) => a + b, 0));
      expect(guarantee).toEqual({ kind: "none" });
    }
    expect(coalitions).toBeLessThanOrEqual(beamCost(40, 1));
  });

  test("wider beams find what greedy walks miss; as wide as it gets, everything", async () => {
    let missed = 0;
    for (const seed of rangeOf(10)) {
      const game = wholeGame(randomInteractionGame(8, seed));
      const { best } = oracleSets(await fillTable(game));
      const greedy = await beamSearch(game, { width: 1 });
      missed += greedy.sets.filter(({ size, worth }) => worth < best[size]!).length;
      const widest = await beamSearch(game, { width: 70 });
      expect(widest.sets.map(({ worth }) => worth)).toEqual([...best]);
    }
    expect(missed).toBeGreaterThan(0);
  });

  test("asks for no coalition twice, silent players' copies included, and stops at a signal", async () => {
    const inner = counted(additiveGame([3, 0, 2, 1]));
    const game: WholeGame = { ...wholeGame(inner), silent: [1] };
    const { coalitions } = await beamSearch(game, { width: 8 });
    expect(inner.rows).toBe(coalitions);
    expect(coalitions).toBeLessThanOrEqual(2 ** 3);
    await expect(beamSearch(game, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });
});

describe("branch and bound", () => {
  test("proves the best set of monotone games", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 4, maxLength: 8 }),
        fc.integer({ min: 1, max: 7 }),
        async (costs, wanted) => {
          const game = wholeGame(airportGame(costs));
          const size = Math.min(wanted, costs.length - 1);
          const result = await branchAndBound(game, { size, coalitions: 10_000 });
          expect(result.found.worth).toBe(oracleSets(await fillTable(game)).best[size]);
          expect(result).toMatchObject({ rises: 0, stoppedBy: "proof" });
          expect(result.guarantee).toEqual({
            kind: "if-monotone",
            slack: 0,
            bound: result.found.worth,
            isProven: true,
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  test("leaves alone what cannot win: far fewer coalitions than there are", async () => {
    const game = wholeGame(additiveGame(rangeOf(30).map((i) => 1.2 ** i)));
    const { found, coalitions, guarantee } = await branchAndBound(game, { size: 25, coalitions: 50_000 });
    expect(found.keep).toEqual(rangeOf(30).slice(5));
    expect(guarantee.isProven).toBe(true);
    expect(coalitions).toBeLessThan(10_000); // of 142,506 sets of the size
  });

  test("is right wherever the rises it ends with are the largest there are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 1, max: 6 }),
        fc.boolean(),
        async (seed, size, hasIncumbent) => {
          const game = wholeGame(randomInteractionGame(7, seed));
          const { values, players } = await fillTable(game);
          const { best, keep } = oracleSets({ values, players, examples: 1 });
          const incumbent = { size, keep: membersOf(keep[size]!, 7), worth: best[size]! };
          const options = { size, coalitions: 10_000, ...(hasIncumbent && { incumbent }) };
          const { found, guarantee, stoppedBy } = await branchAndBound(game, options);
          expect(stoppedBy).toBe("proof");
          expect(guarantee.slack).toBeGreaterThanOrEqual(found.worth - values.at(-1)!);
          if (found.worth < best[size]!) expect(guarantee.slack).toBeLessThan(largestRise(values));
          const careful = await branchAndBound(game, { ...options, slack: largestRise(values) });
          expect(careful.found.worth).toBe(best[size]);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("a set worth more than everyone shows at once that payoffs rise", async () => {
    const game = wholeGame(additiveGame([5, -2, 3, -1, 4]));
    const incumbent = { size: 3, keep: [0, 2, 4], worth: 12 };
    const { found, guarantee } = await branchAndBound(game, { size: 3, coalitions: 1000, incumbent });
    expect(found).toEqual(incumbent);
    expect(guarantee).toEqual({ kind: "if-monotone", slack: 3, bound: 12, isProven: true });
  });

  test("a budget that ends early leaves a bound that holds", async () => {
    const game = wholeGame(airportGame(rangeOf(14).map((i) => ((i * 5) % 14) + 1)));
    const sets = oracleSets(await fillTable(game));
    for (const size of [3, 7, 12]) {
      const { found, guarantee, stoppedBy } = await branchAndBound(game, { size, coalitions: 20 });
      expect(found.keep).toHaveLength(size);
      expect(found.worth).toBeLessThanOrEqual(sets.best[size]!);
      expect(guarantee.bound).toBeGreaterThanOrEqual(sets.best[size]!);
      expect(guarantee.isProven).toBe(stoppedBy === "proof");
    }
  });

  test("starts from the best set known, and changes it for better ones only", async () => {
    const game = wholeGame(
      interactionGame(6, [
        { members: [0, 1], worth: 3 },
        { members: [4], worth: 1 },
      ]),
    );
    const best = { size: 2, keep: [0, 1], worth: 3 };
    const worse = { size: 2, keep: [2, 4], worth: 1 };
    for (const incumbent of [best, worse]) {
      const { found } = await branchAndBound(game, { size: 2, coalitions: 1000, incumbent });
      expect(found).toEqual(best);
    }
    expect(membersOf(oracleSets(await fillTable(game)).keep[2]!, 6)).toEqual([0, 1]);
  });
});
