/** @file Shapley values estimated anew while players are removed, from all that was seen on the way. */
import type { Game } from "../games/game.ts";
import { ascending } from "../math/ranks.ts";
import { rowsOfPair, walksOfPair, writeWalks } from "./antithetic-walks.ts";
import { defineEstimator } from "./define.ts";
import { loadElimination, noneRemoved, remove, saveElimination, valuesOf } from "./elimination.ts";
import type { Estimator, EstimatorOptions, SizingOptions, Weighting } from "./estimator.ts";
import { sharedBy } from "./groups.ts";
import { courseOf } from "./order-pairs.ts";
import { purseOf } from "./purse.ts";
import { type RestrictedValues, valuesAmong } from "./restricted-values.ts";
import type { Scheme } from "./scheme.ts";
import {
  type Draw,
  drawOf,
  type Evidence,
  loadEvidence,
  maskOf,
  meanMarginals,
  mostRowsOf,
  rowsOfDraw,
  type Stage,
  saveEvidence,
  sizeOf,
} from "./stages.ts";
import { writeStars } from "./stars.ts";
import { purposes, visits } from "./visits.ts";
import { countsAny, describeWeighting } from "./weighting.ts";

/**
 * Coalitions of less than a fifth of the players left are left out unless another weighting is asked for: their
 * payoffs are wild and say nothing about who can be spared (measured: `npm run bench -- sequential`).
 */
const usualWeighting: Weighting = { kind: "window", from: 0.2, to: 1 };

/** Share of the players left that goes after a round. */
const sharePerRound = 0.2;

/** Of the budget, what the first round takes at least: it decides most, and later rounds build on it. */
const firstShare = 0.3;

/** Rows for each player that the first round takes before there is another one. */
const firstRowsPerPlayer = 100;

/** How the rows of a round are spent. */
export interface RoundPlan {
  /** Share of them for whole orders, which look at everyone. */
  readonly shareForAll: number;
  /** The rest goes to the players near the cut, in so many stages; who they are is found anew before each. */
  readonly stagesNearCut: number;
  /** A player is near the cut while its distance from it is below so many standard errors. */
  readonly nearErrors: number;
}

/** As measured: `npm run bench -- near-cut`. */
const usualPlan: RoundPlan = { shareForAll: 0.3, stagesNearCut: 5, nearErrors: 1 };

/** Marginals of earlier games that count for each player in a later one, at most. */
const carried = 1000;

/** Numbers kept as evidence, 16 MB; the oldest go first. */
const largestMemory = 2 ** 21;

/** A stage goes on when the pace promises at least so many times its items. */
const worthMore = 1.25;

/**
 * Rounds: estimate the values in the game among the players left, remove the lowest fifth, go on. A round first looks at
 * everyone, by orders of those left and their reverses on a few examples. What remains of its rows goes to the players
 * near the cut, those whose place above or below it is still open: stars around random coalitions, in which only they
 * join and leave (`stars.ts`). Nothing seen is thrown away: marginals whose coalition holds no removed player are samples
 * of the later games as well, the others are carried along with bounded weight; see `restricted-values.ts`. The first
 * round takes 30% of the rows, or 100 for each player if that is more, and each later one a part in proportion to the
 * players it has, so that a small budget ends in one round.
 *
 * The value of a player is that in the game it was removed from, made monotone along the order of removal (see
 * `elimination.ts`); those left at the end have their values in the last game. Selecting the lowest of noisy estimates
 * makes those removed look worse than they are, and since the evidence is used again, a player that was underrated
 * once is so for a while; fresh orders in every round wear that off. Who is asked about depends on what was seen, so a
 * player that left the neighbourhood of the cut by chance stays where chance put it until the next round. Standard
 * errors know nothing of either.
 */
export const sequential = sequentialBy(usualPlan);

/** The estimator with rounds of another plan, for comparison. */
export function sequentialBy(plan: RoundPlan): Estimator {
  return defineEstimator({
    name: "sequential",
    title: "Sequential Shapley values",
    reference:
      "Castro, Gómez & Tejada (2009), doi:10.1016/j.cor.2008.04.004, re-estimated among those left as players are removed",
    description: "Values among the players left, estimated anew while the lowest are removed; for pruning",
    supports: ["shapley", "banzhaf", "window"],
    adapts: true,
    minimumBudget: (players, _examples, options) =>
      rowsOfPair(courseOf(weightingOf(options, players), players), players),
    scheme: (game, options) => sequentialScheme(game, options, plan),
  });
}

