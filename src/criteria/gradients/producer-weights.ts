/** @file Names of the weights that criteria of weights look at. */
import type { ChannelAnalysis } from "../../channels/groups.ts";
import { filterBanks } from "../filters.ts";

/** Weights that make the channels of groups, each once. */
export function producerWeights(analysis: ChannelAnalysis, groups: readonly number[]): string[] {
  return [...new Set(groups.flatMap((group) => filterBanks(analysis, group).map(({ value }) => value)))];
}

/** Weights of all layers, those whose channels may not go included; biases are not among them. */
export function layerWeights({ labelling }: ChannelAnalysis): string[] {
  const names = labelling.sources.flatMap(({ value }) => (labelling.constants.has(value) ? [value] : []));
  return [...new Set(names)];
}
