/** @file A plan: for each group the channels that stay. Reviewed, edited, compared and replayed as JSON. */
import { PrunerError } from "../base/problem.ts";
import { type Cost, type CostModel, costMeter } from "./cost.ts";
import { wholeBlocksOf } from "./grouped-cuts.ts";
import type { ChannelAnalysis, ChannelGroup } from "./groups.ts";

export interface GroupPlan {
  readonly id: string;
  /** Channels the group has in the model the plan was made for. */
  readonly channels: number;
  /** Ascending channel numbers that stay. */
  readonly keep: readonly number[];
}

/** Groups that are left out keep all their channels. */
export interface PrunePlan {
  readonly schemaVersion: 1;
  readonly groups: readonly GroupPlan[];
  /** Grouped convolutions that lose whole blocks, by their names; all others lose equally from each block. */
  readonly wholeBlocks?: readonly string[];
  /** Attention loses positions of every head; left out where it loses whole heads. */
  readonly attention?: "width";
  /** Caches of keys and values shrink with the heads; left out where they do not. */
  readonly caches?: "shrink";
}

/** Shape [groups]: 1 for each channel that stays. */
export type KeepMasks = readonly Uint8Array[];

/**
 * The plan as masks over the groups of this model.
 * @throws {PrunerError} `invalid-plan` for unknown groups, wrong sizes, emptied groups and unequal blocks.
 */
export function masksOfPlan(analysis: ChannelAnalysis, plan: PrunePlan): KeepMasks {
  const byId = new Map(plan.groups.map((group) => [group.id, group]));
  const known = new Set(analysis.groups.map(({ id }) => id));
  checkCuts(analysis, plan);
  for (const group of plan.groups) {
    if (!known.has(group.id)) fail(group.id, "the model has no such group; see inspect for their names");
    if (byId.get(group.id) !== group) fail(group.id, "it is listed twice");
  }
  return analysis.groups.map((group) => maskOfGroup(group, byId.get(group.id)));
}

/** A plan that speaks of whole blocks fits an analysis that sees the same ones. */
function checkCuts({ groupedCut }: ChannelAnalysis, { wholeBlocks }: PrunePlan): void {
  if (wholeBlocks === undefined) return;
  const here = new Set(wholeBlocksOf(groupedCut));
  const odd =
    wholeBlocks.find((layer) => !here.has(layer)) ?? [...here].find((layer) => !wholeBlocks.includes(layer));
  if (odd !== undefined)
    throw new PrunerError("invalid-plan", {
      group: odd,
      detail:
        "whether this convolution loses whole blocks is not as the model was loaded; load it with the plan's own cuts",
    });
}

function maskOfGroup(group: ChannelGroup, plan: GroupPlan | undefined): Uint8Array {
  if (plan === undefined) return new Uint8Array(group.channels).fill(1);
  if (plan.channels !== group.channels)
    fail(group.id, `it has ${group.channels} channels, the plan was made for ${plan.channels}`);
  const mask = new Uint8Array(group.channels);
  for (const channel of plan.keep) {
    if (!Number.isInteger(channel) || channel < 0 || channel >= group.channels)
      fail(group.id, `there is no channel ${channel}`);
    if (mask[channel] === 1) fail(group.id, `channel ${channel} is listed twice`);
    mask[channel] = 1;
  }
  if (!isInhabited(group, mask)) fail(group.id, "at least one channel has to stay on every axis it lives on");
  if (!isBalanced(group, mask))
    fail(group.id, "equally many channels have to stay in each block of its grouped layer, at least one");
  return mask;
}

function fail(group: string, detail: string): never {
  throw new PrunerError("invalid-plan", { group, detail });
}

/** Whether every axis that carries channels of the group keeps one. */
export function isInhabited({ atLeastOneOf }: ChannelGroup, mask: Uint8Array): boolean {
  return atLeastOneOf.every((channels) => channels.some((channel) => mask[channel] === 1));
}

/** Whether equally many channels, and at least one, stay in each block. */
export function isBalanced({ blockOf }: ChannelGroup, mask: Uint8Array): boolean {
  if (blockOf === undefined) return true;
  const counts = new Map<number, number>();
  blockOf.forEach((block, channel) => {
    if (block >= 0) counts.set(block, (counts.get(block) ?? 0) + mask[channel]!);
  });
  const [first, ...rest] = counts.values();
  return first === undefined || (first > 0 && rest.every((count) => count === first));
}

/** A plan that lists every group from which something goes. */
export function planOfMasks(analysis: ChannelAnalysis, masks: KeepMasks): PrunePlan {
  const groups = analysis.groups.flatMap((group, k): GroupPlan[] => {
    const mask = masks[k]!;
    if (!mask.includes(0)) return [];
    return [
      {
        id: group.id,
        channels: group.channels,
        keep: Array.from(mask.keys()).filter((channel) => mask[channel] === 1),
      },
    ];
  });
  const wholeBlocks = wholeBlocksOf(analysis.groupedCut);
  return {
    schemaVersion: 1,
    groups,
    ...(wholeBlocks.length > 0 && { wholeBlocks }),
    ...(analysis.attentionCut === "width" && { attention: "width" }),
  };
}

/** What is left of the model under a plan. */
export function costOfMasks(model: CostModel, masks: KeepMasks): Cost {
  return costMeter(model, (group, channel) => masks[group]?.[channel] === 0).cost();
}

/**
 * A plan read from a file.
 * @throws {PrunerError} `file-invalid` when the document is no plan.
 */
export function checkPlan(document: unknown, path: string): PrunePlan {
  const { schemaVersion, groups, wholeBlocks, attention, caches } = (document ?? {}) as Partial<PrunePlan>;
  const isGroup = (group: unknown): group is GroupPlan => {
    const { id, channels, keep } = (group ?? {}) as Partial<GroupPlan>;
    return typeof id === "string" && Number.isInteger(channels) && Array.isArray(keep);
  };
  const areNames =
    wholeBlocks === undefined ||
    (Array.isArray(wholeBlocks) && wholeBlocks.every((name) => typeof name === "string"));
  if (schemaVersion === 1 && Array.isArray(groups) && groups.every(isGroup) && areNames)
    return {
      schemaVersion,
      groups,
      ...(wholeBlocks !== undefined && { wholeBlocks }),
      ...(attention === "width" && { attention }),
      ...(caches === "shrink" && { caches }),
    };
  const detail =
    "is not a plan (expected schemaVersion 1 and groups with id, channels and keep); prune --save-plan writes one";
  throw new PrunerError("file-invalid", { path, detail });
}
