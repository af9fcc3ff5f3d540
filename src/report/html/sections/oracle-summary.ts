/** @file What an oracle knows, at a glance. */
import { metrics } from "../../../metrics/index.ts";
import { compact, short, whole } from "../../format.ts";
import { ranges } from "../../oracle.ts";
import type { OracleRecord } from "../../oracle-records.ts";
import { html } from "../markup.ts";
import type { SectionOf } from "./section.ts";
import { tilesOf } from "./tiles.ts";

export const oracleSummarySection: SectionOf = ({ oracle }) =>
  oracle === null
    ? undefined
    : {
        id: "summary",
        title: "At a glance",
        body: html`${tilesOf(figuresOf(oracle))}
${sentencesOf(oracle).map((sentence) => html`<p>${sentence}</p>\n`)}`,
      };

function figuresOf({ group, channels, coalitions, data, rows, sets, payoff, oracle }: OracleRecord) {
  const full = sets.find(({ size }) => size === channels);
  return [
    { name: "group", value: group, note: `${whole(channels)} channels` },
    {
      name: "coalitions tried",
      value: compact(coalitions),
      note: `on ${whole(data.examples)} examples, ${compact(rows)} rows`,
    },
    ...(full === undefined
      ? []
      : [{ name: "payoff with all channels", value: short(full.worth, 3), note: metrics[payoff].unit }]),
    ...(oracle === null
      ? []
      : [
          {
            name: "steps where sets are nested",
            value: `${oracle.nesting.steps - oracle.nesting.failures} of ${oracle.nesting.steps}`,
            note: `${oracle.order.overlap} of ${oracle.order.possible} places in the closest order`,
          },
        ]),
  ];
}

function sentencesOf(record: OracleRecord): string[] {
  const { data, silent, payoff } = record;
  const { title, unit } = metrics[payoff];
  const sentences = [guaranteeOf(record)];
  sentences.push(
    `The payoff is ${title.toLowerCase()} (${unit}), a mean over ${whole(data.examples)} examples; with others the sets may differ. Nothing was repaired or tuned.`,
  );
  if (silent.length > 0)
    sentences.push(
      `Without any effect on these examples: ${silent.length === 1 ? "channel" : "channels"} ${ranges(silent)}.`,
    );
  return sentences;
}

/** How sure it is that the sets are the best. */
function guaranteeOf({ search, sets }: OracleRecord): string {
  if (search === "exhaustive")
    return "Every coalition was tried: on these examples the sets are exactly the best of their sizes, and the Shapley values are exact.";
  if (search === "beam")
    return "These are the best sets beam search found, not oracle sets: sets that were not tried may be better. Rankings are not judged by them.";
  const rises = sets.reduce((sum, set) => sum + (set.rises ?? 0), 0);
  return `These are the best sets branch and bound found, not oracle sets. What is said about better ones holds only if removing channels never raises the payoff by more than the figure given, from any set to any smaller one inside it. Removals of one channel seen that raised the payoff: ${whole(rises)}. Rankings are not judged by these sets.`;
}
