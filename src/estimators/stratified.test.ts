/** @file What gradients may and may not do to values: never a bias, fewer rows where they tell something. */
import { describe, expect, test } from "vitest";
import type { Game } from "../games/game.ts";
import { withMultilinearGradients } from "../games/multilinear.ts";
import { gameOf, noisyGame, randomInteractionGame } from "../games/toy-games.ts";
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { normal, stream } from "../math/random.ts";
import { codeOf, errorAt, finish } from "./estimator.properties.ts";
import type { Estimate } from "./estimator.ts";
import { estimators } from "./index.ts";
import { strataBy } from "./strata.ts";
import { costOf, shareOut, varianceOf } from "./strata-plan.ts";
import { trustingPlan } from "./trusting-plan.ts";

const { permutation } = estimators;
const controlled = estimators.stratified;

/** Gradients that are far from the truth, in another way for every player and example. */
function distorted(game: Game): Game {
  const random = stream(77, 0);
  const noise = Float64Array.from({ length: game.players * game.examples }, () => normal(random));
  return withMultilinearGradients(
    game,
    (derivative, player, example) =>
      0.4 * derivative ** 2 + noise[example * game.players + player]! - 0.3 * player,
  );
}

/** Interactions of orders 1 to 4 that differ between examples. */
function mixedGame(players: number, examples: number): Game & { readonly shapley: Float64Array } {
  const games = Array.from({ length: examples }, (_, k) => randomInteractionGame(players, 100 + k));
  return {
    players,
    examples,
    shapley: games[0]!.shapley.map((_, i) =>
      games.reduce((sum, game) => sum + game.shapley[i]! / examples, 0),
    ),
    values: async (masks, rows) => {
      const payoffs = new Float64Array(rows.length);
      for (let row = 0; row < rows.length; row++) {
        const mask = masks.slice(row * players, (row + 1) * players);
        payoffs[row] = (await games[rows[row]!]!.values(mask, Uint32Array.of(0)))[0]!;
      }
      return payoffs;
    },
  };
}

describe("is unbiased, however wrong the gradients", () => {
  const game = distorted(mixedGame(6, 9));
  const { shapley } = mixedGame(6, 9);
  test.each([
    ["too few rows for a pilot", 100],
    ["with a pilot", 420],
    ["with more pairs than examples", 900],
  ])("%s", async (_name, rows) => {
    const runs = emptyMoments(6);
    for (let seed = 0; seed < 1500; seed++)
      addVector(runs, (await finish(controlled, game, { rows, seed })).values);
    const errors = standardErrorsOf(runs);
    runs.mean.forEach((mean, i) => {
      expect(Math.abs(mean - shapley[i]!)).toBeLessThan(3.5 * errors[i]!);
    });
  });
});

test("takes off what differs between examples, at a quarter of the error or less", async () => {
  const game = withMultilinearGradients(noisyGame(8, 400, 5, 3));
  const truth = noisyGame(8, 400, 5, 3).shapley;
  const plain = await errorAt(permutation, game, truth, 4000, 12);
  const taken = await errorAt(controlled, game, truth, 4000, 12);
  expect(taken).toBeLessThan(plain / 4);
});

test("gradients without a message cost no more than the third of the budget that finds out", async () => {
  const source = mixedGame(8, 300);
  const random = stream(78, 0);
  const game = withMultilinearGradients(source, () => normal(random));
  const plain = await errorAt(permutation, source, source.shapley, 6000, 40);
  const taken = await errorAt(controlled, game, source.shapley, 6000, 40);
  expect(taken).toBeLessThan(1.5 * plain);
});

test("standard errors are those for these very examples", async () => {
  const source = mixedGame(8, 300);
  const game = withMultilinearGradients(
    source,
    (derivative, player, example) => derivative + 0.3 * Math.sin(player * example),
  );
  let inside = 0;
  for (let seed = 0; seed < 60; seed++) {
    const { values, standardErrors } = await finish(controlled, game, { rows: 2000, seed });
    values.forEach((value, i) => {
      if (Math.abs(value - source.shapley[i]!) <= 1.96 * standardErrors[i]!) inside++;
    });
  }
  const coverage = inside / (60 * 8);
  expect(coverage).toBeGreaterThan(0.88);
  expect(coverage).toBeLessThan(0.995);
});

test("stops once the decision is settled, without a budget in rows, and resumes to the same bytes", async () => {
  const game = withMultilinearGradients(noisyGame(8, 400, 5, 3));
  const options = { budget: {}, seed: 3, stop: { kind: "settled", remove: 3, confidence: 0.95 } } as const;
  const states: string[] = [];
  let end: string | undefined;
  for await (const estimate of controlled.run(game, options)) {
    states.push(JSON.stringify(estimate.state()));
    end = JSON.stringify([[...estimate.values], estimate.rows, estimate.stoppedBy]);
  }
  expect(end).toContain("settled");
  const middle = JSON.parse(states[Math.floor(states.length / 2)]!);
  let again: string | undefined;
  for await (const { values, rows, stoppedBy } of controlled.run(game, { ...options, resume: middle }))
    again = JSON.stringify([[...values], rows, stoppedBy]);
  expect(again).toBe(end);
});

