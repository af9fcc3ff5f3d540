/** @file The mean of what a player adds alone and what is lost without it. */
import { defineEstimator } from "./define.ts";
import { coalitionsNeeded, enumeration } from "./enumeration.ts";

/** Half for joining no one, half for joining all others; one player alone does both at once. */
function bothEnds(players: number): Float64Array {
  const weights = new Float64Array(players);
  weights[0] = 0.5;
  weights[players - 1] = (weights[players - 1] ?? 0) + 0.5;
  return weights;
}

/**
 * φ_i = ½ (v({i}) - v(∅)) + ½ (v(N) - v(N \ i)): the Shapley value of games without interactions above pairs, and
 * elsewhere a cheap guess for screening. 2n + 2 rows an example.
 */
export const firstInLastOut = defineEstimator({
  name: "first-in-last-out",
  title: "First in, last out",
  reference:
    "Owen, Management Science 18 (1972), doi:10.1287/mnsc.18.5.64, ends of the multilinear extension",
  description:
    "Mean of v(i alone) - v(none) and v(all) - v(all but i): 2n + 2 rows an example, for screening",
  supports: ["shapley"],
  minimumBudget: (players) => coalitionsNeeded(bothEnds(players)),
  scheme: (game, options) => enumeration(game, options, bothEnds(game.players)),
});
