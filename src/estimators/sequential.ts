/** @file Shapley values estimated anew while players are removed, from all that was seen on the way. */
import type { Game } from "../games/game.ts";
import { range } from "../math/random.ts";
import { ascending } from "../math/ranks.ts";
import { defineEstimator } from "./define.ts";
import { loadElimination, noneRemoved, remove, saveElimination, valuesOf } from "./elimination.ts";
import type { EstimatorOptions, SizingOptions, Weighting } from "./estimator.ts";
import { sharedBy } from "./groups.ts";
import { addMarginals, courseOf, type OrderPair, orderOf, rowsOfPair, writePair } from "./order-pairs.ts";
import { purseOf } from "./purse.ts";
import { type RestrictedValues, valuesAmong } from "./restricted-values.ts";
import type { Scheme, Sums } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";
import { countsAny, describeWeighting } from "./weighting.ts";

/**
 * Coalitions of less than a fifth of the players left are left out unless another weighting is asked for: their
 * payoffs are wild and say nothing about who can be spared (measured: `npm run bench -- sequential`).
 */
const usualWeighting: Weighting = { kind: "window", from: 0.2, to: 1 };

/** Share of the players left that goes after a round. */
const sharePerRound = 0.2;

/** Of the budget, what the first round takes at least: it decides most, and later rounds build on it. */
const firstShare = 0.3;

/** Rows for each player that the first round takes before there is another one. */
const firstRowsPerPlayer = 100;

/** Marginals of earlier games that count for each player in a later one, at most. */
const carried = 1000;

/** Marginals kept, 8 MB; the oldest go first. */
const largestMemory = 2 ** 20;

/** A round goes on when the pace promises at least so many times its items. */
const worthMore = 1.25;

/**
 * Rounds: estimate the values in the game among the players left, remove the lowest fifth, go on. An item is an order of
 * those left and its reverse on a few examples. Nothing seen is thrown away: marginals whose coalition holds no removed
 * player are samples of the later games as well, the others are carried along with bounded weight; see
 * `restricted-values.ts`. The first round takes 30% of the rows, or 100 for each player if that is more, and each later
 * one a part in proportion to the players it has, so that a small budget ends in one round of permutation sampling.
 *
 * The value of a player is that in the game it was removed from, made monotone along the order of removal (see
 * `elimination.ts`); those left at the end have their values in the last game. Selecting the lowest of noisy estimates
 * makes those removed look worse than they are, and since the evidence is used again, a player that was underrated
 * once is so for a while; fresh orders in every round wear that off. Standard errors know nothing of it.
 */
export const sequential = defineEstimator({
  name: "sequential",
  title: "Sequential Shapley values",
  reference:
    "Castro, Gómez & Tejada (2009), doi:10.1016/j.cor.2008.04.004, re-estimated among those left as players are removed",
  description: "Values among the players left, estimated anew while the lowest are removed; for pruning",
  supports: ["shapley", "banzhaf", "window"],
  adapts: true,
  minimumBudget: (players, _examples, options) =>
    rowsOfPair(courseOf(weightingOf(options, players), players)),
  scheme: sequentialScheme,
});

function weightingOf(options: SizingOptions | undefined, players: number): Weighting {
  return options?.weighting ?? (players === 1 ? { kind: "shapley" } : usualWeighting);
}

function removedOf(left: number): number {
  return Math.min(left - 1, Math.max(1, Math.floor(left * sharePerRound)));
}

/** Whether players are removed after a round with so many. */
function goesOn(weighting: Weighting, left: number): boolean {
  return left > 1 && countsAny(weighting, left);
}

/** Part of the rows not spent on earlier rounds that a round takes. @param perPlayer Rows for each player, in all. */
function partOf(round: number, left: number, perPlayer: number): number {
  if (round === 0) return Math.min(1, Math.max(firstShare, firstRowsPerPlayer / perPlayer));
  let later = 0;
  for (let rest = left; rest > 1; rest -= removedOf(rest)) later += rest;
  return left / later;
}

