/** @file Removes, again and again, the player that is missed least by those that are left. */
import type { Game } from "../games/game.ts";
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { ascending } from "../math/ranks.ts";
import { mean } from "../math/sums.ts";
import { defineEstimator } from "./define.ts";
import {
  loadElimination,
  noneRemoved,
  remove,
  reviseLast,
  saveElimination,
  valuesOf,
} from "./elimination.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { purseOf } from "./purse.ts";
import type { Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/** Rows an example of all rounds from `left` players on, the one that only looks at what nobody is worth included. */
function rowsFrom(left: number): number {
  return ((left + 1) * (left + 2)) / 2;
}

/**
 * Each round evaluates the players that are left less each of them, all on the same examples, and removes the one
 * whose absence leaves the most. The examples stay the same from round to round: with fresh ones for every round,
 * rankings are much worse at the same cost (LeNet-5, 20,000 rows for 20 to 100 players), since each round then errs
 * anew, while players that are indispensable on the same examples stay so.
 *
 * The value of a player is the worth lost when it went, made monotone along the order (see `elimination.ts`); values
 * add up to v(all) - v(none). Not a Shapley value. On the examples that chose the player the loss would look smaller
 * than it is, so it is measured on others: the last of the visiting sequence, while choices use the first. The two
 * meet when a run affords more than half of all examples. Standard errors are those of the loss over examples,
 * the order taken as given.
 *
 * An item is one example to choose by and one to measure by. No round looks only at players that were cheap before:
 * games are not submodular, so that would be another, faster result.
 */
export const greedy = defineEstimator({
  name: "greedy",
  title: "Greedy leave-one-out",
  reference:
    "backward elimination: Marill & Green, IEEE Trans. Inf. Theory 9 (1963), doi:10.1109/TIT.1963.1057810",
  description: "Removes the player missed least, again and again: (n + 1) (n + 2) / 2 rows an example",
  supports: ["shapley"],
  adapts: true,
  minimumBudget: rowsFrom,
  scheme: greedyScheme,
});

/** A round is laid out anew in the middle when the pace promises at least so many times its examples. */
const worthMore = 1.25;

function greedyScheme(game: Game, options: EstimatorOptions): Scheme<null> {
  const { players, examples } = game;
  const exampleAt = visits(examples, options.seed, purposes.visits);
  const purse = purseOf(options.budget);
  const elimination = noneRemoved(players);
  let without = emptyMoments(players); // worth less each of those left, in their order
  let whole: number[] = []; // worth of those left on the examples to measure by
  let wholeBefore: readonly number[] = []; // the same a round ago
  let isComplete = true;
  let firstItem = 0;
  let items = 0;

  /** Examples for the round, if every later one is to have as many. */
  const affordable = (): number => {
    const left = elimination.left.length;
    const rows = purse.rowsLeft() + whole.length * (left + 1);
    return Math.max(1, Math.min(examples, Math.floor(rows / rowsFrom(left))));
  };
  const closeRound = (): void => {
    const { left, order } = elimination;
    if (order.length > 0) reviseLast(elimination, ...lossOf(wholeBefore, whole, examples));
    isComplete &&= whole.length === examples;
    if (left.length === 0) return;
    const kept = ascending(without.mean).at(-1)!;
    remove(elimination, left[kept]!, elimination.losses.at(-1) ?? 0, Number.POSITIVE_INFINITY);
    wholeBefore = whole;
    whole = [];
    without = emptyMoments(elimination.left.length);
    firstItem = items;
    items += affordable();
  };
  items = affordable();
  return {
    layout: {},
    get items() {
      return items;
    },
    get ends() {
      if (isComplete) return "complete";
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
      rowExamples.fill(exampleAt(item - firstItem), row + 1, row + left.length + 1);
      rowExamples[row] = exampleAt(examples - 1 - (item - firstItem));
      return null;
    },
    fold(item, _note, { payoffs }, row) {
      const count = elimination.left.length;
      purse.spend(count + 1);
      whole.push(payoffs[row]!);
      addVector(without, payoffs.subarray(row + 1, row + 1 + count));
      if (item + 1 < items) return;
      const more = affordable();
      if (more >= worthMore * whole.length) items = firstItem + more;
      else closeRound();
    },
    figures() {
      const worth = whole.length === 0 ? 0 : mean(whole);
      const losses = without.mean.map((rest) => worth - rest);
      return {
        ...valuesOf(
          elimination,
          losses,
          losses.map(() => Number.POSITIVE_INFINITY),
        ),
        observations: 0,
        influences: () => new Float64Array(0),
      };
    },
    save: () => ({
      ...saveElimination(elimination),
      mean: without.mean,
      squares: without.squares,
      whole: Float64Array.from(whole),
      wholeBefore: Float64Array.from(wholeBefore),
      numbers: Float64Array.of(purse.spent, firstItem, items, isComplete ? 1 : 0),
    }),
    load(saved) {
      const [spent, first, laidOut, complete] = saved["numbers"]!;
      loadElimination(elimination, saved);
      whole = [...saved["whole"]!];
      wholeBefore = [...saved["wholeBefore"]!];
      without = { count: whole.length, mean: saved["mean"]!, squares: saved["squares"]! };
      purse.resume(spent!);
      [firstItem, items, isComplete] = [first!, laidOut!, complete === 1];
    },
  };
}

/** Mean of what went from one round to the next on the same examples, and its standard error. */
function lossOf(
  before: readonly number[],
  after: readonly number[],
  examples: number,
): readonly [loss: number, error: number] {
  const losses = emptyMoments(1);
  for (let k = 0; k < Math.min(before.length, after.length); k++) addVector(losses, [before[k]! - after[k]!]);
  return [losses.mean[0]!, examples === 1 ? 0 : standardErrorsOf(losses)[0]!];
}
