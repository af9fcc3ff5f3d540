/** @file Exact Shapley values of a group whose coalitions are all known. */
import { metrics } from "../../../metrics/index.ts";
import { scoresChart } from "../charts/scores.ts";
import { html } from "../markup.ts";
import type { SectionOf } from "./section.ts";

export const oracleValuesSection: SectionOf = ({ oracle: record }) => {
  if (record === null || record.oracle === null) return undefined;
  const { group, channels, payoff, oracle } = record;
  const none = new Array<null>(oracle.shapley.length).fill(null);
  const scored = { id: group, channels, values: oracle.shapley, standardErrors: none, removedAfter: none };
  return {
    id: "values",
    title: "Exact Shapley values",
    body: html`<p>A channel's value is what it adds to the payoff, averaged over all orders in which the channels of the group
could come; the values add up to the difference between all channels and none.</p>
${scoresChart(scored, `Shapley value (${metrics[payoff].unit})`, false)}`,
  };
};
