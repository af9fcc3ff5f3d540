/** @file Shapley values estimated anew while players are removed. */
import type { Game } from "../games/game.ts";
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { shuffle, stream } from "../math/random.ts";
import { ascending } from "../math/ranks.ts";
import { defineEstimator } from "./define.ts";
import { loadElimination, noneRemoved, remove, saveElimination, valuesOf } from "./elimination.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { purseOf } from "./purse.ts";
import type { Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/** Share of the players left that one round removes. */
const sharePerRound = 0.1;

export const sequential = defineEstimator({
  name: "sequential",
  title: "Sequential Shapley values",
  reference: "Castro, Gómez & Tejada (2009), doi:10.1016/j.cor.2008.04.004, re-estimated after each removal",
  description: "Shapley values among the players left, estimated anew after every removal",
  supports: ["shapley"],
  adapts: true,
  minimumBudget: (players) => roundsOf(players).reduce((sum, left) => sum + 2 * left, 0),
  scheme: sequentialScheme,
});

/** Players left at the start of each round. */
function roundsOf(players: number): number[] {
  const rounds: number[] = [];
  for (let left = players; left > 0; left -= removedOf(left)) rounds.push(left);
  return rounds;
}

function removedOf(left: number): number {
  return left <= 2 ? left : Math.max(1, Math.floor(left * sharePerRound));
}

/** An item is an order of the players left and its reverse on one example. */
function sequentialScheme(game: Game, options: EstimatorOptions): Scheme<Uint32Array> {
  const { players } = game;
  const exampleAt = visits(game.examples, options.seed, purposes.visits);
  const purse = purseOf(options.budget);
  const elimination = noneRemoved(players);
  let marginals = emptyMoments(players);
  let items = 0;

  const itemsOfRound = (): number => {
    const left = elimination.left.length;
    const later = roundsOf(left).reduce((sum, one) => sum + 2 * one, 0);
    return Math.max(1, Math.floor(purse.rowsLeft() / later));
  };
  const closeRound = (): void => {
    const { left } = elimination;
    const errors = standardErrorsOf(marginals);
    const { mean } = marginals;
    for (const lowest of ascending(mean).subarray(0, removedOf(left.length)))
      remove(elimination, elimination.left.indexOf(left[lowest]!), mean[lowest]!, errors[lowest]!);
    marginals = emptyMoments(elimination.left.length);
    if (elimination.left.length > 0) items += itemsOfRound();
  };
  items = itemsOfRound();
  return {
    layout: {},
    get items() {
      return items;
    },
    get ends() {
      return options.budget.rows === undefined ? ("seconds" as const) : ("budget" as const);
    },
    costly: false,
    rowsOf: () => 2 * elimination.left.length,
    write(item, { masks, examples }, row) {
      const order = shuffle(Uint32Array.from(elimination.left), stream(options.seed, item, purposes.items));
      const size = order.length;
      writeWalk(order, 0, size, masks, row, players);
      writeWalk(order.toReversed(), 1, size - 1, masks, row + size + 1, players);
      examples.fill(exampleAt(item), row, row + 2 * size);
      return order;
    },
    fold(item, order, { payoffs }, row) {
      purse.spend(2 * order.length);
      addVector(marginals, marginalsOf(order, elimination.left, payoffs, row));
      if (item + 1 === items) closeRound();
    },
    figures: () => ({
      ...valuesOf(elimination, marginals.mean, standardErrorsOf(marginals)),
      observations: 0,
      influences: () => new Float64Array(0),
    }),
    save: () => ({
      ...saveElimination(elimination),
      mean: marginals.mean,
      squares: marginals.squares,
      numbers: Float64Array.of(marginals.count, purse.spent, items),
    }),
    load(saved) {
      const [count, spent, laidOut] = saved["numbers"]!;
      loadElimination(elimination, saved);
      marginals = { count: count!, mean: saved["mean"]!, squares: saved["squares"]! };
      purse.resume(spent!);
      items = laidOut!;
    },
  };
}

/** Prefixes of an order of some of the players, from size `from` to `to`. */
function writeWalk(
  order: Uint32Array,
  from: number,
  to: number,
  masks: Uint8Array,
  row: number,
  players: number,
): void {
  for (let size = from; size <= to; size++)
    for (let k = 0; k < size; k++) masks[(row + size - from) * players + order[k]!] = 1;
}

/** Mean of the two marginals of each player left. */
function marginalsOf(
  order: Uint32Array,
  left: readonly number[],
  payoffs: Float64Array,
  row: number,
): Float64Array {
  const size = order.length;
  const sums = new Map<number, number>();
  const worth = (k: number): number => payoffs[row + k]!; // of the first k
  const reverse = (k: number): number => (k === 0 || k === size ? worth(k) : payoffs[row + size + k]!);
  order.forEach((player, k) => {
    sums.set(player, (worth(k + 1) - worth(k) + reverse(size - k) - reverse(size - k - 1)) / 2);
  });
  return Float64Array.from(left, (player) => sums.get(player)!);
}
