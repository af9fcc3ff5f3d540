/** @file What cutting a ranking at each size loses against the oracle set of the size. */
import * as Plot from "@observablehq/plot";
import { short } from "../../format.ts";
import type { OracleFindings, RankingRecord, SizeRecord } from "../../oracle-records.ts";
import { type Markup, tableOf } from "../markup.ts";
import { chart } from "./chart.ts";
import { numberAxis } from "./number-axis.ts";
import { inkOf, type SeriesLook, seriesLegend } from "./series.ts";

interface Loss {
  readonly size: number;
  readonly regret: number;
}

const chance = "random, expected";

/** @param looks Of the rankings, in their order. */
export function oracleRegretChart(
  { rankings, randomRegret }: OracleFindings,
  sets: readonly SizeRecord[],
  looks: readonly SeriesLook[],
  unit: string,
): Markup {
  const inner = sets.filter((_, size) => size > 0 && size < sets.length - 1);
  const random = inner.map(({ size, worth, mean }) => ({ size, regret: worth - mean! }));
  const lines = rankings.map(({ judgement }) =>
    judgement.regret.map((regret, k) => ({ size: k + 1, regret })),
  );
  return chart({
    title: "Payoff lost against the oracle set of the same size",
    caption: captionOf(rankings, randomRegret, unit),
    legend: [...seriesLegend(looks), { label: chance, look: "dashed", colour: "text" }],
    figures: figuresOf(rankings, random),
    draw: (width) => ({
      height: 340,
      marginLeft: 62,
      marginTop: 26,
      marginBottom: 42,
      x: {
        label: "channels kept →",
        labelArrow: "none",
        ticks: Math.min(inner.length, width < 500 ? 5 : 10),
        tickFormat: "d",
        inset: 6,
      },
      // small losses near all channels would vanish on a linear axis, and none at all has no place on a logarithmic one
      y: {
        type: "sqrt",
        label: `↑ payoff lost (${unit})`,
        labelArrow: "none",
        grid: true,
        nice: true,
        zero: true,
        ticks: 6,
        ...numberAxis(random.map(({ regret }) => regret)),
      },
      marks: [
        Plot.lineY(random, {
          x: "size",
          y: "regret",
          stroke: "var(--text)",
          strokeWidth: 1.5,
          strokeDasharray: "5 3",
        }),
        ...lines.flatMap((points, k) => marksOf(points, looks[k]!)),
      ],
    }),
  });
}

function marksOf(points: readonly Loss[], look: SeriesLook): Plot.Markish[] {
  return [
    Plot.lineY(points, { x: "size", y: "regret", stroke: inkOf(look), strokeWidth: 1.8 }),
    Plot.dot(points, {
      x: "size",
      y: "regret",
      r: 4,
      symbol: look.symbol,
      fill: inkOf(look),
      title: ({ size, regret }: Loss) => `${look.name}, ${size} kept: ${short(regret, 3)} lost`,
    }),
  ];
}

function captionOf(rankings: readonly RankingRecord[], randomRegret: number, unit: string): string {
  const own = rankings.filter(({ name }) => name !== "oracle");
  const worse = own.filter(({ judgement }) => judgement.regretMean >= randomRegret);
  const least = own.reduce<RankingRecord | undefined>(
    (low, one) => (low === undefined || one.judgement.regretMean < low.judgement.regretMean ? one : low),
    undefined,
  );
  const best =
    least === undefined
      ? ""
      : ` On average over all sizes ${least.name} loses least of the rankings, ${short(least.judgement.regretMean, 2)} ${unit}; a random one loses ${short(randomRegret, 2)}.`;
  const bad =
    worse.length === 0
      ? ""
      : ` No better than that expectation: ${worse.map(({ name }) => name).join(", ")}.`;
  return `A ranking is cut at every size and held against the best set of that size. The axis is a square root, so that small losses stay visible.${best}${bad} These are figures of this group on these examples; other examples may order the rankings otherwise.`;
}

function figuresOf(rankings: readonly RankingRecord[], random: readonly Loss[]): Markup {
  const right = { align: "right" } as const;
  return tableOf(
    "Payoff lost by size",
    [
      { title: "kept" },
      ...rankings.map(({ name }) => ({ title: name, ...right })),
      { title: chance, ...right },
    ],
    random.map(({ size, regret }, k) => [
      String(size),
      ...rankings.map(({ judgement }) => short(judgement.regret[k]!, 3)),
      short(regret, 3),
    ]),
  );
}
