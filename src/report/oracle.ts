/** @file Oracle sets and judged rankings as text. */
import { metrics } from "../metrics/index.ts";
import { compact, short, whole } from "./format.ts";
import type { OracleFindings, OracleRecord, RankingRecord, SizeRecord } from "./oracle-records.ts";
import { table } from "./table.ts";

/** Everything the command found, for a terminal. */
export function oracleText(record: OracleRecord): string {
  const { oracle } = record;
  const parts = [headline(record), setsTable(record)];
  if (oracle === null) parts.push(caveat(record));
  else parts.push(nestingText(record, oracle), rankingsTable(oracle), rankingsNote(record, oracle));
  return parts.join("\n\n");
}

function headline({ group, channels, search, coalitions, data, rows, payoff, silent }: OracleRecord): string {
  const { title, unit } = metrics[payoff];
  const how = { exhaustive: "every coalition", beam: "beam search", "branch-and-bound": "branch and bound" };
  const lines = [
    `${group}: ${channels} channels, ${how[search]}: ${whole(coalitions)} coalitions on ${whole(data.examples)} examples (${compact(rows)} rows); payoff "${title.toLowerCase()}" (${unit})`,
  ];
  if (silent.length > 0) lines.push(`channels without any effect on these examples: ${ranges(silent)}`);
  return lines.join("\n");
}

function setsTable({ sets, search }: OracleRecord): string {
  if (search === "exhaustive") {
    const head = ["kept", "payoff", "mean of size", "ties", "best set to keep", "best set to remove"];
    const rows = sets.map(({ size, worth, mean, ties, keep, remove }) => [
      String(size),
      short(worth),
      short(mean!),
      ties === 1 ? "" : String(ties! - 1),
      ranges(keep),
      ranges(remove),
    ]);
    return table(head, rows, ["right", "right", "right", "right", "left", "left"]);
  }
  const rows = sets.map((set) => [
    String(set.size),
    short(set.worth),
    knownAbout(set),
    ranges(set.keep),
    ranges(set.remove),
  ]);
  const head = ["kept", "payoff", "known", "best found to keep", "to remove"];
  return table(head, rows, ["right", "right", "left", "left", "left"]);
}

/** What is known of a set found without trying everything. */
export function knownAbout({ guarantee, worth }: SizeRecord): string {
  if (guarantee.kind !== "if-monotone") return "nothing";
  const given = `if rises stay within ${short(guarantee.slack, 3)}`;
  if (guarantee.isProven) return `best ${given}`;
  return `within ${short(guarantee.bound - worth, 3)} of the best ${given}`;
}

function caveat({ search, sets }: OracleRecord): string {
  if (search === "beam")
    return "These are the best sets found, not oracle sets: sets that were not tried may be better.";
  const rises = sets.reduce((sum, set) => sum + (set.rises ?? 0), 0);
  return [
    "These are the best sets found. What is known about them holds if removing channels never raises the payoff by more than",
    "the figure given, from any set to any smaller one inside it. That figure is --slack or the largest rise seen, so nothing",
    `seen contradicts it; sets that were not tried may. Removals of one channel seen that raised the payoff: ${whole(rises)}.`,
  ].join("\n");
}

function nestingText(
  { channels }: OracleRecord,
  { nesting, order }: Pick<OracleFindings, "nesting" | "order">,
): string {
  const nested =
    nesting.failures === 0
      ? "The oracle sets are nested: one order follows them all."
      : `The oracle sets are not nested: ${nesting.failures} of ${nesting.steps} neighbouring sizes, ${nesting.playersLeftOut} channels left out again.`;
  return [
    nested,
    `Order closest to them (best first): ${order.order.join(" ")}`,
    `It shares ${order.overlap} of ${order.possible} places with the sets of sizes 1 to ${channels - 1}.`,
  ].join("\n");
}

function rankingsTable({ rankings, randomScore, randomRegret }: OracleFindings): string {
  const row = ({ name, rows, judgement }: RankingRecord) => [
    name,
    judgement.add.toFixed(3),
    judgement.remove.toFixed(3),
    times(judgement.add, randomScore),
    times(judgement.remove, randomScore),
    short(judgement.regretMean, 3),
    correlation(judgement.agreement["oracle"]?.kendall),
    correlation(judgement.agreement["shapley"]?.kendall),
    rows === 0 ? "-" : compact(rows),
  ];
  const expected = [
    "random, expected",
    randomScore.toFixed(3),
    randomScore.toFixed(3),
    "1.00",
    "1.00",
    short(randomRegret, 3),
    "0.00",
    "0.00",
    "-",
  ];
  const head = [
    "ranking",
    "add",
    "remove",
    "add/random",
    "remove/random",
    "mean regret",
    "tau oracle",
    "tau Shapley",
    "rows",
  ];
  return table(head, [...rankings.map(row), expected]);
}

function rankingsNote({ payoff }: OracleRecord, { depth }: OracleFindings): string {
  return [
    `add, remove: overlap with the best sets to keep and to remove of sizes 1 to ${depth}, from 0 to 1; equal scores share their places.`,
    `mean regret: payoff (${metrics[payoff].unit}) lost against the oracle set of the same size, averaged over all sizes.`,
    "tau: Kendall's tau-b with the order of the oracle sets and with the exact Shapley values.",
    "rows: what the ranking costs without the table, whole coalitions on all examples; criteria play no game.",
  ].join("\n");
}

function times(score: number, random: number): string {
  return (score / random).toFixed(2);
}

function correlation(value: number | null | undefined): string {
  return value === null || value === undefined ? "-" : value.toFixed(2);
}

/** Numbers with runs drawn together. @example ranges([0, 1, 2, 5]); // "0-2 5" */
export function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let k = 0; k < numbers.length; ) {
    let end = k;
    while (numbers[end + 1] === numbers[end]! + 1) end++;
    parts.push(end - k < 2 ? numbers.slice(k, end + 1).join(" ") : `${numbers[k]}-${numbers[end]}`);
    k = end + 1;
  }
  return parts.length === 0 ? "none" : parts.join(" ");
}
