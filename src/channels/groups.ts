/** @file From labels to channel groups: sets of channels that live on the same axes and are ranked together. */
import type { Model, Node } from "../graph/model.ts";
import { type Facts, type InferOptions, inferFacts } from "../ops/infer.ts";
import { finalPartitions, tieUnbalanced } from "./balances.ts";
import type { Lock } from "./channel-classes.ts";
import { type ChannelPlace, type Family, familiesOf, placesOf } from "./families.ts";
import type { AttentionCut, CutOptions, GroupedCuts } from "./grouped-cuts.ts";
import { labelChannels } from "./label-channels.ts";
import type { Labelling, Read } from "./labelling.ts";
import { uniqueId } from "./unique-id.ts";

/** One axis of one value that carries channels of a group, and nothing else. */
export interface Member {
  readonly value: string;
  readonly axis: number;
  /** Shape [size of the axis]; the channel at each position, or -1 for positions outside the group. */
  readonly channelAt: Int32Array;
}

export interface ChannelGroup {
  /** Name for people, scripts and plans: the layer whose weights make the channels first. */
  readonly id: string;
  /** Channels that may be removed: the players. */
  readonly channels: number;
  /** Channels of the same axes that have to stay. */
  readonly fixedChannels: number;
  readonly locked: boolean;
  /** Why nothing, or not everything, can be removed. */
  readonly locks: readonly Lock[];
  /** Nodes whose weights make these channels, in graph order. */
  readonly producers: readonly Node[];
  readonly members: readonly Member[];
  readonly reads: readonly Read[];
  /** Sets of channels of which at least one has to stay, or some value would have none left. */
  readonly atLeastOneOf: readonly Int32Array[];
  /** Shape [channels]: block of each channel (-1: in none). Equally many stay in every block. */
  readonly blockOf?: Int32Array;
}

export interface AnalyzeOptions extends InferOptions, CutOptions {}

/** Everything known about a model's channels. */
export interface ChannelAnalysis {
  readonly model: Model;
  /** What each grouped convolution loses; handed on to the analysis of a slice, it keeps the groups as they are. */
  readonly groupedCut: GroupedCuts;
  readonly attentionCut: AttentionCut;
  readonly facts: Facts;
  readonly labelling: Labelling;
  readonly groups: readonly ChannelGroup[];
  /** Group and channel of a label; undefined when the label's channel cannot be removed. */
  placeOf(label: number): ChannelPlace | undefined;
}

/** Finds the channel groups of a model. */
export function analyzeChannels(model: Model, options: AnalyzeOptions = {}): ChannelAnalysis {
  const facts = inferFacts(model, options);
  const { attentionCut = "heads" } = options;
  const { groupedCut, labelling } = labelChannels(model, facts, { ...options, attentionCut });
  let families = familiesOf(labelling);
  while (tieUnbalanced(labelling, families)) families = familiesOf(labelling);
  const places = placesOf(families);
  const placeOf = (label: number) => places.get(labelling.classes.find(label));
  const groups = describeGroups(labelling, families, placeOf);
  return { model, groupedCut, attentionCut, facts, labelling, groups, placeOf };
}

function describeGroups(
  labelling: Labelling,
  families: readonly Family[],
  placeOf: (label: number) => ChannelPlace | undefined,
): ChannelGroup[] {
  const members = membersOf(labelling, families.length, placeOf);
  const reads = readsOf(labelling, families.length, placeOf);
  const partitions = finalPartitions(labelling, families);
  const taken = new Set<string>();
  return families.map((own, group) => {
    const blockOf = partitions.get(group);
    return {
      id: uniqueId(own.sources[0]!, taken),
      channels: own.roots.length,
      fixedChannels: own.fixed.length,
      locked: own.roots.length === 0,
      locks: distinctLocks(own.fixed.map((root) => labelling.classes.lockOf(root)!)),
      producers: [...new Set(own.sources.map(({ node }) => node))],
      members: members[group]!,
      atLeastOneOf: neededSets(members[group]!, labelling, placeOf),
      reads: reads[group]!,
      ...(blockOf !== undefined && { blockOf }),
    };
  });
}

function membersOf(
  { blocks }: Labelling,
  groups: number,
  placeOf: (label: number) => ChannelPlace | undefined,
): Member[][] {
  const members = Array.from({ length: groups }, (): Member[] => []);
  const known = new Map<Int32Array, ReadonlyMap<number, Int32Array>>(); // values hand their labels on as they are
  for (const [value, own] of blocks) {
    for (const { axes, labels, within } of own) {
      if (within !== undefined) continue; // its positions are no labels
      const found = known.get(labels) ?? channelsAt(labels, placeOf);
      known.set(labels, found);
      for (const [group, channelAt] of found) members[group]!.push({ value, axis: axes[0]!, channelAt });
    }
  }
  return members;
}

/** By group: shape [labels], the channel at each position or -1. */
function channelsAt(
  labels: Int32Array,
  placeOf: (label: number) => ChannelPlace | undefined,
): Map<number, Int32Array> {
  const found = new Map<number, Int32Array>();
  labels.forEach((label, position) => {
    const place = placeOf(label);
    if (place === undefined) return;
    const channelAt = found.get(place.group) ?? new Int32Array(labels.length).fill(-1);
    channelAt[position] = place.channel;
    found.set(place.group, channelAt);
  });
  return found;
}

/**
 * Axes may carry only part of a group (an early stage of a residual stream, one half of a split). Each such part
 * must keep a channel, unless positions that are fixed share its axis.
 */
function neededSets(
  members: readonly Member[],
  { blocks }: Labelling,
  placeOf: (label: number) => ChannelPlace | undefined,
): Int32Array[] {
  const sets = new Map<string, Int32Array>();
  const seen = new Set<Int32Array>();
  for (const { value, axis, channelAt } of members) {
    if (seen.has(channelAt)) continue;
    seen.add(channelAt);
    const labels = blocks.get(value)!.find(({ axes }) => axes[0] === axis)!.labels;
    if (channelAt.includes(-1) && labels.some((label) => placeOf(label) === undefined)) continue;
    const channels = Int32Array.from(new Set(channelAt.filter((channel) => channel >= 0))).sort();
    sets.set(channels.join(), channels);
  }
  return [...sets.values()];
}

/** The reads of each group. A read of an axis that several groups share belongs to all of them. */
function readsOf(
  { blocks, reads }: Labelling,
  groups: number,
  placeOf: (label: number) => ChannelPlace | undefined,
): Read[][] {
  const byGroup = Array.from({ length: groups }, (): Read[] => []);
  const known = new Map<Int32Array, ReadonlySet<number>>(); // as values do, reads share their labels
  for (const read of reads) {
    const labels = blocks.get(read.value)?.find(({ axes }) => axes[0] === read.axis)?.labels;
    if (labels === undefined) continue;
    const found = known.get(labels) ?? groupsAmong(labels, placeOf);
    known.set(labels, found);
    for (const group of found) byGroup[group]!.push(read);
  }
  return byGroup;
}

function groupsAmong(
  labels: Int32Array,
  placeOf: (label: number) => ChannelPlace | undefined,
): ReadonlySet<number> {
  const found = new Set<number>();
  for (const label of labels) {
    const place = placeOf(label);
    if (place !== undefined) found.add(place.group);
  }
  return found;
}

function distinctLocks(locks: readonly Lock[]): Lock[] {
  const seen = new Map(locks.map((lock) => [`${lock.node}\n${lock.reason}`, lock]));
  return [...seen.values()];
}
