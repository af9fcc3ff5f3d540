/** @file What published pruning code does under the name "kernel": plain least squares over uniform sizes. */
import type { Game } from "../games/game.ts";
import { below, drawToFront, range, stream } from "../math/random.ts";
import { defineEstimator } from "./define.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { sharedBy } from "./groups.ts";
import {
  addMembers,
  addProduct,
  emptyNormal,
  errorsOfInfluences,
  meanSquare,
  type Normal,
  ridgeSolver,
} from "./least-squares.ts";
import { blockCount } from "./observations.ts";
import type { Figures, Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/** Decides only directions that the sample leaves open (two players, or a sample of repeats). */
const ridge = 1e-8;

/**
 * Sizes are uniform over 1 … n - 1, coalitions uniform within a size, and each value is the slope of v on membership
 * in an ordinary regression with a free intercept. Not the Shapley value: with D_s^i the mean of v over coalitions of
 * size s with i minus that without, the slopes tend to
 *     β_i = const + (n - 1)/n · Σ_s s (n - s) D_s^i / Σ_s s (n - s),
 * which favours middle sizes. A legitimate ranking all the same, with little noise on smooth games.
 */
export const olsUniform = defineEstimator({
  name: "ols-uniform",
  title: "Least squares over uniform sizes",
  reference:
    '"Shapley Pruning for Neural Network Compression" (2024), arXiv:2407.15875, method "kernel" of its code',
  description: "Unweighted regression as in published code; a ranking, not the Shapley value",
  supports: ["shapley"],
  minimumPlayers: 2,
  minimumBudget: (players) => players + 1,
  scheme: olsScheme,
});

function olsScheme(game: Game, options: EstimatorOptions): Scheme<null> {
  const { players, examples } = game;
  const group = sharedBy(game, options, 1, 10 * players);
  const exampleAt = visits(examples, options.seed, purposes.visits);
  const members = range(players);
  const payoffs: number[] = [];
  const scratch = new Uint8Array(players);
  const sums = {
    normal: emptyNormal(players),
    x: new Float64Array(players),
    xy: new Float64Array(players),
    y: 0,
  };

  const draw = (item: number, mask: Uint8Array): void => {
    const random = stream(options.seed, item, purposes.items);
    for (let k = 0; k < players; k++) members[k] = k;
    const size = 1 + below(players - 1, random);
    drawToFront(members, size, random);
    for (let k = 0; k < size; k++) mask[members[k]!] = 1;
  };
  const add = (payoff: number, mask: Uint8Array): void => {
    addMembers(sums.normal, mask, 1); // whole numbers, so that centring loses no digits
    for (let i = 0; i < players; i++) {
      sums.x[i] = sums.x[i]! + mask[i]!;
      sums.xy[i] = sums.xy[i]! + mask[i]! * payoff;
    }
    sums.y += payoff;
    payoffs.push(payoff);
  };
  return {
    layout: { group },
    items: Math.floor((options.budget.rows ?? Infinity) / group),
    ends: "budget",
    costly: true,
    rowsOf: () => group,
    write(item, { masks, examples: rowExamples }, row) {
      const at = row * players;
      draw(item, masks.subarray(at, at + players));
      for (let k = 0; k < group; k++) {
        if (k > 0) masks.copyWithin(at + k * players, at, at + players);
        rowExamples[row + k] = exampleAt(item * group + k);
      }
      return null;
    },
    fold(_item, _note, rows, row) {
      let sum = 0;
      for (let k = 0; k < group; k++) sum += rows.payoffs[row + k]!;
      add(sum / group, rows.masks.subarray(row * players, (row + 1) * players));
    },
    figures: () =>
      slopes(players, payoffs, sums, (item) => {
        scratch.fill(0);
        draw(item, scratch);
        return scratch;
      }),
    save: () => ({ payoffs: Float64Array.from(payoffs) }),
    load(saved) {
      const { payoffs: old } = saved;
      old!.forEach((payoff, item) => {
        scratch.fill(0);
        draw(item, scratch);
        add(payoff, scratch);
      });
    },
  };
}

interface OlsSums {
  readonly normal: Normal;
  /** Σ x, Σ x y and Σ y over the items. */
  readonly x: Float64Array;
  readonly xy: Float64Array;
  readonly y: number;
}

/** Slopes, and their errors from the residuals of 32 blocks (linearised jackknife, raised by m / (m - n - 1)). */
function slopes(
  players: number,
  payoffs: readonly number[],
  sums: OlsSums,
  maskOf: (item: number) => Uint8Array,
): Figures {
  const count = payoffs.length;
  const centre = sums.x.map((value) => value / count);
  const meanPayoff = sums.y / count;
  const normal = emptyNormal(players);
  normal.products.set(sums.normal.products);
  addProduct(normal, centre, -count);
  const solve = ridgeSolver(normal, ridge * meanSquare(normal));
  const values = solve(sums.xy.map((value, i) => value - sums.x[i]! * meanPayoff));

  const scores = new Float64Array(blockCount * players);
  payoffs.forEach((payoff, item) => {
    const mask = maskOf(item);
    let residual = payoff - meanPayoff;
    for (let i = 0; i < players; i++) residual -= (mask[i]! - centre[i]!) * values[i]!;
    const start = (item % blockCount) * players;
    for (let i = 0; i < players; i++)
      scores[start + i] = scores[start + i]! + (mask[i]! - centre[i]!) * residual;
  });
  const freedom = count - players - 1;
  const raise = Math.sqrt(count / Math.max(freedom, 1));
  const influences = new Float64Array(scores.length);
  for (let start = 0; start < scores.length; start += players)
    influences.set(
      solve(scores.subarray(start, start + players)).map((value) => value * raise),
      start,
    );
  return {
    values,
    standardErrors:
      freedom > 0
        ? errorsOfInfluences(influences, players)
        : new Float64Array(players).fill(Number.POSITIVE_INFINITY),
    observations: count,
    influences: () => influences,
  };
}
