/** @file Which positions of every axis are left under a plan. */
import type { Dim } from "../graph/model.ts";
import { sizeAround } from "../ops/label-blocks.ts";
import type { ChannelAnalysis } from "./groups.ts";
import type { KeepMasks } from "./plan.ts";

/** Positions that stay, for the axes from which something goes; keyed by value, then axis. */
export type KeptPositions = ReadonlyMap<string, ReadonlyMap<number, Int32Array>>;

/** What is left of the axes from which something goes. */
export interface KeptAxes {
  readonly positions: KeptPositions;
  /** Keyed by value, then axis; axes that labels share with an open size have no positions, but a size. */
  readonly sizes: ReadonlyMap<string, ReadonlyMap<number, Dim>>;
}

export function keptAxes(analysis: ChannelAnalysis, masks: KeepMasks): KeptAxes {
  const positions = new Map<string, Map<number, Int32Array>>();
  const sizes = new Map<string, Map<number, Dim>>();
  analysis.labelling.blocks.forEach((blocks, value) => {
    for (const { axes, labels, within } of blocks) {
      const stay = labels.map((label, position) => {
        const place = analysis.placeOf(label);
        return place === undefined || masks[place.group]![place.channel] === 1 ? position : -1;
      });
      if (!stay.includes(-1)) continue;
      const kept = stay.filter((position) => position >= 0);
      const axis = axes[0]!;
      entriesOf(sizes, value).set(axis, sizeAround(kept.length, within?.[0]));
      if (within === undefined) entriesOf(positions, value).set(axis, kept);
    }
  });
  return { positions, sizes };
}

function entriesOf<T>(maps: Map<string, Map<number, T>>, value: string): Map<number, T> {
  const known = maps.get(value) ?? new Map<number, T>();
  maps.set(value, known);
  return known;
}
