/** @file Regression of half differences on who is in: KernelSHAP and LeverageSHAP without their sampling. */
import type { Game } from "../games/game.ts";
import { addVector, emptyMoments, standardErrorsOf } from "../math/moments.ts";
import { fitPowers, type Solver } from "../math/solve.ts";
import type { DrawPair, PairLayout, PairSink } from "./coalition-pairs.ts";
import { addMembers, emptyNormal, errorsOfInfluences, total, zeroSumSolver } from "./least-squares.ts";
import { blockCount } from "./observations.ts";
import type { Figures } from "./scheme.ts";

export interface PairRegression {
  /** Weight of a pair in the squares, by the size of its smaller half. */
  readonly weightOf: (size: number) => number;
  /** In units of the summed squares of a feature ±½, for a sample of so many pairs. */
  readonly ridgeFor: (pairs: number) => number;
  /** Takes out the mean half difference of each size before the fit, as an odd polynomial in |S|/n - 1/2. */
  readonly centring: boolean;
}

/** Odd powers of a polynomial of degree 6; the even ones cancel between a coalition and its complement. */
const oddPowers = [1, 3, 5];

/**
 * With y = ½ (v(S) - v(S̄)), z_i = ±½ for i in or out of S and Δ = v(N) - v(∅), KernelSHAP over pairs is
 *     minimise Σ w (zᵀφ - y)²   subject to   Σ φ = Δ,
 * since fitting v(S) and v(S̄) together only leaves their difference to explain. Writing φ = Δ/n + ψ with Σ ψ = 0, the
 * target becomes y - Δ t with t = |S|/n - ½, and z may be replaced by z + ½, the plain membership: Σ ψ = 0 hides the
 * shift, and sums over few members are quick. Centring puts the fitted mean of y at each size in place of Δ t: subsets
 * of one size are uniform, so the expectation of the fit stays and its noise falls.
 *
 * Standard errors: pairs are dealt to 32 blocks, each block's part in the estimating equations is carried through the
 * solution (linearised jackknife), and the variance is raised by m / (m - n) for m pairs. The error of Δ comes on top.
 */
export function pairRegression(
  game: Game,
  layout: PairLayout,
  draw: DrawPair,
  { weightOf, ridgeFor, centring }: PairRegression,
): PairSink {
  const { players, examples } = game;
  const totals = emptyMoments(1);
  const halves: number[] = [];
  const normal = emptyNormal(players);
  const right = new Float64Array(players); // Σ w x y, x the membership in the smaller half
  const trends = oddPowers.map(() => new Float64Array(players)); // Σ w x t^power
  const bySize = { weight: new Float64Array(players + 1), half: new Float64Array(players + 1) };
  let totalWeight = 0;
  const scratch = new Uint8Array(players);

  const trendAt = (size: number): number => size / players - 0.5;

  /** Coefficients of the odd powers of t that are taken out of y. */
  const centreOf = (delta: number): ArrayLike<number> => {
    if (!centring) return [delta];
    const sizes = Array.from(bySize.weight.keys()).filter(
      (size) => bySize.weight[size]! > 0 && size * 2 !== players,
    );
    const folded = new Set(sizes.map((size) => Math.min(size, players - size)));
    const powers = oddPowers.slice(0, Math.min(oddPowers.length, Math.floor((folded.size + 1) / 2)));
    const fit = fitPowers(
      sizes.map(trendAt),
      sizes.map((size) => bySize.half[size]! / bySize.weight[size]!),
      sizes.map((size) => bySize.weight[size]!),
      powers,
    );
    return fit ?? [delta];
  };
  const centredAt = (coefficients: ArrayLike<number>, size: number): number => {
    let value = 0;
    for (let k = 0; k < coefficients.length; k++) value += coefficients[k]! * trendAt(size) ** oddPowers[k]!;
    return value;
  };
  const maskOf = (pair: number): number => {
    scratch.fill(0);
    return draw(layout.isFull ? Math.floor(pair / examples) : pair, scratch);
  };
  const blockOf = (pair: number): number => (layout.isFull ? pair % examples : pair) % blockCount;

  const influencesOf = (psi: Float64Array, centre: ArrayLike<number>, solve: Solver): Float64Array => {
    const scores = new Float64Array(blockCount * players);
    halves.forEach((half, pair) => {
      const size = maskOf(pair);
      let fitted = 0;
      for (let i = 0; i < players; i++) fitted += scratch[i]! * psi[i]!;
      const residual = weightOf(size) * (half - centredAt(centre, size) - fitted);
      const start = blockOf(pair) * players;
      for (let i = 0; i < players; i++) scores[start + i] = scores[start + i]! + scratch[i]! * residual;
    });
    const freedom = halves.length - players;
    const raise = layout.isFull ? 1 : Math.sqrt(halves.length / freedom);
    const influences = new Float64Array(scores.length);
    for (let start = 0; start < scores.length; start += players) {
      const influence = solve(scores.subarray(start, start + players));
      influences.set(
        influence.map((value) => value * raise),
        start,
      );
    }
    return influences;
  };

  const figures = (): Figures => {
    const delta = totals.mean[0]!;
    const share = delta / players;
    if (halves.length === 0) {
      const error = examples === 1 ? 0 : standardErrorsOf(totals)[0]! / players;
      return {
        values: new Float64Array(players).fill(share),
        standardErrors: new Float64Array(players).fill(players === 1 ? error : Number.POSITIVE_INFINITY),
        observations: 0,
        influences: () => new Float64Array(blockCount * players),
      };
    }
    const solve = zeroSumSolver(normal, (ridgeFor(halves.length) * totalWeight) / 4);
    const centre = centreOf(delta);
    const target = right.slice();
    for (let k = 0; k < centre.length; k++)
      for (let i = 0; i < players; i++) target[i] = target[i]! - centre[k]! * trends[k]![i]!;
    const psi = solve(target);
    const drift = total(psi) / players; // rounding only
    const influences = influencesOf(psi, centre, solve);
    return {
      values: psi.map((value) => value - drift + share),
      standardErrors: errorsFor(influences),
      observations: layout.isFull ? 0 : halves.length,
      influences: () => influences,
    };
  };

  const errorsFor = (influences: Float64Array): Float64Array => {
    const isUnknown = layout.isFull ? halves.length < layout.pairs : halves.length <= players + 1;
    if (isUnknown) return new Float64Array(players).fill(Number.POSITIVE_INFINITY);
    if (layout.isFull && examples === 1) return new Float64Array(players);
    const errorOfTotal = examples === 1 ? 0 : standardErrorsOf(totals)[0]! / players;
    return errorsOfInfluences(influences, players, errorOfTotal * errorOfTotal);
  };

  return {
    addTotal: (value) => addVector(totals, [value]),
    addPair(_pair, half, mask, size) {
      const weight = weightOf(size);
      totalWeight += weight;
      addMembers(normal, mask, weight);
      for (let i = 0; i < players; i++) right[i] = right[i]! + weight * half * mask[i]!;
      trends.forEach((trend, k) => {
        const factor = weight * trendAt(size) ** oddPowers[k]!;
        for (let i = 0; i < players; i++) trend[i] = trend[i]! + factor * mask[i]!;
      });
      bySize.weight[size] = bySize.weight[size]! + weight;
      bySize.half[size] = bySize.half[size]! + weight * half;
      halves.push(half);
    },
    figures,
  };
}
