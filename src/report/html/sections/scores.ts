/** @file Scores of all channels: the map of all groups, then a chart for each. */
import { criteria } from "../../../criteria/index.ts";
import { metrics } from "../../../metrics/index.ts";
import { whole } from "../../format.ts";
import type { ScoringConditions } from "../../records.ts";
import { heatMap } from "../charts/heat-map.ts";
import { scoresChart } from "../charts/scores.ts";
import { html, nothing } from "../markup.ts";
import type { SectionOf } from "./section.ts";

/** Groups up to which each gets a chart as wide as the page. */
const mostFullCharts = 6;

export const scoresSection: SectionOf = ({ scores, scoring }) => {
  if (scores.length === 0) return undefined;
  const { unit, meaning } = scoring === null ? unknown : wordsOf(scoring);
  const isMany = scores.length > mostFullCharts;
  const charts = scores.map((group) => scoresChart(group, unit, isMany));
  return {
    id: "scores",
    title: "Scores of channels",
    body: html`${meaning === "" ? nothing : html`<p>${meaning}</p>`}
${heatMap(scores)}
${isMany ? html`<div class="small">${charts}</div>` : charts}`,
  };
};

const unknown = { unit: "score", meaning: "" };

function wordsOf({ criterion, estimator, payoff, data }: ScoringConditions): {
  readonly unit: string;
  readonly meaning: string;
} {
  const on = data === null ? "" : ` over ${whole(data.examples)} examples`;
  if (criterion !== "shapley") {
    const found = criteria[criterion];
    const description = found.description.charAt(0).toUpperCase() + found.description.slice(1);
    return { unit: `score (${criterion})`, meaning: `${description}${on}; higher is worth more.` };
  }
  const { title, unit } = metrics[payoff ?? "cross-entropy"];
  return {
    unit: `Shapley value (${unit})`,
    meaning: `A channel's value is what it adds to the payoff, ${title.toLowerCase()} (${unit}), averaged over the coalitions of the other channels of its group and${on === "" ? " the examples" : on}${estimator === null ? "" : `, as estimated by ${estimator}`}. Negative values: the network was better without the channel.`,
  };
}
