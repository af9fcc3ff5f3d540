/** @file Shapley values as the integral of the multilinear extension, over antithetic strata. */
import type { Game } from "../games/game.ts";
import { type RandomStream, stream, uniform } from "../math/random.ts";
import { defineEstimator } from "./define.ts";
import type { EstimatorOptions } from "./estimator.ts";
import { sharedBy } from "./groups.ts";
import { meansOf, noObservations, observe } from "./observations.ts";
import type { Rows, Scheme } from "./scheme.ts";
import { purposes, visits } from "./visits.ts";

/**
 * φ_i = ∫ E[v(S ∪ i) - v(S \ i)] dq over q in (0, 1), S taking each player in with probability q. An item takes a
 * group of examples; its k-th example draws q from the k-th of as many strata of (0, ½), and a fresh S. S and its
 * complement (which belongs to 1 - q) are evaluated, each with every single player flipped: 2 (n + 1) rows, from which
 * every player gets two marginals. Under the Banzhaf weighting q is ½ throughout. Values need not add up to
 * v(all) - v(none).
 */
export const owen = defineEstimator({
  name: "owen",
  title: "Owen sampling, antithetic and stratified",
  reference: "Okhrati & Lipani, ICPR 2020, arXiv:2010.12082; Owen (1972), doi:10.1287/mnsc.18.5.64",
  description: "Random coalitions of every density with each player flipped",
  supports: ["shapley", "banzhaf"],
  minimumBudget: (players) => 2 * (players + 1),
  scheme: owenScheme,
});

function owenScheme(game: Game, options: EstimatorOptions): Scheme<null> {
  const { players, examples } = game;
  const rowsPerExample = 2 * (players + 1);
  const group = sharedBy({ players, examples: Number.POSITIVE_INFINITY }, options, rowsPerExample); // strata, needed with one example too
  const isBanzhaf = options.weighting?.kind === "banzhaf";
  const exampleAt = visits(examples, options.seed, purposes.visits);
  const observations = noObservations(players);
  const observed = new Float64Array(players);

  return {
    layout: { group },
    items: Math.floor((options.budget.rows ?? Infinity) / (group * rowsPerExample)),
    ends: "budget",
    costly: false,
    rowsOf: () => group * rowsPerExample,
    write(item, { masks, examples: rowExamples }, row) {
      const random = stream(options.seed, item, purposes.items);
      for (let k = 0; k < group; k++) {
        const first = row + k * rowsPerExample;
        const density = isBanzhaf ? 0.5 : (k + uniform(random)) / (2 * group);
        drawCoalition(density, players, random, masks, first * players);
        writeComplement(players, masks, first, first + players + 1);
        writeFlips(players, masks, first);
        writeFlips(players, masks, first + players + 1);
        rowExamples.fill(exampleAt(item * group + k), first, first + rowsPerExample);
      }
      return null;
    },
    fold(_item, _note, rows, row) {
      observed.fill(0);
      for (let k = 0; k < 2 * group; k++) creditFlips(rows, row + k * (players + 1), observed);
      for (let i = 0; i < players; i++) observed[i] = observed[i]! / (2 * group);
      observe(observations, observed);
    },
    ...meansOf(observations),
  };
}

function drawCoalition(
  density: number,
  players: number,
  random: RandomStream,
  masks: Uint8Array,
  at: number,
): void {
  for (let i = 0; i < players; i++) masks[at + i] = uniform(random) < density ? 1 : 0;
}

function writeComplement(players: number, masks: Uint8Array, from: number, to: number): void {
  for (let i = 0; i < players; i++) masks[to * players + i] = 1 - masks[from * players + i]!;
}

/** Below the coalition of row `row`, one row for each player in which only that player has changed sides. */
function writeFlips(players: number, masks: Uint8Array, row: number): void {
  const start = row * players;
  for (let i = 0; i < players; i++) {
    const at = start + (i + 1) * players;
    masks.copyWithin(at, start, start + players);
    masks[at + i] = 1 - masks[at + i]!;
  }
}

function creditFlips({ masks, payoffs }: Rows, row: number, into: Float64Array): void {
  const players = into.length;
  for (let i = 0; i < players; i++) {
    const gained = payoffs[row]! - payoffs[row + 1 + i]!;
    into[i] = into[i]! + (masks[row * players + i] === 1 ? gained : -gained);
  }
}