function sequentialScheme(game: Game, options: EstimatorOptions): Scheme<Uint32Array> {
  const { players } = game;
  const { seed, budget } = options;
  const weighting = weightingOf(options, players);
  const exampleAt = visits(game.examples, seed, purposes.visits);
  const purse = purseOf(budget);
  const elimination = noneRemoved(players);
  let course = courseOf(weighting, players);
  const group = sharedBy(game, { ...options, groupSize: options.groupSize ?? 1 }, rowsOfPair(course));
  const pairs: OrderPair[] = [];
  let known = 0; // marginals in them
  let survivors: RestrictedValues | undefined; // values of those left in the last game, between two rounds
  let round = 0;
  let firstItem = 0;
  let items = 0;

  const rowsOfItem = (): number => group * rowsOfPair(course);
  /** Items that the round is to have, those it has included. */
  const wanted = (done: number): number => {
    const rows = purse.rowsLeft() + done * rowsOfItem(); // not spent on earlier rounds
    const part = partOf(round, elimination.left.length, rows / players);
    return Math.max(Math.floor((part * rows) / rowsOfItem()), purse.rowsLeft() >= rowsOfItem() ? 1 : 0);
  };
  const valuesNow = (): RestrictedValues =>
    valuesAmong(elimination.left, pairs, course, { players, carried });
  /** Removes the lowest and lays out the next round, if there is to be one. */
  const closeRound = (): void => {
    const { values, errors } = valuesNow();
    const { left } = elimination;
    const lowest = new Set(ascending(values).subarray(0, removedOf(left.length)));
    for (const place of lowest) remove(elimination, left[place]!, values[place]!, errors[place]!);
    const stays = (_: number, place: number): boolean => !lowest.has(place);
    survivors = { values: values.filter(stays), errors: errors.filter(stays) };
    if (!goesOn(weighting, elimination.left.length)) return;
    round++;
    firstItem = items;
    course = courseOf(weighting, elimination.left.length);
    items += wanted(0);
  };
  items = wanted(0);
  return {
    layout: { group, game: describeWeighting(weighting) },
    get items() {
      return items;
    },
    get ends() {
      return budget.rows === undefined ? "seconds" : "budget";
    },
    costly: true,
    rowsOf: rowsOfItem,
    write(item, { masks, examples }, row) {
      const order = orderOf(item, elimination.left, seed);
      const rows = rowsOfPair(course);
      writePair(order, course, players, masks, row);
      for (let k = 0; k < group; k++) {
        const first = row + k * rows;
        if (k > 0) masks.copyWithin(first * players, row * players, (row + rows) * players);
        examples.fill(exampleAt(item * group + k), first, first + rows);
      }
      return order;
    },
    fold(item, order, { payoffs }, row) {
      const marginals = new Float64Array(2 * (course.to - course.from));
      for (let k = 0; k < group; k++) addMarginals(course, payoffs, row + k * rowsOfPair(course), marginals);
      pairs.push({ item, order, from: course.from, marginals: marginals.map((sum) => sum / group) });
      known += marginals.length;
      while (known > largestMemory && pairs.length > 1) known -= pairs.shift()!.marginals.length;
      purse.spend(rowsOfItem());
      survivors = undefined;
      if (item + 1 < items) return;
      const done = items - firstItem;
      const more = wanted(done);
      if (more >= worthMore * done) items = firstItem + more;
      else closeRound();
    },
    figures() {
      const { values, errors } = survivors ?? valuesNow();
      return {
        ...valuesOf(elimination, values, errors),
        observations: 0,
        influences: () => new Float64Array(0),
      };
    },
    save: () => ({
      ...saveElimination(elimination),
      ...savePairs(pairs),
      survivors: survivors?.values ?? new Float64Array(0),
      survivorErrors: survivors?.errors ?? new Float64Array(0),
      numbers: Float64Array.of(purse.spent, round, firstItem, items),
    }),
    load(saved) {
      loadElimination(elimination, saved);
      const { left, order } = elimination;
      for (const pair of loadPairs(saved, weighting, players, order, seed)) pairs.push(pair);
      known = pairs.reduce((sum, { marginals }) => sum + marginals.length, 0);
      const { survivors: values, survivorErrors: errors, numbers } = saved;
      survivors = values!.length === 0 ? undefined : { values: values!, errors: errors! };
      if (countsAny(weighting, left.length)) course = courseOf(weighting, left.length);
      purse.resume(numbers![0]!);
      [round, firstItem, items] = [numbers![1]!, numbers![2]!, numbers![3]!];
    },
  };
}

/** Orders are drawn again when they are needed: their items, and how many players there were, are enough. */
function savePairs(pairs: readonly OrderPair[]): Sums {
  return {
    drawnBy: Float64Array.from(pairs, ({ item }) => item),
    drawnFrom: Float64Array.from(pairs, ({ order }) => order.length),
    marginals: Float64Array.from(pairs.flatMap(({ marginals }) => [...marginals])),
  };
}

function loadPairs(
  { drawnBy, drawnFrom, marginals }: Sums,
  weighting: Weighting,
  players: number,
  gone: readonly number[],
  seed: number,
): OrderPair[] {
  let read = 0;
  return Array.from(drawnBy!, (item, k): OrderPair => {
    const count = drawnFrom![k]!;
    const before = new Set(gone.slice(0, players - count));
    const { from, to } = courseOf(weighting, count);
    const own = marginals!.slice(read, read + 2 * (to - from));
    read += own.length;
    const order = orderOf(
      item,
      [...range(players)].filter((player) => !before.has(player)),
      seed,
    );
    return { item, order, from, marginals: own };
  });
}
