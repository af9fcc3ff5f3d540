/** @file How many examples share one draw of coalitions. */
import type { Game } from "../games/game.ts";
import type { EstimatorOptions } from "./estimator.ts";

/** A larger group means fewer coalitions for the same rows. Two rank as well as one and halve the work of regressions. */
const defaultGroupSize = 2;

/** Mask bytes that one item may take. */
const largestItemBytes = 2 ** 24;

/**
 * The group size wished for, lowered where it would do harm: to the number of examples, to leave at least `draws`
 * separate draws within the budget, and to keep the masks of one item below 16 MB.
 * @param rowsPerExample Rows of one draw on one example.
 * @param draws Draws below which sharing costs more than it saves; 2 allow a first standard error.
 */
export function sharedBy(
  game: Pick<Game, "players" | "examples">,
  options: EstimatorOptions,
  rowsPerExample: number,
  draws = 2,
): number {
  const { groupSize = defaultGroupSize, budget } = options;
  const affordable = Math.floor((budget.rows ?? Infinity) / (draws * rowsPerExample));
  const fitting = Math.floor(largestItemBytes / (rowsPerExample * game.players));
  return Math.max(1, Math.min(groupSize, game.examples, affordable, fitting));
}