function weightingOf(options: SizingOptions | undefined, players: number): Weighting {
  return options?.weighting ?? (players === 1 ? { kind: "shapley" } : usualWeighting);
}

function removedOf(left: number): number {
  return Math.min(left - 1, Math.max(1, Math.floor(left * sharePerRound)));
}

/** Whether players are removed after a round with so many. */
function goesOn(weighting: Weighting, left: number): boolean {
  return left > 1 && countsAny(weighting, left);
}

/** Part of the rows not spent on earlier rounds that a round takes. @param perPlayer Rows for each player, in all. */
function partOf(round: number, left: number, perPlayer: number): number {
  if (round === 0) return Math.min(1, Math.max(firstShare, firstRowsPerPlayer / perPlayer));
  let later = 0;
  for (let rest = left; rest > 1; rest -= removedOf(rest)) later += rest;
  return left / later;
}

/** Places of the players of which it is open whether they are among the lowest. */
function nearCut({ values, errors }: RestrictedValues, lowest: number, within: number): number[] {
  const order = ascending(values);
  const cut = (values[order[lowest - 1]!]! + values[order[lowest]!]!) / 2;
  return [...values.keys()].filter((place) => Math.abs(values[place]! - cut) < within * errors[place]!);
}

function sequentialScheme(game: Game, options: EstimatorOptions, plan: RoundPlan): Scheme<Draw> {
  const { players } = game;
  const { seed, budget } = options;
  const weighting = weightingOf(options, players);
  const exampleAt = visits(game.examples, seed, purposes.visits);
  const purse = purseOf(budget);
  const elimination = noneRemoved(players);
  const rowsAtFirst = rowsOfPair(courseOf(weighting, players), players);
  const group = sharedBy(game, { ...options, groupSize: options.groupSize ?? 1 }, rowsAtFirst);
  let stages: Stage[] = [];
  let evidence: Evidence[] = [];
  let known = 0; // numbers in it
  let survivors: RestrictedValues | undefined; // values of those left in the last game, between two rounds
  let round = 0;
  let stageOfRound = 0; // 0 while whole orders are played
  let before = { round: 0, stage: 0 }; // rows spent when they began
  let items = 0;
  const drawn = new Map<number, Draw>(); // items laid out and not yet folded

  const stage = (): Stage => stages.at(-1)!;
  const drawAt = (item: number): Draw => {
    const draw = drawn.get(item) ?? drawOf(item, stage(), seed);
    drawn.set(item, draw);
    return draw;
  };
  /** Rows that the round is to have. */
  const rowsOfRound = (): number => {
    const rows = purse.rowsLeft() + purse.spent - before.round; // not spent on earlier rounds
    return rows * partOf(round, elimination.left.length, rows / players);
  };
  /** Items that the stage is to have, those it has included. */
  const wanted = (): number => {
    const most = group * mostRowsOf(stage());
    const rest = rowsOfRound() - (before.stage - before.round);
    if (stageOfRound > 0) return Math.floor(rest / (plan.stagesNearCut + 1 - stageOfRound) / most);
    return Math.max(Math.floor((plan.shareForAll * rest) / most), purse.rowsLeft() >= most ? 1 : 0);
  };
  const valuesNow = (): RestrictedValues =>
    valuesAmong(elimination.left, evidence, courseOf(weighting, elimination.left.length), {
      players,
      carried,
    });
  /** Lays out a stage, if there are rows for it. */
  const begin = (near: Uint8Array | undefined): boolean => {
    const { left } = elimination;
    stages.push({ firstItem: items, left, course: courseOf(weighting, left.length), near });
    before = { round: stageOfRound === 0 ? purse.spent : before.round, stage: purse.spent };
    const more = wanted(); // below 0 where the round's first item took more than its rows
    if (more < 1) {
      if (near !== undefined) stages.pop();
      return false;
    }
    items += more;
    return true;
  };
  /** Goes on with those near the cut. False when there are none, or no rows for them. */
  const beginNearCut = (): boolean => {
    const { left } = elimination;
    if (left.length < 2 || stageOfRound === plan.stagesNearCut) return false;
    const near = nearCut(valuesNow(), removedOf(left.length), plan.nearErrors).map((place) => left[place]!);
    if (near.length < 2) return false;
    stageOfRound++;
    return begin(maskOf(near, players));
  };
  /** Removes the lowest and lays out the next round, if there is to be one. */
  const closeRound = (): void => {
    const { values, errors } = valuesNow();
    const { left } = elimination;
    const lowest = new Set(ascending(values).subarray(0, removedOf(left.length)));
    for (const place of lowest) remove(elimination, left[place]!, values[place]!, errors[place]!);
    const stays = (_: number, place: number): boolean => !lowest.has(place);
    survivors = { values: values.filter(stays), errors: errors.filter(stays) };
    if (!goesOn(weighting, elimination.left.length)) return;
    round++;
    stageOfRound = 0;
    begin(undefined);
  };
  begin(undefined);
  return {
    layout: { group, game: describeWeighting(weighting) },
    get items() {
      return items;
    },
    get ends() {
      return budget.rows === undefined ? "seconds" : "budget";
    },
    costly: true,
    rowsOf: (item) => group * rowsOfDraw(drawAt(item), stage()),
    walksOf(item) {
      const { left, course } = stage();
      return drawAt(item).stars === undefined ? group * walksOfPair(course, left.length) : 0;
    },
    write(item, { masks, examples, walks }, row) {
      const draw = drawAt(item);
      const { order, stars } = draw;
      if (stars === undefined) {
        for (let k = 0; k < group; k++) writeWalks(order, stage().course, exampleAt(item * group + k), walks);
        return draw;
      }
      const rows = rowsOfDraw(draw, stage());
      writeStars(stars, players, masks, row);
      for (let k = 0; k < group; k++) {
        const first = row + k * rows;
        if (k > 0) masks.copyWithin(first * players, row * players, (row + rows) * players);
        examples.fill(exampleAt(item * group + k), first, first + rows);
      }
      return draw;
    },
    fold(item, draw, asked, row) {
      const { payoffs } = draw.stars === undefined ? asked.walks : asked;
      const rows = rowsOfDraw(draw, stage());
      const firstRows = Array.from({ length: group }, (_, k) => row + k * rows);
      evidence.push({
        item,
        stage: stage(),
        ...draw,
        marginals: meanMarginals(draw, stage(), payoffs, firstRows),
      });
      known += sizeOf(evidence.at(-1)!);
      while (known > largestMemory && evidence.length > 1) known -= sizeOf(evidence.shift()!);
      drawn.delete(item);
      purse.spend(group * rows);
      survivors = undefined;
      if (item + 1 < items) return;
      const { firstItem } = stage();
      const more = wanted();
      if (more >= worthMore * (items - firstItem)) items = firstItem + more;
      else if (!beginNearCut()) closeRound();
    },
    figures() {
      const { values, errors } = survivors ?? valuesNow();
      return {
        ...valuesOf(elimination, values, errors),
        observations: 0,
        influences: () => new Float64Array(0),
      };
    },
    save: () => ({
      ...saveElimination(elimination),
      ...saveEvidence(evidence, stages),
      survivors: survivors?.values ?? new Float64Array(0),
      survivorErrors: survivors?.errors ?? new Float64Array(0),
      numbers: Float64Array.of(purse.spent, round, stageOfRound, before.round, before.stage, items),
    }),
    load(saved) {
      loadElimination(elimination, saved);
      ({ evidence, stages } = loadEvidence(saved, weighting, players, elimination.order, seed));
      known = evidence.reduce((sum, item) => sum + sizeOf(item), 0);
      const { survivors: values, survivorErrors: errors, numbers } = saved;
      survivors = values!.length === 0 ? undefined : { values: values!, errors: errors! };
      purse.resume(numbers![0]!);
      [round, stageOfRound] = [numbers![1]!, numbers![2]!];
      before = { round: numbers![3]!, stage: numbers![4]! };
      items = numbers![5]!;
    },
  };
}
