/** @file One ranking over all groups: what is worth least per share of the cost it saves goes first. */
import type { Cost } from "../channels/cost.ts";
import { quantities } from "./budget.ts";
import type { Removals, Step } from "./removals.ts";
import type { Ledger } from "./savings.ts";

export interface GlobalOrder {
  readonly original: Cost;
  readonly limits: Cost;
  /** Groups that take part. */
  readonly removals: ReadonlyMap<number, Removals>;
  readonly ledger: Ledger;
}

interface Candidate {
  readonly lane: number;
  readonly step: Step;
  saving: Cost;
}

/**
 * Takes the step with the lowest price until the limits hold, nothing is left, or `atMost` steps are taken. The price of a
 * step is its score divided by the share of the original cost it saves at that moment, summed over the quantities
 * that are still above their limit. So harmful channels (negative scores) go before all others. Savings shrink as
 * neighbours go; after each step those it touched are computed anew, so that every price is current.
 * @returns What was taken, in this order.
 */
export function cheapestFirst(order: GlobalOrder, atMost: number): Step[] {
  const taken: Step[] = [];
  const candidates = new Map<number, Candidate[]>();
  for (const [group, removals] of order.removals) candidates.set(group, candidatesOf(order, removals));
  for (;;) {
    const cost = order.ledger.cost();
    const open = quantities.filter((quantity) => cost[quantity] > order.limits[quantity]);
    if (open.length === 0 || taken.length >= atMost) return taken;
    const step = cheapest(candidates, (candidate) => priceOf(candidate, order.original, open));
    if (step === undefined) return taken;
    order.removals.get(step.group)!.take(step);
    taken.push(step);
    for (const group of order.ledger.take(step)) {
      for (const candidate of candidates.get(group) ?? [])
        candidate.saving = order.ledger.savingOf(candidate.step);
    }
    candidates.set(step.group, candidatesOf(order, order.removals.get(step.group)!));
  }
}

/**
 * The step that meets a limit often saves more than was missing. Goes back over the steps, the dearest first, and
 * puts back what the limits leave room for; harmful channels stay away. Within a group only the latest
 * step can come back, so that its lowest scores still went first.
 * @param steps In the order they were taken.
 * @returns Those that remain.
 */
export function putBack({ limits, removals, ledger }: GlobalOrder, steps: readonly Step[]): Step[] {
  const remaining: Step[] = [];
  const settled = new Set<number>();
  for (let k = steps.length - 1; k >= 0; k--) {
    const step = steps[k]!;
    if (!settled.has(step.group) && fitsBack(step)) {
      removals.get(step.group)!.restore(step);
      continue;
    }
    settled.add(step.group);
    remaining.unshift(step);
  }
  return remaining;

  function fitsBack(step: Step): boolean {
    ledger.restore(step);
    const cost = ledger.cost();
    const fits = step.score > 0 && quantities.every((quantity) => cost[quantity] <= limits[quantity]);
    if (!fits) ledger.take(step);
    return fits;
  }
}

function candidatesOf({ ledger }: GlobalOrder, removals: Removals): Candidate[] {
  return Array.from({ length: removals.lanes }, (_, lane) => lane).flatMap((lane): Candidate[] => {
    const step = removals.next(lane);
    return step === undefined ? [] : [{ lane, step, saving: ledger.savingOf(step) }];
  });
}

function cheapest(
  candidates: ReadonlyMap<number, readonly Candidate[]>,
  price: (candidate: Candidate) => number,
): Step | undefined {
  let lowest = Number.POSITIVE_INFINITY;
  let chosen: Step | undefined;
  for (const own of candidates.values()) {
    for (const candidate of own) {
      const one = price(candidate);
      if (chosen !== undefined && one >= lowest) continue;
      lowest = one;
      chosen = candidate.step;
    }
  }
  return chosen;
}

/** A step that saves nothing goes last, unless its channels do harm. */
function priceOf({ step, saving }: Candidate, original: Cost, open: readonly (keyof Cost)[]): number {
  let share = 0;
  for (const quantity of open) share += saving[quantity] / original[quantity];
  if (share > 0) return step.score / share;
  return step.score < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}