describe("shrinkage", () => {
  const { shrinkage } = estimators;

  test("is several times nearer than stratified in a short run with gradients that tell the truth", async () => {
    const toy = noisyGame(8, 60, 5, 1);
    const game = withMultilinearGradients(toy);
    const shrunk = await errorAt(shrinkage, game, toy.shapley, 400, 30);
    const plain = await errorAt(controlled, game, toy.shapley, 400, 30);
    expect(shrunk).toBeLessThan(0.7 * plain);
  });

  test("is as near as stratified in a long run with gradients that are far off", async () => {
    const toy = noisyGame(8, 60, 5, 1);
    const game = distorted(toy);
    for (const rows of [20_000, 80_000]) {
      const shrunk = await errorAt(shrinkage, game, toy.shapley, rows, 30);
      const plain = await errorAt(controlled, game, toy.shapley, rows, 30);
      expect(shrunk).toBeLessThan(1.3 * plain);
    }
  });

  test("takes one opening of each example in turns where there is no room for two, and both where there is", async () => {
    const game = withMultilinearGradients(noisyGame(8, 60, 5, 1));
    const asked = async (rows: number) => {
      const seen = new Map<number, Set<number>>();
      const gradients: Game["gradients"] = {
        rows: game.gradients!.rows,
        at: (gates, examples, call) => {
          examples.forEach((example, k) => {
            const own = seen.get(example) ?? new Set();
            seen.set(example, own.add(gates[k * game.players]!));
          });
          return game.gradients!.at(gates, examples, call);
        },
      };
      await finish(shrinkage, { ...game, gradients }, { rows, seed: 5 });
      return [...seen.values()].map((own) => [...own].map((opening) => opening.toFixed(2)).toSorted());
    };
    const scarce = await asked(300);
    expect(scarce.every((own) => own.length === 1)).toBe(true);
    const halves = ["0.21", "0.79"].map((opening) => scarce.filter(([own]) => own === opening).length);
    expect(Math.abs(halves[0]! - halves[1]!)).toBeLessThanOrEqual(1);
    expect(scarce.length).toBeGreaterThan(40);
    for (const own of await asked(4000)) expect(own).toEqual(["0.21", "0.79"]);
  });

  test("is no further off than stratified in a short run with gradients that are far off", async () => {
    const toy = noisyGame(8, 800, 5, 1);
    const game = distorted(toy);
    for (const rows of [1_500, 6_000]) {
      const shrunk = await errorAt(shrinkage, game, toy.shapley, rows, 30);
      const plain = await errorAt(controlled, game, toy.shapley, rows, 30);
      expect(shrunk).toBeLessThan(plain);
    }
  });

  test("splits a budget by what the first part finds: by the bias of gradients, and by what is left to see", () => {
    const strata = [{ examples: 1000, walks: 1, rest: 0.5, controls: 0.8, seen: 100 }];
    const costs = { walk: 40, gradients: 14, gradientsAlone: 14 };
    const rows = 8_000;
    const planned = [0, 1e-4, 1e-3, 1e-2, 1].map(
      (squaredBias) => trustingPlan(rows, strata, costs, squaredBias)!,
    );
    expect(trustingPlan(50, strata, costs, 1)).toBeUndefined(); // no room for a pair
    for (const { walks, controls } of planned)
      expect(walks[0]! * (40 + 14) + controls[0]! * 14).toBeLessThanOrEqual(rows);
    const pairs = planned.map(({ walks }) => walks[0]!);
    expect(pairs).toEqual(pairs.toSorted((a, b) => a - b)); // the more bias, the more walks
    expect(pairs[0]).toBe(Math.floor((rows - 14 * Math.floor((0.8 * rows) / 14)) / 54)); // gradients on all they can have
    expect(pairs.at(-1)).toBeGreaterThan(100); // of the 122 without further gradients alone
  });

  test("leaves the bias of useful gradients behind as rows grow", async () => {
    const toy = noisyGame(8, 60, 5, 3);
    // gradients that tell much of what differs between examples, and are off for every player
    const game = withMultilinearGradients(toy, (derivative, player) => 0.8 * derivative + 0.2 * (player % 3));
    const few = await errorAt(shrinkage, game, toy.shapley, 900, 30);
    const many = await errorAt(shrinkage, game, toy.shapley, 60_000, 30);
    const plain = await errorAt(controlled, game, toy.shapley, 60_000, 30);
    expect(few).toBeGreaterThan(0.1); // the bias of gradients alone
    expect(many).toBeLessThan(0.05 * few);
    expect(many).toBeLessThan(3 * plain);
    expect(many).not.toBe(plain); // it did not become the other one
  });

  test("knows about how far off it is, with gradients that are far off, from few rows to many", async () => {
    const toy = noisyGame(8, 800, 5, 1);
    const game = distorted(toy);
    for (const rows of [1_500, 6_000, 12_000]) {
      let squares = 0;
      let expected = 0;
      for (let seed = 0; seed < 40; seed++) {
        const { values, standardErrors } = await finish(shrinkage, game, { rows, seed });
        values.forEach((value, at) => {
          squares += (value - toy.shapley[at]!) ** 2;
          expected += standardErrors[at]! ** 2;
        });
      }
      const ratio = Math.sqrt(squares / expected);
      expect(ratio).toBeGreaterThan(0.5); // pairs count as drawn anew each time, and they are not
      expect(ratio).toBeLessThan(1.6);
    }
  });
});

