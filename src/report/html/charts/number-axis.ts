/** @file Numbers beside an axis that has room for a few letters only. */
import { short } from "../../format.ts";

/** Sizes of numbers that are written out. */
const [smallest, largest] = [0.01, 1e5];

/**
 * Exponents on axes whose numbers would be too long without; nothing where they are not.
 * @param values Everything on the axis.
 */
export function numberAxis(values: Iterable<number>): { readonly tickFormat?: (value: number) => string } {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most === 0 || (most >= smallest && most < largest) ? {} : { tickFormat: (value) => short(value, 6) };
}
