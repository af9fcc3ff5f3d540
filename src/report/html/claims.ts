/** @file Sentences about differences: one is only asserted where the intervals allow it. */
import type { PairedAccuracy } from "../../metrics/index.ts";
import { percent, short } from "../format.ts";

type Bounds = readonly [low: number, high: number];

/** A measured value with its 95% interval, where one is known. */
export interface Measured {
  readonly value: number;
  readonly bounds: Bounds | null;
}

/** How a value moved: "open" where the intervals overlap or are not known. */
export function direction(before: Measured, after: Measured): "higher" | "lower" | "open" {
  if (before.bounds === null || after.bounds === null) return "open";
  if (after.bounds[0] > before.bounds[1]) return "higher";
  if (after.bounds[1] < before.bounds[0]) return "lower";
  return "open";
}

/** Points of a hundred with a sign. @example points(-0.0123); // "-1.23" */
export function points(share: number): string {
  return `${share >= 0 ? "+" : ""}${(100 * share).toFixed(2)}`;
}

/** One number as a share of another; nothing where that is zero. */
export function shareOf(part: number, whole: number): string {
  return whole === 0 ? "" : percent(part / whole, 1);
}

/** Whether accuracy changed, by the answers to the same examples. */
export function accuracyChangeClaim({ difference, lost, gained, byPosition }: PairedAccuracy): string {
  const { value, low, high } = difference;
  const interval = `${points(value)} points, 95% interval ${points(low)} to ${points(high)}`;
  const answers = byPosition
    ? `fewer positions right in ${lost} examples, more in ${gained}`
    : `${lost} answers lost, ${gained} gained`;
  if (low > 0) return `Accuracy rises: ${interval} (${answers}).`;
  if (high < 0) return `Accuracy falls: ${interval} (${answers}).`;
  return `No difference in accuracy beyond the noise: ${interval} (${answers}).`;
}

/** Whether a quality went up or down from one stage to another, by intervals that do not know the examples are the same. */
export function qualityClaim(
  what: "Accuracy" | "Loss",
  from: string,
  before: Measured,
  to: string,
  after: Measured,
): string {
  const told = what === "Accuracy" ? percent : (value: number) => short(value, 3);
  const values = `from ${told(before.value)} ${from} to ${told(after.value)} ${to}`;
  const change = direction(before, after);
  if (change === "open")
    return before.bounds === null || after.bounds === null
      ? `${what} goes ${values}; without intervals nothing is said about whether that is more than noise.`
      : `${what} goes ${values}: the 95% intervals overlap, so this alone shows no difference.`;
  return `${what} ${change === "higher" ? "rises" : "falls"} ${values}, more than the 95% intervals leave to chance.`;
}
