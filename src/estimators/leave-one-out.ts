/** @file What is lost when one player leaves everyone else. */
import { defineEstimator } from "./define.ts";
import { coalitionsNeeded, enumeration } from "./enumeration.ts";

/** Joining the other n - 1 players is all that counts: φ_i = v(N) - v(N \ i). Not a Shapley value. */
function lastPlace(players: number): Float64Array {
  const weights = new Float64Array(players);
  weights[players - 1] = 1;
  return weights;
}

/** n + 1 rows an example; stops early or covers all examples. */
export const leaveOneOut = defineEstimator({
  name: "leave-one-out",
  title: "Leave one out",
  reference: "Mozer & Smolensky, NIPS 1 (1988)",
  description: "v(all) - v(all but i): n + 1 rows an example",
  supports: ["shapley"],
  minimumBudget: (players) => coalitionsNeeded(lastPlace(players)),
  scheme: (game, options) => enumeration(game, options, lastPlace(game.players)),
});
