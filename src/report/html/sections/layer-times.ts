/** @file Which layers did not get faster, and why. */
import { layerHeads, layerRow, layerSummary, slowLayers } from "../../layer-times.ts";
import { html, nothing, tableOf } from "../markup.ts";
import type { SectionOf } from "./section.ts";

export const layerTimesSection: SectionOf = ({ layerTimes }) => {
  if (layerTimes === null) return undefined;
  const slow = slowLayers(layerTimes);
  const columns = layerHeads.map((title) =>
    /ms|after/.test(title) ? ({ title, align: "right" } as const) : { title },
  );
  return {
    id: "layer-times",
    title: "Layers that did not get faster",
    body: html`<p>${layerSummary(layerTimes)}</p>
${slow.length === 0 ? nothing : tableOf("Layers that did not get faster", columns, slow.map(layerRow))}
${layerTimes.advice === null ? nothing : html`<p class="note">${layerTimes.advice}</p>`}`,
  };
};
