/** @file How quality went as channels went: round by round, and against the work that is left. */
import { roundsChart } from "../charts/rounds.ts";
import { tradeOffChart } from "../charts/trade-off.ts";
import { html, nothing } from "../markup.ts";
import { qualityOf } from "../quality.ts";
import type { SectionOf } from "./section.ts";

export const roundsSection: SectionOf = ({ figures, rounds, removal }) => {
  if (figures === null || removal === null) return undefined;
  const quality = qualityOf(rounds, figures.before, figures.after);
  if (quality === undefined) return undefined;
  const original = figures.before?.macs;
  return {
    id: "rounds",
    title: "Quality as channels go",
    body: html`${rounds.length === 0 ? nothing : roundsChart(quality)}
${original === undefined || original === 0 ? nothing : tradeOffChart(quality, original)}`,
  };
};
