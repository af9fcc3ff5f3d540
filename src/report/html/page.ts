/** @file A report as one HTML page that needs nothing but itself: no script, no network, no files beside it. */
import { tool } from "../../base/version.ts";
import { html, type Markup, nothing, trusted } from "./markup.ts";
import type { ReportRecord } from "./record.ts";
import { compareAgreementSection } from "./sections/compare-agreement.ts";
import { compareContrastsSection } from "./sections/compare-contrasts.ts";
import { compareCostSection } from "./sections/compare-cost.ts";
import { compareCurvesSection } from "./sections/compare-curves.ts";
import { compareMethodsSection } from "./sections/compare-methods.ts";
import { compareNetworkSection } from "./sections/compare-network.ts";
import { compareSummarySection } from "./sections/compare-summary.ts";
import { comparisonSection } from "./sections/comparison.ts";
import { contendersSection } from "./sections/contenders.ts";
import { costSection } from "./sections/cost.ts";
import { figuresSection } from "./sections/figures.ts";
import { groupedSection } from "./sections/grouped.ts";
import { keptSection } from "./sections/kept.ts";
import { layerTimesSection } from "./sections/layer-times.ts";
import { lockedSection } from "./sections/locked.ts";
import { oracleRankingsSection } from "./sections/oracle-rankings.ts";
import { oracleSetsSection } from "./sections/oracle-sets.ts";
import { oracleSummarySection } from "./sections/oracle-summary.ts";
import { oracleValuesSection } from "./sections/oracle-values.ts";
import { repairSection } from "./sections/repair.ts";
import { reproduceSection } from "./sections/reproduce.ts";
import { roundsSection } from "./sections/rounds.ts";
import { scoresSection } from "./sections/scores.ts";
import type { Section, SectionOf } from "./sections/section.ts";
import { summarySection } from "./sections/summary.ts";
import { trainingSection } from "./sections/training.ts";
import { style } from "./style.ts";

/** Parts of a result, in the order of the page. */
const sections: readonly SectionOf[] = [
  summarySection,
  compareSummarySection,
  compareCostSection,
  compareCurvesSection,
  compareNetworkSection,
  compareAgreementSection,
  compareContrastsSection,
  compareMethodsSection,
  oracleSummarySection,
  oracleSetsSection,
  oracleValuesSection,
  oracleRankingsSection,
  contendersSection,
  figuresSection,
  layerTimesSection,
  roundsSection,
  keptSection,
  groupedSection,
  scoresSection,
  repairSection,
  trainingSection,
  lockedSection,
  costSection,
  reproduceSection,
];

/** What commands did, for headings. */
const deeds: Readonly<Record<string, string>> = {
  prune: "Pruning",
  rank: "Ranking",
  evaluate: "Evaluation",
  finetune: "Fine-tuning",
  train: "Training",
  oracle: "Oracle",
  compare: "Comparison",
  demo: "Demo",
};

/**
 * One page for one result, or for several side by side. Equal records give equal text.
 * @param records At least one.
 */
export function reportPage(records: readonly ReportRecord[]): string {
  const [first] = records;
  const title = records.length === 1 ? titleOf(first!) : `${records.length} results`;
  const body = records.length === 1 ? single(first!) : several(records);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="${tool.name} ${tool.version}">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="lead">${leadOf(records)}</p>
</header>
${body}
<footer>Drawn by ${tool.name} ${tool.version}. Point at marks of a chart for their values; every chart has its figures as a table below it.</footer>
</body>
</html>
`.markup;
}

function titleOf({ name, command }: ReportRecord): string {
  const deed = command === null ? undefined : deeds[command];
  return `${deed ?? "Report"}: ${name}`;
}

function leadOf(records: readonly ReportRecord[]): string {
  if (records.length > 1) return records.map(({ name }) => name).join(", ");
  const { scoring, run } = records[0]!;
  const by =
    scoring === null
      ? ""
      : `Channels scored by ${scoring.criterion === "shapley" ? "Shapley value" : scoring.criterion}. `;
  return `${by}${run === null ? "" : `${run.tool} ${run.version}, command ${run.command}.`}`;
}

function drawn(record: ReportRecord): readonly Section[] {
  return sections.flatMap((section) => section(record) ?? []);
}

function single(record: ReportRecord): Markup {
  const parts = drawn(record);
  return html`<nav aria-label="Contents"><ul>${parts.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
<main>
${parts.map(({ id, title, body }) => html`<section aria-labelledby="${id}">\n<h2 id="${id}">${title}</h2>\n${body}\n</section>\n`)}</main>`;
}

function several(records: readonly ReportRecord[]): Markup {
  const top = comparisonSection(records);
  const all = records.map((record, k) => ({ record, parts: drawn(record), prefix: `result-${k + 1}` }));
  const entries = all.map(
    ({ record, parts, prefix }) => html`<li class="nested"><a href="#${prefix}">${titleOf(record)}</a>
<ul>${parts.map(({ id, title }) => html`<li><a href="#${prefix}-${id}">${title}</a></li>`)}</ul></li>\n`,
  );
  return html`<nav aria-label="Contents"><ul><li><a href="#${top.id}">${top.title}</a></li>${entries}</ul></nav>
<main>
<section aria-labelledby="${top.id}"><h2 id="${top.id}">${top.title}</h2>${top.body}</section>
${all.map(
  ({ record, parts, prefix }) => html`<article aria-labelledby="${prefix}">
<h2 id="${prefix}">${titleOf(record)}</h2>
${parts.map(({ id, title, body }) => html`<section aria-labelledby="${prefix}-${id}">\n<h3 id="${prefix}-${id}">${title}</h3>\n${body}\n</section>\n`)}${parts.length === 0 ? html`<p>Nothing to show.</p>` : nothing}</article>\n`,
)}</main>`;
}
