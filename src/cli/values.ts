/** @file How the value of a single option is read. */
import { InvalidArgumentError } from "commander";
import { parseCounts, parseShare, parseSteps, parseTarget } from "../budget/target.ts";
import { type Aggregate, isAggregate } from "../criteria/gradients/aggregate.ts";
import type { Weighting } from "../estimators/index.ts";
import type { RankBudget } from "../pipeline/rank-context.ts";
import type { Portion } from "../pipeline/training-data.ts";
import {
  amount,
  amounts,
  counts,
  type Form,
  formed,
  integerFrom,
  names,
  number,
  numbers,
  shapes,
} from "./config-form.ts";

/** Whole numbers from `from` up. */
export function wholeNumber(from: number): (text: string) => number {
  return formed(integerFrom(from), (text: string) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < from)
      throw new InvalidArgumentError(`Expected a whole number from ${from}.`);
    return value;
  });
}

/** Any finite number. */
export const numberOption = formed(number, (text: string): number => {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("Expected a number.");
  return value;
});

/** Seconds, none included. */
export const secondsOption = formed(number, (text: string): number => {
  const value = numberOption(text);
  if (value < 0) throw new InvalidArgumentError("Expected a number of seconds from 0.");
  return value;
});

/** Numbers separated by commas. */
export const numberList = formed(numbers({ type: "number" }), (text: string): number[] =>
  text.split(",").map(numberOption),
);

/** Names separated by commas; repeated options add up. */
export const collect = formed(names, (text: string, previous: readonly string[] = []): string[] => [
  ...previous,
  ...text.split(",").filter((part) => part !== ""),
]);

/** Rows for each group ("100000", "100k", "2M") or a time for everything ("60s", "5min"). */
export const budgetOption = formed(amount, (text: string): RankBudget => {
  const time = /^(\d+\.?\d*|\.\d+)(s|min|h)$/.exec(text);
  if (time !== null)
    return positive({ seconds: Number(time[1]) * { s: 1, min: 60, h: 3600 }[time[2] as "s"] });
  const rows = rowsIn(text);
  if (rows === undefined)
    throw new InvalidArgumentError(
      "Expected rows for each group such as 100000 or 100k, or a time such as 60s or 5min.",
    );
  return positive({ rows });
});

/** Undefined for text that is no number of rows. */
function rowsIn(text: string): number | undefined {
  const rows = /^(\d+\.?\d*|\.\d+)(k|K|M)?$/.exec(text);
  if (rows === null) return undefined;
  return Math.round(Number(rows[1]) * (rows[2] === undefined ? 1 : rows[2] === "M" ? 1e6 : 1e3));
}

const unitBytes = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** Memory ("2GiB", "512MiB"; a number alone counts mebibytes), in bytes. */
export const memoryOption = formed(amount, (text: string): number => {
  const size = /^(\d+\.?\d*|\.\d+) ?(KiB|MiB|GiB|TiB)?$/i.exec(text);
  const unit = Object.entries(unitBytes).find(([name]) => name.toLowerCase() === size?.[2]?.toLowerCase());
  const bytes = Math.floor(Number(size?.[1]) * (unit?.[1] ?? unitBytes.MiB));
  if (size === null || bytes < 1)
    throw new InvalidArgumentError("Expected memory above 0, such as 512MiB, 2GiB or 512 (MiB).");
  return bytes;
});

/** Several numbers of rows for each group ("20k,100k"). */
export const rowsListOption = formed(amounts, (text: string): number[] =>
  text.split(",").map((one) => {
    const rows = rowsIn(one);
    if (rows === undefined || rows === 0)
      throw new InvalidArgumentError("Expected rows for each group, such as 20k or 20k,100k.");
    return rows;
  }),
);

/** A number of rows, 0 included. */
export const rowsOption = formed(amount, (text: string): number => {
  const rows = rowsIn(text);
  if (rows === undefined) throw new InvalidArgumentError("Expected rows such as 400k, or 0.");
  return rows;
});

function positive<B extends RankBudget>(budget: B): B {
  if (Object.values(budget).some((value) => !(value > 0)))
    throw new InvalidArgumentError("Expected more than nothing.");
  return budget;
}

