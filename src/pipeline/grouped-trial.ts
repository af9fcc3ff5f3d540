/** @file One grouped convolution cut both ways: channels of every block, or whole blocks, at the same cost of the network. */

import { isProblem } from "../base/problem.ts";
import { type Budget, targetOf } from "../budget/budget.ts";
import { type Choice, chooseChannels } from "../budget/choose.ts";
import { amountOf, type Quantity } from "../budget/target.ts";
import { costModelOf, fullCost } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { costOfMasks, type KeepMasks } from "../channels/plan.ts";
import { nodeLabel } from "../graph/model.ts";
import { mean } from "../math/sums.ts";
import type { GroupedLayer } from "../report/records.ts";

/** A way of cutting: the network seen that way, and scores of the channels around the layer. */
export interface Way {
  readonly analysis: ChannelAnalysis;
  /** Shape [groups][channels]; undefined for groups away from the layer. */
  readonly scores: readonly (Float64Array | undefined)[];
}

/** What a network is worth on each ranking example. */
export type Worth = (analysis: ChannelAnalysis, masks: KeepMasks) => Promise<Float64Array>;

/** Groups that live on the input or the output of a convolution. */
export function groupsAround({ model, groups }: ChannelAnalysis, layer: string): number[] {
  const node = model.graph.nodes.find((one) => nodeLabel(one) === layer)!;
  const isThere = (value: string, axis: number) =>
    axis === 1 && (value === node.inputs[0] || value === node.outputs[0]);
  return groups.flatMap(({ members }, group) =>
    members.some(({ value, axis }) => isThere(value, axis)) ? [group] : [],
  );
}

/** The share of channels a budget takes, as far as it says: half where it says nothing about all layers. */
export function wantedShare(budget: Budget, original: Readonly<Record<Quantity, number>>): number {
  const kept = (["macs", "parameters"] as const).flatMap((quantity) => {
    const target = targetOf(budget, quantity);
    return target === undefined ? [] : [amountOf(target, original[quantity]) / original[quantity]];
  });
  if (budget.keep !== undefined) kept.push(budget.keep);
  const share = kept.length === 0 ? 0.5 : 1 - Math.min(...kept);
  return Math.min(share, budget.maxRatio ?? 1);
}

/**
 * Removes whole blocks by their scores, about the share that is wanted, and channels of every block until the network
 * costs the same. A cut goes in steps: the payoff of equal cuts at that cost lies on the line between the last step
 * above it and the first one below.
 * @returns undefined where one of the two ways takes nothing.
 */
export async function tryBothWays(
  equal: Way,
  blocks: Way,
  budget: Budget,
  worth: Worth,
): Promise<NonNullable<GroupedLayer["trial"]> | undefined> {
  const quantity: Quantity =
    budget.targetMacs === undefined && budget.targetParameters !== undefined ? "parameters" : "macs";
  for (let players = playersWanted(blocks, budget); players > 0; players--) {
    const whole = removeSteps(blocks, budget, players);
    if (whole.steps.length === 0) return undefined;
    const cost = whole.cost[quantity];
    const below = removeTo(equal, budget, quantity, cost);
    if (below === undefined) continue;
    const one = await worth(blocks.analysis, whole.masks);
    const other = await worthAt(equal, below, quantity, cost, worth);
    const differences = one.map((value, example) => value - other[example]!);
    return {
      cost,
      quantity,
      blocksRemoved: whole.steps.reduce((sum, { channels }) => sum + channels.length, 0),
      payoffEqual: mean(other),
      payoffBlocks: mean(one),
      standardError: standardError(differences),
    };
  }
  return undefined;
}

function playersWanted({ analysis, scores }: Way, budget: Budget): number {
  const players = scores.reduce((sum, own) => sum + (own?.length ?? 0), 0);
  const share = wantedShare(budget, fullCost(costModelOf(analysis)));
  return Math.min(players - 1, Math.max(1, Math.round(share * players)));
}

/** The budget's limits on single groups, without its amounts. */
function limitsAlone({ maxRatio, roundTo }: Budget): Budget {
  return { maxRatio, roundTo, scope: "global" };
}

function removeSteps({ analysis, scores }: Way, budget: Budget, atMostSteps: number): Choice {
  const costModel = costModelOf(analysis);
  return chooseChannels({ analysis, costModel, scores, budget: limitsAlone(budget), atMostSteps });
}

/** The first cut that costs no more; undefined when it is out of reach. */
function removeTo(
  { analysis, scores }: Way,
  budget: Budget,
  quantity: Quantity,
  absolute: number,
): Choice | undefined {
  const target = quantity === "macs" ? { targetMacs: { absolute } } : { targetParameters: { absolute } };
  try {
    const wanted = { ...limitsAlone(budget), ...target };
    return chooseChannels({ analysis, costModel: costModelOf(analysis), scores, budget: wanted });
  } catch (error) {
    if (isProblem(error, "impossible-budget")) return undefined;
    throw error;
  }
}

/** Shape [examples]: between the cut and the same without its last step. */
async function worthAt(
  { analysis }: Way,
  below: Choice,
  quantity: Quantity,
  cost: number,
  worth: Worth,
): Promise<Float64Array> {
  const low = await worth(analysis, below.masks);
  const last = below.steps.at(-1);
  if (last === undefined || below.cost[quantity] >= cost) return low;
  const masks = below.masks.map((mask) => mask.slice());
  for (const channel of last.channels) masks[last.group]![channel] = 1;
  const above = costOfMasks(costModelOf(analysis), masks)[quantity];
  const share = Math.min(1, (cost - below.cost[quantity]) / (above - below.cost[quantity]));
  const high = await worth(analysis, masks);
  return low.map((value, example) => value + share * (high[example]! - value));
}

function standardError(values: Float64Array): number {
  const centre = mean(values);
  const squares = values.map((value) => (value - centre) ** 2);
  return Math.sqrt(mean(squares) / Math.max(1, values.length - 1));
}
