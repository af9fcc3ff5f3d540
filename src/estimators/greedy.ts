/** @file Removes, again and again, the player that is missed least by those that are left. */
import type { Game } from "../games/game.ts";
import { addVector, emptyMoments, type Moments, standardErrorsOf } from "../math/moments.ts";
import { ascending } from "../math/ranks.ts";
import { defineEstimator } from "./define.ts";
import { loadElimination, noneRemoved, remove, saveElimination, valuesOf } from "./elimination.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { purseOf } from "./purse.ts";
import type { Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/** Coalitions of all rounds from `left` players on: in each, those left, and those left less each of them. */
function coalitionsFrom(left: number): number {
  return (left * (left + 3)) / 2;
}

/**
 * Each round evaluates the players that are left, and the same less each of them, on the same examples, and removes
 * the one whose absence costs least. The value of a player is the worth lost when it went, made monotone along the
 * order (see `elimination.ts`). Not a Shapley value. Standard errors are those of the loss over the examples of its
 * round, the order taken as given.
 * An item is one example of the round.
 */
export const greedy = defineEstimator({
  name: "greedy",
  title: "Greedy leave-one-out",
  reference:
    "backward elimination: Marill & Green, IEEE Trans. Inf. Theory 9 (1963), doi:10.1109/TIT.1963.1057810",
  description: "Removes the player missed least, again and again: n (n + 3) / 2 rows an example",
  supports: ["shapley"],
  adapts: true,
  minimumBudget: coalitionsFrom,
  scheme: greedyScheme,
});

/** A round is laid out anew in the middle when the pace promises at least so many times its examples. */
const worthMore = 1.25;

function greedyScheme(game: Game, options: EstimatorOptions): Scheme<null> {
  const { players, examples } = game;
  const exampleAt = visits(examples, options.seed, purposes.visits);
  const purse = purseOf(options.budget);
  const elimination = noneRemoved(players);
  let losses = emptyMoments(players); // of those left, in their order
  let isWhole = true;
  let firstItem = 0;
  let items = 0;

  /** Examples for the round, if every later one is to have as many. */
  const affordable = (): number => {
    const left = elimination.left.length;
    const rows = purse.rowsLeft() + losses.count * (left + 1);
    return Math.max(1, Math.min(examples, Math.floor(rows / coalitionsFrom(left))));
  };
  const closeRound = (): void => {
    const errors = errorsOf(losses, examples);
    const place = ascending(losses.mean)[0]!;
    isWhole &&= losses.count === examples;
    remove(elimination, elimination.left[place]!, losses.mean[place]!, errors[place]!);
    losses = emptyMoments(elimination.left.length);
    firstItem = items;
    if (elimination.left.length > 0) items += affordable();
  };
  items = affordable();
  return {
    layout: {},
    get items() {
      return items;
    },
    get ends() {
      if (isWhole) return "complete";
      return options.budget.rows === undefined ? "seconds" : "budget";
    },
    costly: false,
    rowsOf: () => elimination.left.length + 1,
    write(item, { masks, examples: rowExamples }, row) {
      const { left } = elimination;
      for (let k = 0; k <= left.length; k++) {
        const first = (row + k) * players;
        for (const player of left) masks[first + player] = 1;
        if (k > 0) masks[first + left[k - 1]!] = 0;
      }
      rowExamples.fill(exampleAt(item - firstItem), row, row + left.length + 1);
      return null;
    },
    fold(item, _note, { payoffs }, row) {
      const count = elimination.left.length;
      purse.spend(count + 1);
      addVector(
        losses,
        payoffs.subarray(row + 1, row + 1 + count).map((without) => payoffs[row]! - without),
      );
      if (item + 1 < items) return;
      const more = affordable();
      if (more >= worthMore * losses.count) items = firstItem + more;
      else closeRound();
    },
    figures: () => ({
      ...valuesOf(
        elimination,
        losses.mean,
        losses.mean.map(() => Number.POSITIVE_INFINITY),
      ),
      observations: 0,
      influences: () => new Float64Array(0),
    }),
    save: () => ({
      ...saveElimination(elimination),
      mean: losses.mean,
      squares: losses.squares,
      numbers: Float64Array.of(losses.count, purse.spent, firstItem, items, isWhole ? 1 : 0),
    }),
    load(saved) {
      const [count, spent, first, laidOut, whole] = saved["numbers"]!;
      loadElimination(elimination, saved);
      losses = { count: count!, mean: saved["mean"]!, squares: saved["squares"]! };
      purse.resume(spent!);
      [firstItem, items, isWhole] = [first!, laidOut!, whole === 1];
    },
  };
}

function errorsOf(losses: Moments, examples: number): Float64Array {
  return examples === 1 ? new Float64Array(losses.mean.length) : standardErrorsOf(losses);
}
