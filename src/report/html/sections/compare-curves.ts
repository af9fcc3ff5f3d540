/** @file Payoff as channels go, group by group, or averaged where there are many. */
import { metrics } from "../../../metrics/index.ts";
import type { ComparedGroup, CompareRecord } from "../../compare-records.ts";
import { whole } from "../../format.ts";
import { legendOf } from "../charts/chart.ts";
import { curveLegend, goneCurvesChart } from "../charts/gone-curves.ts";
import { curvedMethods, groupCurves, meanCurves } from "../curves.ts";
import { html, type Markup, nothing } from "../markup.ts";
import { barsText, methodsOf } from "../methods.ts";
import type { SectionOf } from "./section.ts";

/** Groups up to which each gets a chart as wide as the page, and of more, how many are drawn. */
const mostWide = 4;
const mostSmall = 6;

export const compareCurvesSection: SectionOf = ({ comparison }) => {
  if (comparison === null) return undefined;
  const methods = curvedMethods(comparison, methodsOf(comparison));
  if (methods.length === 0 || comparison.groups.length === 0) return undefined;
  const isMany = comparison.groups.length > mostWide;
  const behind = methods.filter(({ isBehind }) => isBehind).length;
  const unit = `payoff (${metrics[comparison.payoff].unit})`;
  const chosen = isMany ? largest(comparison.groups) : comparison.groups;
  const charts = chosen.map((group) => ({ group, curves: groupCurves(group, methods) }));
  const drawn = charts.map(({ group, curves }) =>
    goneCurvesChart({
      title: `${group.id}: payoff as channels go`,
      caption: isMany ? `${whole(group.channels)} channels.` : captionOf(comparison),
      xLabel: "channels gone →",
      yLabel: unit,
      isShare: false,
      curves,
      isSmall: isMany,
    }),
  );
  return {
    id: "curves",
    title: "Payoff as channels go",
    body: html`<p>${introduction(behind, comparison)}</p>
${isMany ? html`${meanChart(comparison, methods)}<h3>The ${mostSmall} largest groups</h3>${legendOf(curveLegend(charts[0]!.curves))}<div class="small">${drawn}</div>` : drawn}`,
  };
};

function introduction(behind: number, { budgets }: CompareRecord): string {
  const most = budgets.length > 1 ? " Methods with several budgets are drawn with the largest." : "";
  const grey =
    behind === 0
      ? ""
      : ` The methods with the smallest area, and random, are drawn in colour, ${whole(behind)} more in grey behind them.`;
  return `Channels go in the order of each ranking, without repair, on examples no ranking has seen. With the lowest first a good ranking stays high for long; with the highest first it falls at once.${most}${grey}`;
}

function captionOf(record: CompareRecord): string {
  return record.seeds.length > 1
    ? `Lines are means, bands one standard deviation over ${record.seeds.length} seeds to each side.`
    : barsText(record);
}

function meanChart(record: CompareRecord, methods: ReturnType<typeof curvedMethods>): Markup {
  const curves = meanCurves(record.groups, methods);
  if (curves.length === 0) return nothing;
  return goneCurvesChart({
    title: `Mean of all ${record.groups.length} groups`,
    caption: `Before averaging, payoffs of each group were scaled so that all of its channels are 100% and none are 0%. ${captionOf(record)}`,
    xLabel: "channels gone →",
    yLabel: "payoff between none and all",
    isShare: true,
    curves,
    isSmall: false,
  });
}

/** In the order of the record. */
function largest(groups: readonly ComparedGroup[]): readonly ComparedGroup[] {
  const chosen = new Set([...groups].sort((a, b) => b.channels - a.channels).slice(0, mostSmall));
  return groups.filter((group) => chosen.has(group));
}
