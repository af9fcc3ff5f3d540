/** @file From a plan to positions: what stays along every axis of every value. */
import type { ChannelAnalysis } from "./groups.ts";
import type { KeepMasks } from "./plan.ts";

/** Positions that stay, ascending, for the axes from which something goes; keyed by value, then axis. */
export type KeptPositions = ReadonlyMap<string, ReadonlyMap<number, Int32Array>>;

export function keptPositions(analysis: ChannelAnalysis, masks: KeepMasks): KeptPositions {
  const kept = new Map<string, Map<number, Int32Array>>();
  analysis.labelling.blocks.forEach((blocks, value) => {
    for (const { axes, labels } of blocks) {
      const stay = labels.map((label, position) => {
        const place = analysis.placeOf(label);
        return place === undefined || masks[place.group]![place.channel] === 1 ? position : -1;
      });
      if (!stay.includes(-1)) continue;
      const positions = stay.filter((position) => position >= 0);
      kept.set(value, (kept.get(value) ?? new Map<number, Int32Array>()).set(axes[0]!, positions));
    }
  });
  return kept;
}
