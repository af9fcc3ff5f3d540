/** @file Strata: examples that are about as hard as each other, sampled apart. */
import { ascending } from "../math/ranks.ts";

/** Shares of the easier examples at which a new stratum begins: finer where examples are few and matter most. */
const cuts = [0.3, 0.5, 0.65, 0.78, 0.87, 0.93, 0.97];
/** Examples of a stratum at the least. */
const fewest = 8;

/**
 * Cuts examples into strata by difficulty, easy ones first.
 * @param difficulty Shape [examples]; only its order counts, the lower number first among equals.
 * @returns Numbers of examples, ascending by difficulty within each stratum.
 */
export function strataBy(difficulty: Float64Array): Uint32Array[] {
  const order = Uint32Array.from(ascending(difficulty));
  const strata: Uint32Array[] = [];
  let start = 0;
  for (const cut of [...cuts, 1]) {
    const end = Math.round(cut * order.length);
    if (end - start < fewest || (order.length - end < fewest && end < order.length)) continue;
    strata.push(order.slice(start, end));
    start = end;
  }
  if (start < order.length) strata.push(order.slice(start)); // fewer examples than one stratum wants
  return strata;
}
