/** @file What a comparison of methods says, in words. */
import { metrics } from "../../../metrics/index.ts";
import type { CompareRecord } from "../../compare-records.ts";
import { compact, percent, short, whole } from "../../format.ts";
import { html } from "../markup.ts";
import { methodsOf } from "../methods.ts";
import type { SectionOf } from "./section.ts";
import { tilesOf } from "./tiles.ts";

export const compareSummarySection: SectionOf = ({ comparison }) =>
  comparison === null
    ? undefined
    : {
        id: "conclusions",
        title: "At a glance",
        body: html`${tilesOf(figuresOf(comparison))}
<ul class="conclusions">${comparison.conclusions.map((sentence) => html`<li>${sentence}</li>\n`)}</ul>
<p class="note">${protocolOf(comparison)}</p>`,
      };

function figuresOf(record: CompareRecord) {
  const { groups, seeds, original, budgets } = record;
  const measured = methodsOf(record).filter(({ entries }) => entries.length > 0).length;
  const channels = groups.reduce((sum, group) => sum + group.channels, 0);
  const several = (count: number, one: string, many: string) => `${whole(count)} ${count === 1 ? one : many}`;
  return [
    {
      name: "methods",
      value: whole(measured),
      note: `${several(seeds.length, "seed", "seeds")}${budgets.length === 0 ? "" : `, ${several(budgets.length, "budget", "budgets")}`}`,
    },
    { name: "groups", value: whole(groups.length), note: several(channels, "channel", "channels") },
    original.accuracy === null
      ? {
          name: "loss of the original",
          value: original.loss === null ? "-" : short(original.loss, 3),
          note: "",
        }
      : { name: "accuracy of the original", value: percent(original.accuracy), note: "" },
    {
      name: "MACs of the original",
      value: compact(original.macs),
      note: `${compact(original.parameters)} parameters`,
    },
  ];
}

function protocolOf({ payoff, examples, seeds }: CompareRecord): string {
  const { title, unit } = metrics[payoff];
  return `Every method ranked the same groups on ${whole(examples.rank)} examples; curves are payoffs, ${title.toLowerCase()} (${unit}), on ${whole(examples.curves)} others, final figures are measured on ${whole(examples.evaluate)} more.${seeds.length === 1 ? " With a single seed nothing can be said about noise." : ""}`;
}
