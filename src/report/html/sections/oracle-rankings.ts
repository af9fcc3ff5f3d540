/** @file Rankings held against oracle sets. */
import { metrics } from "../../../metrics/index.ts";
import { compact, short } from "../../format.ts";
import type { OracleFindings, RankingRecord } from "../../oracle-records.ts";
import { type DotKind, dotRowsChart, type RowDot } from "../charts/dot-rows.ts";
import { oracleRegretChart } from "../charts/oracle-regret.ts";
import { seriesLook } from "../charts/series.ts";
import { html, type Markup, tableOf } from "../markup.ts";
import type { SectionOf } from "./section.ts";

export const oracleRankingsSection: SectionOf = ({ oracle: record }) => {
  if (record === null || record.oracle === null || record.oracle.rankings.length === 0) return undefined;
  const { oracle, sets, payoff } = record;
  const { unit } = metrics[payoff];
  const looks = oracle.rankings.map(({ name }, place) => seriesLook(name, place));
  return {
    id: "rankings",
    title: "Rankings against the oracle",
    body: html`${scoresOf(oracle)}
${oracleRegretChart(oracle, sets, looks, unit)}
${agreementTable(oracle, unit)}`,
  };
};

/** What the average over all rankings is called. */
const chance = "random, expected";

const kinds: readonly DotKind[] = [
  { name: "add", colour: "kept", symbol: "circle" },
  { name: "remove", colour: "removed", symbol: "triangle" },
];

function scoresOf({ rankings, randomScore, depth }: OracleFindings): Markup {
  const dot = (kind: string, value: number): RowDot => ({
    kind,
    value,
    low: value,
    high: value,
    told: `${value.toFixed(3)} (${times(value, randomScore)} times random)`,
  });
  const below = rankings.filter(({ judgement: { add, remove } }) => Math.max(add, remove) <= randomScore);
  const poor =
    below.length === 0
      ? ""
      : ` At neither end above the random expectation: ${below.map(({ name }) => name).join(", ")}.`;
  return dotRowsChart({
    title: "Overlap with the oracle sets at both ends",
    caption: `Share of the best ${depth === 1 ? "channel" : `1 to ${depth} channels`} to keep (add) and to remove (remove) that stand at the same end of the ranking; equal scores share their places. 1 is reached only where the sets of these sizes are nested. A random ranking has ${randomScore.toFixed(3)} on average.${poor}`,
    label: "overlap, 1 is all →",
    rows: rankings.map(({ name, judgement: { add, remove } }) => ({
      name,
      dots: [dot("add", add), dot("remove", remove)],
    })),
    kinds,
    rule: { at: randomScore, label: chance },
    domain: [0, 1],
  });
}

function times(score: number, random: number): string {
  return (score / random).toFixed(2);
}

function agreementTable({ rankings, randomScore, randomRegret }: OracleFindings, unit: string): Markup {
  const right = { align: "right" } as const;
  const columns = [
    { title: "ranking" },
    ...[
      "add / random",
      "remove / random",
      `mean regret (${unit})`,
      "oracle: tau, rho",
      "Shapley: tau, rho",
      "rows",
    ].map((title) => ({ title, ...right })),
  ];
  const rows = rankings.map(({ name, rows: spent, judgement }) => [
    name,
    times(judgement.add, randomScore),
    times(judgement.remove, randomScore),
    short(judgement.regretMean, 3),
    correlations(judgement, "oracle"),
    correlations(judgement, "shapley"),
    spent === 0 ? "-" : compact(spent),
  ]);
  const expected = [chance, "1.00", "1.00", short(randomRegret, 3), "0.00, 0.00", "0.00, 0.00", "-"];
  return html`<p class="chart-title">Agreement of rankings</p>
${tableOf("Agreement of rankings", columns, [...rows, expected])}
<p class="note">tau: Kendall's tau-b, rho: Spearman's, with the order closest to the oracle sets and with the exact Shapley values.
Rows: what the ranking costs without the table; criteria play no game.</p>`;
}

function correlations({ agreement }: RankingRecord["judgement"], against: "oracle" | "shapley"): string {
  const found = agreement[against];
  return [found?.kendall, found?.spearman]
    .map((value) => (value == null ? "-" : value.toFixed(2)))
    .join(", ");
}
