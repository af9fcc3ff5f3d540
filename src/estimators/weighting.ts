/** @file Semivalues: how much each coalition size counts. */
import { PrunerError } from "../base/problem.ts";
import { logBinomial } from "../math/combinatorics.ts";
import type { Weighting } from "./estimator.ts";

/**
 * Weight of the marginal contributions to coalitions of each size, all coalitions of the size together; sums to 1.
 * Shapley: 1/n each. Banzhaf: C(n-1, s) / 2^(n-1). Window: equal over the steps s → s + 1 with from·n ≤ s and
 * s + 1 ≤ to·n, none outside.
 * @returns Shape [players]; entry s is for joining a coalition of s others.
 * @throws {PrunerError} `weighting-empty` when no step lies in the window.
 */
export function sizeShares(weighting: Weighting, players: number): Float64Array {
  switch (weighting.kind) {
    case "shapley":
      return new Float64Array(players).fill(1 / players);
    case "banzhaf":
      return Float64Array.from({ length: players }, (_, size) =>
        Math.exp(logBinomial(players - 1, size) - (players - 1) * Math.LN2),
      );
    case "window":
      return windowShares(weighting.from, weighting.to, players);
    default:
      return weighting satisfies never;
  }
}

/** Whether any coalition size counts among so many players. */
export function countsAny(weighting: Weighting, players: number): boolean {
  return weighting.kind !== "window" || stepsInside(weighting.from, weighting.to, players).includes(1);
}

function stepsInside(from: number, to: number, players: number): Float64Array {
  const slack = 1e-9; // 0.3 · 10 is a little less than 3
  return Float64Array.from({ length: players }, (_, size) =>
    size >= from * players - slack && size + 1 <= to * players + slack ? 1 : 0,
  );
}

function windowShares(from: number, to: number, players: number): Float64Array {
  const inside = stepsInside(from, to, players);
  const steps = inside.reduce((count, step) => count + step, 0);
  if (steps === 0) throw new PrunerError("weighting-empty", { from, to, players });
  return inside.map((step) => step / steps);
}

/** Weight of joining one single coalition of each size, [players]: the share of the size over C(n-1, s). */
export function coalitionWeights(weighting: Weighting, players: number): Float64Array {
  return sizeShares(weighting, players).map((share, size) =>
    share === 0 ? 0 : Math.exp(Math.log(share) - logBinomial(players - 1, size)),
  );
}

/** The weighting in one line, for states and messages. */
export function describeWeighting(weighting: Weighting): string {
  return weighting.kind === "window" ? `window ${weighting.from} to ${weighting.to}` : weighting.kind;
}
