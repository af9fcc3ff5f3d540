/** @file The unbiased paired estimator: a weighted mean of half differences, without any solving. */
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { kernelPairs, layoutOf, type PairSink, pairScheme } from "./coalition-pairs.ts";
import { defineEstimator } from "./define.ts";
import { errorsOf, influencesOf, noObservations, observe } from "./observations.ts";

/** Pairs below which examples stop sharing them: enough for error bars. */
const wantedPairs = 64;

/**
 * φ_i = Δ/n + Z · mean of ½ (v(S) - v(S̄)) (n·1[i ∈ S] - |S|), sizes drawn with p(s) ∝ 1 / (s (n - s)) and
 * Z = Σ 1 / (s (n - s)) over s = 1 … n - 1. Unbiased for every number of pairs, and adds up to Δ = v(all) - v(none)
 * because Σ_i (n·1[i ∈ S] - |S|) = 0.
 */
export const simshap = defineEstimator({
  name: "simshap",
  title: "Unbiased paired semivalue estimator",
  reference: "Zhang et al., SimSHAP, arXiv:2311.01010; Covert & Lee, AISTATS 2021, arXiv:2012.01536",
  description: "Weighted mean over coalitions and their complements; unbiased at any budget",
  supports: ["shapley"],
  minimumBudget: (players) => (players > 1 ? 4 : 2),
  scheme(game, options) {
    const layout = layoutOf(game, options, { fewest: 1, wanted: wantedPairs, allowFull: false });
    const draw = kernelPairs(game.players, options.seed);
    return pairScheme(game, options, layout, draw, weightedMean(game.players, game.examples));
  },
});

function weightedMean(players: number, examples: number): PairSink {
  let norm = 0;
  for (let size = 1; size < players; size++) norm += 1 / (size * (players - size));
  const totals = emptyMoments(1);
  const observations = noObservations(players);
  const observed = new Float64Array(players);
  return {
    addTotal: (value) => addVector(totals, [value]),
    addPair(_pair, half, mask, size) {
      for (let i = 0; i < players; i++) observed[i] = norm * half * (players * mask[i]! - size);
      observe(observations, observed);
    },
    figures() {
      const share = totals.mean[0]! / players;
      const errorOfShare = examples === 1 ? 0 : standardErrorsOf(totals)[0]! / players;
      const { mean } = observations.moments;
      const errors = players === 1 ? new Float64Array(1) : errorsOf(observations);
      return {
        values: mean.map((value) => value + share),
        standardErrors: errors.map((error) => Math.hypot(error, errorOfShare)),
        observations: observations.moments.count,
        influences: () => influencesOf(observations),
      };
    },
  };
}
