/** @file What methods gain against what they cost. */
import { metrics } from "../../../metrics/index.ts";
import type { CompareRecord } from "../../compare-records.ts";
import { compact, percent, short } from "../../format.ts";
import { type CostBenefit, costBenefitChart } from "../charts/cost-benefit.ts";
import { html, type Markup, nothing } from "../markup.ts";
import { methodsOf } from "../methods.ts";
import type { SectionOf } from "./section.ts";

export const compareCostSection: SectionOf = ({ comparison }) => {
  if (comparison === null) return undefined;
  const methods = methodsOf(comparison);
  if (methods.every(({ entries }) => entries.length === 0)) return undefined;
  const area = areaOf(comparison);
  return {
    id: "benefit",
    title: "Benefit against cost",
    body: html`${costBenefitChart(comparison, methods, { ...area, ...byRows, title: "Payoff lost against rows" })}
${costBenefitChart(comparison, methods, { ...area, ...bySeconds, title: "Payoff lost against seconds" })}
${qualityChart()}`,
  };

  /** Quality of the network at the share in the middle, after the last thing that was done to it. */
  function qualityChart(): Markup {
    const share = comparison!.shares[Math.floor(comparison!.shares.length / 2)];
    if (share === undefined) return nothing;
    const quality = qualityOf(comparison!, share);
    return costBenefitChart(comparison!, methods, {
      ...quality,
      ...bySeconds,
      title: `${comparison!.original.accuracy === null ? "Loss" : "Accuracy"} with ${percent(share, 0)} of the channels gone, against seconds`,
    });
  }
};

const byRows: Pick<CostBenefit, "cost" | "free"> = {
  cost: {
    label: "rows of all groups together",
    of: ({ summary }) => summary.rows,
    told: (value) => `${compact(value)} rows`,
  },
  free: "none",
};

const bySeconds: Pick<CostBenefit, "cost" | "free"> = {
  cost: {
    label: "seconds of ranking",
    of: ({ summary }) => summary.seconds,
    told: (value) => `${short(value, 2)} s`,
  },
  free: "0",
};

function areaOf({ payoff }: CompareRecord): Pick<CostBenefit, "benefit" | "caption"> {
  const { unit } = metrics[payoff];
  return {
    benefit: {
      label: `mean payoff lost (${unit})`,
      of: ({ summary }) => summary.areaLowest,
      told: (value) => short(value, 3),
      isBetterLow: true,
    },
    caption: `The area over the payoff curve while the lowest-ranked channels go, averaged over groups, without repair.`,
  };
}

/** The last of cut, repaired and tuned that any method has. */
function qualityOf(
  { entries, original }: CompareRecord,
  share: number,
): Pick<CostBenefit, "benefit" | "caption"> {
  const at = (entry: (typeof entries)[number]) => entry.summary?.network.find((one) => one.share === share);
  const stage = (["tuned", "repaired", "cut"] as const).find((name) =>
    entries.some((entry) => at(entry)?.[name] != null),
  );
  const isAccuracy = original.accuracy !== null;
  const told = (value: number) => (isAccuracy ? percent(value) : short(-value, 3));
  const before = isAccuracy
    ? percent(original.accuracy!)
    : original.loss === null
      ? "-"
      : short(original.loss, 3);
  return {
    benefit: {
      label: isAccuracy ? `accuracy, ${stage ?? "cut"}` : `minus loss, ${stage ?? "cut"}`,
      of: (entry) => (stage === undefined ? null : (at(entry)?.[stage] ?? null)),
      told,
      isBetterLow: false,
      ...(isAccuracy && { tick: (value: number) => `${Number((100 * value).toFixed(2))}%` }),
    },
    caption: `The whole network, ${stage ?? "cut"}, with the same share of every group gone; the original has ${before}.`,
  };
}
