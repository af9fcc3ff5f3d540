/**
 * @file How much may stay, and how people write it.
 *
 *     target   = share | amount             50%   0.5   62M   1.2e6   250k
 *     share    = number "%" (0 to 100] | number up to 1
 *     amount   = number above 1 [ "k" | "M" | "G" ]         thousand, million, thousand million; k, m, g likewise
 *     counts   = pattern "=" whole number { "," pattern "=" whole number }      c1=8,layer2.*=20
 *     steps    = whole number from 1 | "all"
 */
import { PrunerError } from "../base/problem.ts";
import type { Cost } from "../channels/cost.ts";

/** At most so much stays: a share of the original model, in (0, 1], or an amount in the unit of the cost. */
export type Target = { readonly ratio: number } | { readonly absolute: number };

/** The two costs a target can be set for. */
export type Quantity = keyof Cost;

/** A target in the units of the original, such as MACs. */
export function amountOf(target: Target, original: number): number {
  return "ratio" in target ? target.ratio * original : target.absolute;
}

const factors: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };
const number = String.raw`(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?`;

/**
 * Reads a target, for example "50%", "0.5", "62M" or "1.2e6".
 * @param option Named in messages.
 * @throws {PrunerError} `invalid-option`.
 */
export function parseTarget(option: string, text: string): Target {
  const match = new RegExp(`^(${number})\\s*([%kmg]?)$`, "i").exec(text.trim());
  const [, digits = "", unit = ""] = match ?? [];
  const value = Number(digits);
  const isShare = unit === "%" || (unit === "" && value <= 1);
  const target = isShare
    ? { ratio: unit === "%" ? value / 100 : value }
    : { absolute: value * factors[unit.toLowerCase()]! };
  if (match !== null && isTarget(target)) return target;
  const expected = "a share of the original such as 50% or 0.5, or an amount such as 62M, 250k or 1.2e6";
  throw new PrunerError("invalid-option", { option, got: text, expected });
}

/** Whether a share is in (0, 1], or an amount positive and finite. */
export function isTarget(target: Target): boolean {
  const value = "ratio" in target ? target.ratio : target.absolute;
  return value > 0 && ("ratio" in target ? value <= 1 : Number.isFinite(value));
}

/**
 * Reads a share in (0, 1], for example "75%" or "0.75".
 * @throws {PrunerError} `invalid-option`.
 */
export function parseShare(option: string, text: string): number {
  const match = new RegExp(`^(${number})\\s*(%?)$`, "i").exec(text.trim());
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (share > 0 && share <= 1) return share;
  const expected = "a share above 0 and up to 1, such as 0.75 or 75%";
  throw new PrunerError("invalid-option", { option, got: text, expected });
}

/**
 * Reads how many channels stay by pattern, for example "c1=8,layer2.*=20". Commas inside braces belong to a glob.
 * @throws {PrunerError} `invalid-option` for entries without a count, and for a pattern listed twice.
 */
export function parseCounts(option: string, text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const entry of entriesOf(text)) {
    const match = /^(.+)=(\d+)$/.exec(entry.trim());
    const pattern = match?.[1]?.trim() ?? "";
    if (pattern === "" || counts.has(pattern)) {
      const expected = "a list of group=channels such as c1=8,c3=20, each group once";
      throw new PrunerError("invalid-option", { option, got: text, expected });
    }
    counts.set(pattern, Number(match![2]));
  }
  return counts;
}

/** Splits at commas outside braces, brackets and regular expressions' quantifiers. */
function entriesOf(text: string): string[] {
  const entries = [""];
  let depth = 0;
  for (const letter of text) {
    if (letter === "{" || letter === "[") depth++;
    if (letter === "}" || letter === "]") depth--;
    if (letter === "," && depth <= 0) entries.push("");
    else entries[entries.length - 1] += letter;
  }
  return entries;
}

/** Removals in how many rounds; "all" stands for a round per removal. */
export type Steps = number | "all";

/** @throws {PrunerError} `invalid-option`. */
export function parseSteps(option: string, text: string): Steps {
  const trimmed = text.trim();
  if (trimmed === "all") return "all";
  const steps = /^\d+$/.test(trimmed) ? Number(trimmed) : 0;
  if (steps >= 1 && Number.isSafeInteger(steps)) return steps;
  throw new PrunerError("invalid-option", { option, got: text, expected: 'a whole number from 1, or "all"' });
}
