/** @file The best sets of a group: what they are worth, which channels they hold, and what is known of them. */
import { metrics } from "../../../metrics/index.ts";
import { short } from "../../format.ts";
import { knownAbout, ranges } from "../../oracle.ts";
import type { OracleRecord } from "../../oracle-records.ts";
import { oracleMembersChart } from "../charts/oracle-members.ts";
import { oraclePayoffsChart } from "../charts/oracle-payoffs.ts";
import { html, type Markup, nothing, tableOf } from "../markup.ts";
import type { SectionOf } from "./section.ts";

export const oracleSetsSection: SectionOf = ({ oracle }) => {
  if (oracle === null || oracle.sets.length === 0) return undefined;
  const hasInner = oracle.sets.some(({ size }) => size > 0 && size < oracle.channels);
  return {
    id: "sets",
    title: oracle.search === "exhaustive" ? "Oracle sets" : "Best sets found",
    body: html`${oraclePayoffsChart(oracle, metrics[oracle.payoff].unit)}
${hasInner ? oracleMembersChart(oracle) : nothing}
${tableOfSets(oracle)}`,
  };
};

function tableOfSets(record: OracleRecord): Markup {
  const { sets, search } = record;
  const right = { align: "right" } as const;
  const isAll = search === "exhaustive";
  const columns = [
    { title: "kept" },
    { title: "payoff", ...right },
    ...(isAll ? [{ title: "ties", ...right }] : [{ title: "known" }]),
    { title: isAll ? "best set to keep" : "best found to keep" },
    { title: isAll ? "best set to remove" : "to remove" },
  ];
  const rows = sets.map((set) => [
    String(set.size),
    short(set.worth),
    isAll ? (set.ties! > 1 ? String(set.ties! - 1) : "") : knownAbout(set),
    ranges(set.keep),
    ranges(set.remove),
  ]);
  return html`<p class="chart-title">${isAll ? "Best sets to keep and to remove" : "Best sets found"}</p>
${tableOf("Best sets", columns, rows)}`;
}
