/** @file What grouped convolutions lost, and by what it was chosen. */
import { groupedHeads, groupedRow } from "../../grouped.ts";
import { html, tableOf } from "../markup.ts";
import type { SectionOf } from "./section.ts";

export const groupedSection: SectionOf = ({ grouped }) => {
  if (grouped.length === 0) return undefined;
  const columns = groupedHeads.map((title) =>
    /blocks$|payoff|difference|^at$/.test(title) ? ({ title, align: "right" } as const) : { title },
  );
  return {
    id: "grouped",
    title: "How grouped layers were cut",
    body: html`${tableOf("How grouped layers were cut", columns, grouped.map(groupedRow))}
<p class="note">Each layer alone was cut both ways, to the same cost of the network, and the way was taken after which the network is worth more on the ranking examples.</p>`,
  };
};
