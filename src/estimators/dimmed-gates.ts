/** @file Gates that are all open by the same amount: where gradients come near to Shapley values. */
import type { Weighting } from "./estimator.ts";

/**
 * Openings whose derivatives average to the values of a multilinear game under a weighting: one half for Banzhaf values;
 * else the nodes of Gauss and Legendre on the part of 0 … 1 that counts. Two nodes are exact for interactions of up to
 * four players, one for pairs.
 * @param count Openings wished for.
 * @see Owen (1972); Aumann & Shapley, "Values of Non-Atomic Games" (1974).
 */
export function openingsFor(weighting: Weighting, count: 1 | 2): Float32Array {
  if (weighting.kind === "banzhaf") return Float32Array.of(0.5);
  const { from, to } = weighting.kind === "window" ? weighting : { from: 0, to: 1 };
  const centre = (from + to) / 2;
  const reach = (to - from) / 2 / Math.sqrt(3);
  return count === 1 ? Float32Array.of(centre) : Float32Array.of(centre - reach, centre + reach);
}

/** Where gradients of an item go and where their examples stand. */
interface Gates {
  readonly at: Float32Array;
  readonly examples: Uint32Array;
}

/** Writes one gate row for each opening of one example. */
export function writeGates(
  { at, examples }: Gates,
  gate: number,
  openings: Float32Array,
  example: number,
): void {
  const players = at.length / examples.length;
  openings.forEach((opening, k) => {
    at.fill(opening, (gate + k) * players, (gate + k + 1) * players);
    examples[gate + k] = example;
  });
}

/** Mean of the derivatives of one example over its openings. @param into Shape [players]. */
export function meanDerivatives(
  derivatives: Float64Array,
  gate: number,
  openings: number,
  into: Float64Array,
): Float64Array {
  const players = into.length;
  into.fill(0);
  for (let k = gate * players; k < (gate + openings) * players; k += players)
    for (let player = 0; player < players; player++)
      into[player] = into[player]! + derivatives[k + player]! / openings;
  return into;
}