test.each([4, 5])("aumann-shapley shows %d examples both openings before it ends", async (examples) => {
  const game = gameOf(4, examples, (masks, at, example) => {
    const [a, b, c, d] = masks.subarray(at, at + 4) as unknown as [number, number, number, number];
    return (example + 1) * a * b + example ** 2 * b * c * d + a * c * Math.sin(example);
  });
  const ran = async (name: "exact" | "aumann-shapley"): Promise<Estimate> => {
    let last: Estimate | undefined;
    const options = { budget: { rows: 1000 }, seed: 1 };
    for await (last of estimators[name].run(withMultilinearGradients(game), options));
    return last!;
  };
  const [exact, found] = [await ran("exact"), await ran("aumann-shapley")];
  expect(found.stoppedBy).toBe("complete");
  expect(found.rows).toBe(2 * examples * 3);
  found.values.forEach((value, player) => {
    expect(value).toBeCloseTo(exact.values[player]!, 5);
  });
});

test("aumann-shapley asks for gradients by name where a game has none", async () => {
  const asked = codeOf(
    (async () => {
      const options = { budget: { rows: 100 }, seed: 1 };
      for await (const _ of estimators["aumann-shapley"].run(noisyGame(4, 4, 1), options)) void _;
    })(),
  );
  expect(await asked).toBe("game-without-gradients");
});

describe("strata", () => {
  test("hold every example once, easy ones first, finer towards the hard ones", () => {
    const difficulty = Float64Array.from({ length: 1000 }, (_, k) => (k * 617) % 1000);
    const strata = strataBy(difficulty);
    expect(strata.map(({ length }) => length)).toEqual([300, 200, 150, 130, 90, 60, 40, 30]);
    expect(strata.flatMap((own) => [...own]).map((example) => difficulty[example])).toEqual(
      Array.from({ length: 1000 }, (_, k) => k),
    );
  });

  test.each([1, 7, 8, 20, 33, 100])("of %d examples are none too small", (examples) => {
    const strata = strataBy(new Float64Array(examples));
    expect(strata.reduce((sum, { length }) => sum + length, 0)).toBe(examples);
    if (strata.length > 1) for (const { length } of strata) expect(length).toBeGreaterThanOrEqual(8);
  });
});

describe("the split of a budget", () => {
  const strata = [
    { examples: 500, walks: 0.2, rest: 0.05, controls: 0.19, seen: 0 },
    { examples: 300, walks: 1, rest: 0.2, controls: 0.95, seen: 4 },
    { examples: 200, walks: 4, rest: 1.1, controls: 3.8, seen: 4 },
  ];
  const costs = { walk: 128, gradients: 6, gradientsAlone: 6 };

  test("keeps to it, and no other split of a grid leaves much less variance", () => {
    const rows = 12_800;
    const plan = shareOut(rows, strata, costs);
    expect(plan.isControlled).toBe(true);
    expect(costOf(plan, strata, costs)).toBeLessThanOrEqual(rows);
    let best = Number.POSITIVE_INFINITY;
    for (let a = 1; a < 40; a += 1)
      for (let b = 1; b < 40; b += 2)
        for (let c = 1; c < 80; c += 2) {
          const walks = [a, b, c];
          const left = rows - 128 * (a + b + c);
          if (left < 6 * (a + b + c)) continue;
          const wished = strata.map(({ examples, controls }) => examples * controls);
          const all = wished.reduce((sum, one) => sum + one, 0);
          const controls = strata.map(({ examples }, h) =>
            Math.min(examples, Math.max(walks[h]! + 4, Math.floor(((left / 6) * wished[h]!) / all))),
          );
          const other = { walks, controls, isControlled: true };
          if (costOf(other, strata, costs) <= rows) best = Math.min(best, varianceOf(other, strata));
        }
    expect(varianceOf(plan, strata)).toBeLessThan(1.1 * best);
  });

  test("nothing is spent on controls that explain nothing, or that cost more than walks", () => {
    const useless = strata.map((one) => ({ ...one, rest: Math.hypot(one.walks, one.controls), seen: 0 }));
    expect(shareOut(12_800, useless, costs)).toMatchObject({ isControlled: false, controls: [0, 0, 0] });
    const dear = { walk: 40, gradients: 2000, gradientsAlone: 2000 };
    expect(shareOut(12_800, strata, dear).isControlled).toBe(false);
  });
});
