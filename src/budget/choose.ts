/** @file Chooses the channels that stay under a budget. */
import { PrunerError } from "../base/problem.ts";
import { type Cost, type CostModel, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { costOfMasks, type KeepMasks } from "../channels/plan.ts";
import { type Budget, checkBudget, limitsOf, onTheWay, quantities, saysHowMuch } from "./budget.ts";
import { exactCounts, removalOrder, stepsToExactly, stepsToNearest } from "./counts.ts";
import { cheapestFirst, putBack } from "./global-order.ts";
import { type Removals, removalsOf, type Step } from "./removals.ts";
import { type Ledger, ledgerOf } from "./savings.ts";

export interface ChooseOptions {
  readonly analysis: ChannelAnalysis;
  readonly costModel: CostModel;
  /** Shape [groups][channels]; lower goes first. undefined for a group that is not to be touched. */
  readonly scores: readonly (Float64Array | undefined)[];
  readonly budget: Budget;
  /** Channels that are gone already; shares still refer to the original model. */
  readonly start?: KeepMasks | undefined;
  /** Stops after so many removals, for ranking the survivors again; a removal is one channel, or one of every block. */
  readonly atMostSteps?: number | undefined;
}

export interface GroupCount {
  readonly id: string;
  readonly channels: number;
  /** Channels at the start of this choice. */
  readonly before: number;
  readonly kept: number;
}

export interface Choice {
  readonly masks: KeepMasks;
  readonly cost: Cost;
  /** Whether the whole budget is met; false when `atMostSteps` ended the choice before. */
  readonly reached: boolean;
  readonly groups: readonly GroupCount[];
  /** What went, in this order. */
  readonly steps: readonly Step[];
}

interface Draft extends ChooseOptions {
  readonly original: Cost;
  readonly limits: Cost;
  readonly counts: ReadonlyMap<number, number>;
  readonly start: KeepMasks;
  readonly selected: readonly number[];
}

/**
 * Removes the lowest scores until the budget is met. Counts (`keepChannels`, then `keep`) are met first, inside each
 * group. Targets follow: in scope "global" by the order of {@link cheapestFirst} and then {@link putBack}, in scope "group" by the largest share of every
 * group that meets them, found by bisection. No axis is emptied and blocks stay balanced; see `removals.ts`.
 * A budget without any amount removes `atMostSteps` and leaves it to the caller when to stop.
 * @throws {PrunerError} `invalid-option`, `budget-missing`, `nothing-prunable`, `nothing-selected`, `unknown-group`,
 *   `contradictory-budget`, `impossible-budget` (with the smallest cost in reach), `score-not-finite`, `invalid-plan`.
 */
export function chooseChannels(options: ChooseOptions): Choice {
  const draft = draftOf(options);
  const removals = new Map(draft.selected.map((group) => [group, freshRemovals(draft, group)]));
  const ledger = ledgerOf(draft.costModel);
  takeGone(draft, ledger);
  const orders = new Map(
    draft.selected.map((group) => [group, removalOrder(freshRemovals(draft, group))] as const),
  );
  checkReach(draft, orders);
  const steps: Step[] = [];
  const allowed = options.atMostSteps ?? Number.POSITIVE_INFINITY;
  const pending = stepsByCount(draft, orders);
  while (steps.length < allowed) {
    const step = mostBehind(pending, removals);
    if (step === undefined) break;
    removals.get(step.group)!.take(step);
    ledger.take(step);
    steps.push(step);
  }
  const isCounted = [...pending.values()].every((left) => left.length === 0);
  if (isCounted && options.budget.scope === "global") {
    const free = new Map([...removals].filter(([group]) => !draft.counts.has(group)));
    const order = { ...draft, removals: free, ledger };
    const taken = cheapestFirst(order, allowed - steps.length);
    steps.push(...(isWithin(ledger.cost(), draft.limits) ? putBack(order, taken) : taken));
  }
  const isMet = isWithin(ledger.cost(), draft.limits);
  if (steps.length < allowed && !isMet && saysHowMuch(options.budget)) refuse(draft, ledger.cost());
  return choiceOf(draft, removals, steps, isCounted && isMet);
}

/**
 * Refuses a budget that no scores can meet, before any are computed.
 * @param groups Groups that may be touched.
 * @throws {PrunerError} All that `chooseChannels` throws but `score-not-finite`.
 */
export function checkReachable(
  analysis: ChannelAnalysis,
  costModel: CostModel,
  groups: readonly number[],
  budget: Budget,
): void {
  const selected = new Set(groups);
  const scores = analysis.groups.map(({ channels }, group) =>
    selected.has(group) ? new Float64Array(channels) : undefined,
  );
  chooseChannels({ analysis, costModel, scores, budget, atMostSteps: 0 });
}

function draftOf(options: ChooseOptions): Draft {
  const { analysis, budget, scores, costModel, atMostSteps } = options;
  checkBudget(budget);
  if (!saysHowMuch(budget) && atMostSteps === undefined) throw new PrunerError("budget-missing", {});
  const { groups } = analysis;
  if (groups.every(({ channels }) => channels === 0))
    throw new PrunerError("nothing-prunable", { groups: groups.length });
  const selected = [...groups.keys()].filter(
    (group) => scores[group] !== undefined && groups[group]!.channels > 0,
  );
  if (selected.length === 0) throw new PrunerError("nothing-selected", { groups: groups.length });
  const original = fullCost(costModel);
  return {
    ...options,
    original,
    limits: saysHowMuch(budget) ? limitsOf(budget, original) : { macs: 0, parameters: 0 },
    counts: checkedCounts(options),
    start: options.start ?? groups.map(({ channels }) => new Uint8Array(channels).fill(1)),
    selected,
  };
}

/** Exact counts, which must not ask for what other settings forbid. */
function checkedCounts({ analysis, budget, scores }: ChooseOptions): Map<number, number> {
  const isOpen = (group: number) => scores[group] !== undefined && analysis.groups[group]!.channels > 0;
  const counts = exactCounts(analysis.groups, budget.keepChannels ?? new Map(), isOpen);
  for (const [group, count] of counts) {
    const { id, channels } = analysis.groups[group]!;
    const fewest = minimumOf(budget, channels);
    if (count >= fewest) continue;
    const detail = `--keep-channels asks for ${count} channels, --max-ratio for ${fewest} or more`;
    throw new PrunerError("contradictory-budget", { group: id, detail });
  }
  return counts;
}

function minimumOf({ maxRatio = 1 }: Budget, channels: number): number {
  return Math.ceil(channels * (1 - maxRatio) - 1e-9);
}

function freshRemovals(
  { analysis, budget, counts, costModel, scores, start }: Draft,
  group: number,
): Removals {
  const own = analysis.groups[group]!;
  const count = counts.get(group);
  const rules =
    count === undefined
      ? { minimum: minimumOf(budget, own.channels), roundTo: budget.roundTo ?? 1 }
      : { minimum: count, roundTo: 1 };
  return removalsOf(group, own, costModel, scores[group]!, start[group]!, rules);
}

/** Books what was gone before. */
function takeGone({ start }: Draft, ledger: Ledger): void {
  start.forEach((mask, group) => {
    const channels = [...mask.keys()].filter((channel) => mask[channel] === 0);
    if (channels.length > 0) ledger.take({ group, channels, score: 0 });
  });
}

type Orders = ReadonlyMap<number, readonly Step[]>;

/** Impossible targets are refused before anything is taken. */
function checkReach(draft: Draft, orders: Orders): void {
  if (!saysHowMuch(draft.budget)) return;
  const smallest = costAfter(draft, orders);
  if (!isWithin(smallest, draft.limits)) refuse(draft, smallest);
}

function refuse({ limits, original }: Draft, smallest: Cost): never {
  const quantity = quantities.find((one) => smallest[one] > limits[one])!;
  throw new PrunerError("impossible-budget", {
    target: quantity === "macs" ? "MACs" : "parameters",
    wanted: Math.floor(limits[quantity]),
    smallest: Math.ceil(smallest[quantity]),
    original: original[quantity],
  });
}

function isWithin(cost: Cost, limits: Cost): boolean {
  return quantities.every((quantity) => cost[quantity] <= limits[quantity]);
}

function costAfter({ start, costModel }: Draft, steps: Orders): Cost {
  const masks = start.map((mask) => mask.slice());
  for (const list of steps.values())
    for (const { group, channels } of list) for (const channel of channels) masks[group]![channel] = 0;
  return costOfMasks(costModel, masks);
}

/** What has to go from each group to meet counts and, in scope "group", targets. */
function stepsByCount(draft: Draft, orders: Orders): Map<number, Step[]> {
  const { budget } = draft;
  const keep = budget.keep === undefined ? undefined : onTheWay(budget, 1, budget.keep);
  if (budget.scope === "global") return stepsToShare(draft, orders, keep);
  if (!saysHowMuch(budget)) return stepsToShare(draft, orders, 0);
  if (budget.targetMacs === undefined && budget.targetParameters === undefined)
    return stepsToShare(draft, orders, keep);
  const fits = (share: number) =>
    isWithin(costAfter(draft, stepsToShare(draft, orders, share)), draft.limits);
  return stepsToShare(draft, orders, largestShare(fits, keep ?? 1));
}

/** The largest share up to `limit` that fits, to within rounding; 0 when none above does. */
function largestShare(fits: (share: number) => boolean, limit: number): number {
  if (fits(limit)) return limit;
  let low = 0;
  let high = limit;
  for (let halving = 0; halving < 40; halving++) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Steps to exact counts, and in the other groups to a share of the channels, if there is one. */
function stepsToShare(draft: Draft, orders: Orders, share: number | undefined): Map<number, Step[]> {
  const { analysis, budget, counts, start } = draft;
  const steps = new Map<number, Step[]>();
  for (const [group, order] of orders) {
    const { id, channels } = analysis.groups[group]!;
    const before = keptIn(start[group]!);
    const count = counts.get(group);
    if (count !== undefined && (budget.progress ?? 1) === 1)
      steps.set(group, [...stepsToExactly(id, order, before, count)]);
    else if (count !== undefined)
      steps.set(group, [...stepsToNearest(order, before, onTheWay(budget, channels, count))]);
    else if (share !== undefined) steps.set(group, [...stepsToNearest(order, before, share * channels)]);
  }
  return steps;
}

/** Takes from `pending` the next step of the group that still has the largest share of its channels to give. */
function mostBehind(
  pending: ReadonlyMap<number, Step[]>,
  removals: ReadonlyMap<number, Removals>,
): Step | undefined {
  let most = 0;
  let chosen: Step[] | undefined;
  for (const [group, steps] of pending) {
    const surplus = steps.reduce((sum, { channels }) => sum + channels.length, 0);
    const behind = surplus / removals.get(group)!.channels;
    if (behind > most) {
      most = behind;
      chosen = steps;
    }
  }
  return chosen?.shift();
}

function choiceOf(
  { analysis, costModel, start }: Draft,
  removals: ReadonlyMap<number, Removals>,
  steps: readonly Step[],
  reached: boolean,
): Choice {
  const masks = start.map((mask, group) => removals.get(group)?.mask ?? mask);
  const groups = analysis.groups.map(({ id, channels }, group) => ({
    id,
    channels,
    before: keptIn(start[group]!),
    kept: keptIn(masks[group]!),
  }));
  return { masks, cost: costOfMasks(costModel, masks), reached, groups, steps };
}

function keptIn(mask: Uint8Array): number {
  return mask.reduce((sum, one) => sum + one, 0);
}
