/** @file What a model is made of, as data: cost, channel groups, and what holds the locked ones. */
import { nearestNames } from "../base/nearest-names.ts";
import { PrunerError } from "../base/problem.ts";
import { tool } from "../base/version.ts";
import { channelCosts, costModelOf, fullCost } from "../channels/cost.ts";
import { explainGroup, type GroupExplanation } from "../channels/explain.ts";
import type { ChannelAnalysis, ChannelGroup } from "../channels/groups.ts";
import { costOfMasks } from "../channels/plan.ts";
import { layerName } from "../channels/unique-id.ts";
import { nodeLabel } from "../graph/model.ts";
import { closeCaches } from "../passes/close-caches.ts";
import type { Cache } from "../passes/find-caches.ts";
import type { InspectedGroup, Inspection, LockedGroup } from "../report/records.ts";
import type { LoadedModel } from "./load-model.ts";

export interface InspectOptions {
  /** Name of a group, or of a layer in one: says why its channels belong together. */
  readonly explain?: string | undefined;
}

/** @throws {PrunerError} `unknown-group` for a name to explain that no group and no layer has. */
/** Describes a model and its groups; costs are of one example, those of a channel while all others are there. */
export function inspectModel(
  { path, hash, analysis, closed }: LoadedModel,
  { explain }: InspectOptions = {},
): Inspection {
  const explanation = explain === undefined ? undefined : explainNamed(analysis, explain);
  const { model, facts } = analysis;
  const costs = costModelOf(analysis);
  const full = fullCost(costs);
  const perChannel = channelCosts(costs);
  const none = costOfMasks(
    costs,
    analysis.groups.map(({ channels }) => new Uint8Array(channels)),
  );
  const described = ({ name }: { readonly name: string }) => {
    const fact = facts.get(name);
    return { name, dtype: fact?.dtype ?? "unknown", shape: fact?.shape ?? null };
  };
  return {
    schemaVersion: 1,
    tool: tool.name,
    version: tool.version,
    path,
    hash,
    opset: model.opsets.get("") ?? 0,
    nodes: model.graph.nodes.length,
    inputs: model.graph.inputs.map(described),
    outputs: model.graph.outputs.map(described),
    caches: (closed ?? closeCaches(model))?.caches.map(namesOf) ?? [],
    cachesShrink: closed !== undefined,
    parameters: full.parameters,
    macs: full.macs,
    openSizes: costs.openSizes,
    prunableParameters: full.parameters - none.parameters,
    groups: analysis.groups.map((group, k) => describe(group, perChannel[k]!)),
    ...(explanation !== undefined && { explanation }),
  };
}

function namesOf({ past, present }: Cache): { readonly past: string; readonly present: string } {
  return { past: past.name, present: present.name };
}

/** Groups that have to stay, wholly or in part, and why. */
export function lockedGroups({ analysis }: LoadedModel): readonly LockedGroup[] {
  const none = { macs: 0, parameters: 0 };
  return analysis.groups.flatMap((group): LockedGroup[] => {
    const { id, channels, prunable, lockedBy, reason } = describe(group, [none]);
    return reason === null ? [] : [{ id, channels, prunable, lockedBy, reason }];
  });
}

/** A group by its own name first, then by the names of its layers and nodes. */
function explainNamed(analysis: ChannelAnalysis, name: string): GroupExplanation {
  const ids = analysis.groups.map(({ id }) => id);
  const layers = analysis.groups.map((group) => layersOf(analysis, group));
  const byId = ids.indexOf(name);
  const group = byId >= 0 ? byId : layers.findIndex((names) => names.includes(name));
  if (group >= 0) return explainGroup(analysis, group);
  const nearest = nearestNames(name, [...ids, ...layers.flat()]);
  throw new PrunerError("unknown-group", { pattern: name, option: "explain", nearest });
}

function layersOf({ labelling }: ChannelAnalysis, { producers }: ChannelGroup): string[] {
  const own = new Set(producers);
  return labelling.sources
    .filter(({ node }) => own.has(node))
    .flatMap((source) => [layerName(source), nodeLabel(source.node)]);
}

function describe(
  group: ChannelGroup,
  perChannel: readonly { readonly macs: number; readonly parameters: number }[],
): InspectedGroup {
  const mean = (of: (cost: { readonly macs: number; readonly parameters: number }) => number) =>
    perChannel.length === 0 ? 0 : perChannel.reduce((sum, cost) => sum + of(cost), 0) / perChannel.length;
  const lock = group.locks[0] ?? (isPrunable(group) ? undefined : onlyChannel);
  return {
    id: group.id,
    channels: group.channels + group.fixedChannels,
    prunable: isPrunable(group) ? group.channels : 0,
    locked: !isPrunable(group),
    reason: lock?.reason ?? null,
    lockedBy: lock === undefined || lock.node === "" ? null : lock.node,
    macsPerChannel: mean(({ macs }) => macs),
    parametersPerChannel: mean(({ parameters }) => parameters),
    blocks: group.blockOf === undefined ? null : Math.max(...group.blockOf) + 1,
    producers: group.producers.map(nodeLabel),
    members: group.members.map(({ value, axis }) => ({ value, axis })),
  };
}

const onlyChannel = { node: "", reason: "it has a single channel, and one has to stay" };

function isPrunable({ channels, fixedChannels }: ChannelGroup): boolean {
  return channels + Math.min(1, fixedChannels) > 1;
}

/** Groups that have something to remove. */
export function prunableGroups({ groups }: ChannelAnalysis): number[] {
  return [...groups.keys()].filter((group) => isPrunable(groups[group]!));
}
