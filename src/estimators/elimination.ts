/** @file Values that tell in which order players were removed, and what that cost. */
import { range } from "../math/random.ts";
import { ascending } from "../math/ranks.ts";
import type { Sums } from "./scheme.ts";

/** A game that loses one player after the other. */
export interface Elimination {
  /** Players still in it, ascending. */
  left: readonly number[];
  /** Players in the order they went, with what was lost by each (or its value) in the game it left, and the error. */
  readonly order: number[];
  readonly losses: number[];
  readonly errors: number[];
}

export function noneRemoved(players: number): Elimination {
  return { left: [...range(players)], order: [], losses: [], errors: [] };
}

/** Removes a player that is left. */
export function remove(elimination: Elimination, player: number, loss: number, error: number): void {
  elimination.order.push(player);
  elimination.losses.push(loss);
  elimination.errors.push(error);
  elimination.left = elimination.left.filter((one) => one !== player);
}

/** Sets what was lost with the player that went last, once it is known. */
export function reviseLast({ losses, errors }: Elimination, loss: number, error: number): void {
  losses[losses.length - 1] = loss;
  errors[errors.length - 1] = error;
}

/**
 * Values of all players: those gone in their order, then those left from the lowest value up.
 * @param values What is known of those left, in the order of `left`, with its errors.
 */
export function valuesOf(
  { left, order, losses, errors }: Elimination,
  values: Float64Array,
  valueErrors: Float64Array,
): { readonly values: Float64Array; readonly standardErrors: Float64Array } {
  const rest = [...ascending(values)];
  return valuesAlong(
    [...order, ...rest.map((place) => left[place]!)],
    [...losses, ...rest.map((place) => values[place]!)],
    [...errors, ...rest.map((place) => valueErrors[place]!)],
  );
}

export function saveElimination({ order, losses, errors }: Elimination): Sums {
  return {
    order: Float64Array.from(order),
    losses: Float64Array.from(losses),
    errors: Float64Array.from(errors),
  };
}

export function loadElimination(into: Elimination, saved: Sums): void {
  into.order.splice(0, Infinity, ...saved["order"]!);
  into.losses.splice(0, Infinity, ...saved["losses"]!);
  into.errors.splice(0, Infinity, ...saved["errors"]!);
  const gone = new Set(into.order);
  into.left = into.left.filter((player) => !gone.has(player));
}

/** Part of the largest loss by which values of players that share a mean still differ, so that their order shows. */
const apart = 1e-9;

/**
 * Values that never fall along the order: the least-squares fit to the losses under that condition (isotonic
 * regression by pooling neighbours), each player a hair above the one before. The values add
 * up to the losses, and are the slopes of the greatest convex curve below the loss that piles up along the order: at
 * those slopes a budget across groups finds the cheapest places to stop at in each of them.
 * Errors of pooled players are averaged, as if they rose and fell together, which errs on the cautious side.
 * @param order Every player once; @param losses In that order; @param errors Likewise.
 * @returns By player.
 * @see Barlow, Bartholomew, Bremner & Brunk, "Statistical Inference under Order Restrictions" (1972), section 1.2.
 */
function valuesAlong(
  order: readonly number[],
  losses: readonly number[],
  errors: readonly number[],
): { readonly values: Float64Array; readonly standardErrors: Float64Array } {
  const values = new Float64Array(order.length);
  const standardErrors = new Float64Array(order.length);
  const hair = apart * (losses.reduce((most, loss) => Math.max(most, Math.abs(loss)), 0) || 1);
  let place = 0;
  for (const { loss, error, count } of pooled(losses, errors)) {
    for (const end = place + count; place < end; place++) {
      values[order[place]!] = loss + (place - (order.length - 1) / 2) * hair;
      standardErrors[order[place]!] = error;
    }
  }
  return { values, standardErrors };
}

interface Pool {
  /** Mean of the losses and of the errors. */
  readonly loss: number;
  readonly error: number;
  readonly count: number;
}

/** Neighbours in falling order become one pool, until no pool is below the one before it. */
function pooled(losses: readonly number[], errors: readonly number[]): Pool[] {
  const pools: Pool[] = [];
  losses.forEach((loss, place) => {
    let last: Pool = { loss, error: errors[place]!, count: 1 };
    for (let before = pools.at(-1); before !== undefined && before.loss > last.loss; before = pools.at(-1)) {
      pools.pop();
      last = joined(before, last);
    }
    pools.push(last);
  });
  return pools;
}

function joined(a: Pool, b: Pool): Pool {
  const count = a.count + b.count;
  const mean = (one: number, other: number) => (one * a.count + other * b.count) / count;
  return { loss: mean(a.loss, b.loss), error: mean(a.error, b.error), count };
}
