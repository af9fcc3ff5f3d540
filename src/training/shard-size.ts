/** @file How many examples a thread takes at a time when nothing is said. */
import { type Cost, costModelOf, fullCost } from "../channels/cost.ts";
import { analyzeChannels } from "../channels/groups.ts";
import type { Model } from "../graph/model.ts";

/** Below this many parameters, turning weights around takes no time to speak of. */
const manyParameters = 500_000;

/** Networks with fewer multiply-accumulates per parameter spend much of a step on their weights, not on examples. */
const fewMacsPerParameter = 50;

/**
 * 32 examples, or 64 where much of a shard's work does not depend on how many examples it has. Small shards spread a
 * batch over more threads; `npm run bench -- training-step` measures both sizes.
 */
export function usualShardSize({ macs, parameters }: Cost): 32 | 64 {
  return parameters >= manyParameters && macs < fewMacsPerParameter * parameters ? 64 : 32;
}

/** The size for a network; it follows from the network alone, so that results do. */
export function shardSizeFor(network: Model): 32 | 64 {
  return usualShardSize(fullCost(costModelOf(analyzeChannels(network))));
}