/** A weighting by name, or a window of kept shares. */
export function weightingOption(text: string): Weighting {
  if (text === "shapley" || text === "banzhaf") return { kind: text };
  const window = /^(0?\.?\d+|1)-(0?\.?\d+|1)$/.exec(text);
  const [from, to] = [Number(window?.[1]), Number(window?.[2])];
  if (window === null || !(from >= 0 && from < to && to <= 1))
    throw new InvalidArgumentError(
      'Expected "shapley", "banzhaf" or a window of kept shares such as 0.4-0.8.',
    );
  return { kind: "window", from, to };
}

/** How scores of single examples are folded. */
export function aggregateOption(text: string): Aggregate {
  if (isAggregate(text)) return text;
  throw new InvalidArgumentError(
    "Expected mean, abs-mean, abs-of-mean, mean+2std, or a percentile such as p99.",
  );
}

/** Channels removed at most ("2"), or added ("2:addition"). */
export const partialOption = formed(amount, (text: string): PartialChoice => {
  const match = /^(\d+)(?::(removal|addition))?$/.exec(text);
  if (match === null || Number(match[1]) < 1)
    throw new InvalidArgumentError(
      "Expected how many channels are removed at most, such as 2, or added, such as 2:addition.",
    );
  return { limit: Number(match[1]), side: (match[2] ?? "removal") as "removal" };
});

interface PartialChoice {
  readonly limit: number;
  readonly side: "removal" | "addition";
}

/** A share of the examples ("10%", "0.1") or so many of them ("500"); "0" for none. */
export const portionOption = formed(amount, (text: string): Portion => {
  const match = /^(\d+\.?\d*|\.\d+)(%?)$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]);
  const isShare = match?.[2] === "%" || !Number.isInteger(value);
  const share = match?.[2] === "%" ? value / 100 : value;
  if (Number.isNaN(value) || (isShare && share >= 1))
    throw new InvalidArgumentError(
      "Expected a share of the examples such as 10%, a number of examples such as 500, or 0 for none.",
    );
  return isShare ? { share } : { count: value };
});

/** Sizes by layer ("10-20-100-25", or with commas). */
export const sizesOption = formed(numbers({ type: "integer", minimum: 0 }), (text: string): number[] => {
  if (!/^\d+([-,]\d+)*$/.test(text))
    throw new InvalidArgumentError("Expected whole numbers layer by layer, such as 10-20-100-25.");
  return text.split(/[-,]/).map(Number);
});

/** Width and height in pixels ("224x224"). */
export function sizeOption(text: string): { readonly width: number; readonly height: number } {
  const match = /^([1-9]\d*)x([1-9]\d*)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Expected width and height in pixels, such as 224x224.");
  return { width: Number(match[1]), height: Number(match[2]) };
}

type Shapes = Map<string, (number | string)[]>;

/** An input and its sizes ("input:N,3,224,224"); repeated options add up. */
export const shapeOption = formed(shapes, (text: string, previous: Shapes = new Map()): Shapes => {
  const match = /^(.+):([^:]+)$/.exec(text);
  if (match === null)
    throw new InvalidArgumentError(
      "Expected name:1,3,224,224; a name in place of a number leaves that size open.",
    );
  const sizes = match[2]!.split(",").map((size) => (/^\d+$/.test(size) ? Number(size) : size));
  return new Map([...previous, [match[1]!, sizes]]);
});

/** A text that is checked where it is given and read where it is used. */
function checked(form: Form, check: (text: string) => unknown): (text: string) => string {
  return formed(form, (text: string) => {
    check(text);
    return text;
  });
}

/** A share or an amount of the original, under the name of its option. */
export const targetOption = (option: string) => checked(amount, (text) => parseTarget(option, text));

/** A share above 0 and up to 1. */
export const shareOption = (option: string) => checked(amount, (text) => parseShare(option, text));

/** Several shares above 0 and up to 1 ("25%,50%"). */
export const sharesOption = (option: string) =>
  formed(amounts, (text: string): number[] => text.split(",").map((one) => parseShare(option, one)));

/** Counts by group ("c1=8,c3=20"). */
export const countsOption = (option: string) => {
  const parse = (text: string) => parseCounts(option, text);
  return checked(counts(parse), parse);
};

/** So many rounds, or "all". */
export const stepsOption = (option: string) => checked(amount, (text) => parseSteps(option, text));
