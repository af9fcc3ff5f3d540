/** @file Differences between methods with their intervals, one chart for each thing measured. */
import type { CompareRecord, Contrast } from "../../compare-records.ts";
import { short, tickText } from "../../format.ts";
import { type DotKind, dotRowsChart } from "../charts/dot-rows.ts";
import { points } from "../claims.ts";
import { html, type Markup } from "../markup.ts";
import type { SectionOf } from "./section.ts";

/** Charts up to which each is as wide as the page. */
const mostWide = 2;

const kinds: readonly DotKind[] = [
  { name: "ahead", colour: "kept", symbol: "square" },
  { name: "within noise", colour: "muted", symbol: "circle", isHollow: true },
  { name: "behind", colour: "removed", symbol: "triangle" },
];

export const compareContrastsSection: SectionOf = ({ comparison }) => {
  if (comparison === null || comparison.contrasts.length === 0) return undefined;
  const panels = panelsOf(comparison.contrasts);
  const isSmall = panels.length > mostWide;
  const charts = panels.map((contrasts) => forest(contrasts, comparison, isSmall));
  return {
    id: "contrasts",
    title: "Differences between methods",
    body: html`<p>Paired by seed; right of zero is better for the first of the two. Intervals (95%) are of each difference alone, while
ahead and behind are corrected for the number of contrasts, ${comparison.contrasts.length} in all, so that an interval beside zero can still be
within noise.</p>
${isSmall ? html`<div class="small">${charts}</div>` : charts}`,
  };
};

/** Contrasts of one method by one measure at one budget, in the order they come. */
function panelsOf(contrasts: readonly Contrast[]): readonly (readonly Contrast[])[] {
  const panels = new Map<string, Contrast[]>();
  for (const contrast of contrasts) {
    const key = JSON.stringify([contrast.measure, contrast.budget, contrast.first]);
    const panel = panels.get(key);
    if (panel === undefined) panels.set(key, [contrast]);
    else panel.push(contrast);
  }
  return [...panels.values()];
}

function forest(contrasts: readonly Contrast[], { budgets }: CompareRecord, isSmall: boolean): Markup {
  const { first, measure, budget } = contrasts[0]!;
  const isAccuracy = measure.startsWith("accuracy");
  const told = (value: number) => (isAccuracy ? `${points(value)} points` : short(value, 3));
  const rows = contrasts.map(({ second, difference, interval: [low, high], verdict }) => ({
    name: second,
    dots: [
      {
        kind: verdict,
        value: difference,
        low,
        high,
        told: `${first} less ${second}: ${told(difference)} (95%: ${told(low)} to ${told(high)}), ${verdict}`,
      },
    ],
  }));
  const at = budget !== null && budgets.length > 1 ? `, ${tickText(budget)} rows a group` : "";
  return dotRowsChart({
    title: `${measure.charAt(0).toUpperCase()}${measure.slice(1)}${at}: ${first} less …`,
    caption: verdictsOf(contrasts),
    label: isAccuracy ? "difference in points →" : "difference →",
    rows,
    kinds,
    rule: { at: 0, label: "no difference" },
    ...(isAccuracy && { tickFormat: (value: number) => String(Number((100 * value).toFixed(2))) }),
    isSmall,
  });
}

function verdictsOf(contrasts: readonly Contrast[]): string {
  const count = (verdict: Contrast["verdict"]) =>
    contrasts.filter((contrast) => contrast.verdict === verdict).length;
  return `Ahead in ${count("ahead")}, behind in ${count("behind")}, within noise in ${count("within noise")}.`;
}
