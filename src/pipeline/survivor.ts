/** @file The network a removal has come to: a slice of the original, whose weights may have moved since. */
import { analyzeChannels, type ChannelAnalysis } from "../channels/groups.ts";
import type { KeepMasks } from "../channels/plan.ts";
import type { Model } from "../graph/model.ts";
import { sliceModel } from "../surgery/slice.ts";

/** What is left after some channels are gone and the rest was repaired or tuned. */
export interface Survivor {
  readonly model: Model;
  readonly analysis: ChannelAnalysis;
  /** Channels of the original network that it has. */
  readonly masks: KeepMasks;
}

/**
 * Wraps a network that has the channels of `masks`.
 * @param original Says what its layers lose, so that its groups are those of the original.
 */
export function survivorOf(
  { groupedCut, attentionCut }: Pick<ChannelAnalysis, "groupedCut" | "attentionCut">,
  model: Model,
  masks: KeepMasks,
): Survivor {
  return { model, analysis: analyzeChannels(model, { groupedCut, attentionCut }), masks };
}

/**
 * The network under `masks`, cut from what is left where that is known, else from the original.
 * @param masks Over the groups of the original network; no channel may come back.
 */
export function cutTo(original: ChannelAnalysis, left: Survivor | undefined, masks: KeepMasks): Model {
  if (left === undefined) return sliceModel(original, masks);
  return sliceModel(left.analysis, relativeMasks(original, left, masks));
}

/** Masks over the groups of what is left. */
function relativeMasks(original: ChannelAnalysis, left: Survivor, masks: KeepMasks): KeepMasks {
  const relative = left.analysis.groups.map(({ channels }) => new Uint8Array(channels).fill(1));
  original.groups.forEach((_, group) => {
    const mask = masks[group]!;
    const before = left.masks[group]!;
    if (mask.every((stays, channel) => stays === before[channel])) return;
    relative[groupAfter(original, left, group)] = mask.filter((_, channel) => before[channel] === 1);
  });
  return relative;
}

/**
 * The group of what is left that a group of the original has become.
 * @throws {Error} when there is none with the channels that stayed: a defect of ours.
 */
export function groupAfter(original: ChannelAnalysis, { analysis, masks }: Survivor, group: number): number {
  const { id } = original.groups[group]!;
  const found = analysis.groups.findIndex((other) => other.id === id);
  if (found < 0 || analysis.groups[found]!.channels !== countOf(masks[group]!))
    throw new Error(`group "${id}" changed its make-up when it was sliced`);
  return found;
}

/** Channels that stay. */
export function countOf(mask: Uint8Array): number {
  return mask.reduce((sum, stays) => sum + stays, 0);
}
