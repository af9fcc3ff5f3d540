/** @file Which layers did not get faster, and why, as text. */
import type { LayerTime, LayerTimes } from "../evaluation/layer-times.ts";
import { compact, percent } from "./format.ts";
import { table } from "./table.ts";

/** The heads of the table of layers. */
export const layerHeads = [
  "layer",
  "channels",
  "MACs",
  "ms before",
  "ms after",
  "after / before",
  "why",
] as const;

/** Where the text of a table ends. */
const mostRows = 15;

/** Layers that did not get faster and take time at all, longest first. */
export function slowLayers({ layers }: LayerTimes): readonly LayerTime[] {
  return layers.filter(({ faster, ms }) => !faster && ms.after > 0);
}

/** One row of the table. */
export function layerRow({ layer, channels, macs, ms, reason }: LayerTime): string[] {
  const change = ({ before, after }: { readonly before: string; readonly after: string }) =>
    before === after ? before : `${before} → ${after}`;
  return [
    layer,
    channels === null ? "" : change(channels),
    macs === null ? "none" : change({ before: compact(macs.before), after: compact(macs.after) }),
    ms.before === 0 ? "-" : ms.before.toFixed(3),
    ms.after.toFixed(3),
    ms.before === 0 ? "new" : percent(ms.after / ms.before, 0),
    reason ?? "",
  ];
}

/** What stands above the table. */
export function layerSummary(times: LayerTimes): string {
  const slow = slowLayers(times);
  const { batch, runs, ms } = times;
  const share = slow.reduce((sum, layer) => sum + layer.ms.after, 0) / ms.after;
  return `By layer, batch ${batch}, ${runs} runs in turns under the runtime's profiler (which takes time itself): ${ms.before.toFixed(3)} ms before, ${ms.after.toFixed(3)} ms after. ${slow.length} of ${times.layers.length} layers and operators did not get faster; they take ${percent(share, 0)} of the time.`;
}

/** Empty where nothing was measured. */
export function layerTimesText(times: LayerTimes | null): string {
  if (times === null) return "";
  const slow = slowLayers(times);
  if (slow.length === 0) return layerSummary(times);
  const left = ["left", "left", "left", "right", "right", "right", "left"] as const;
  const more = slow.length > mostRows ? [`and ${slow.length - mostRows} more, each of them shorter`] : [];
  const advice = times.advice === null ? [] : [times.advice];
  return [
    layerSummary(times),
    "",
    table(layerHeads, slow.slice(0, mostRows).map(layerRow), left),
    ...more,
    ...advice,
  ].join("\n");
}
