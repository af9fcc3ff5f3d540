/** @file From labels to channel groups: sets of channels that live on the same axes and are ranked together. */
import type { Model, Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { type Facts, type InferOptions, inferFacts } from "../ops/infer.ts";
import { channelClasses, type Lock } from "./channel-classes.ts";
import { labelChannels } from "./label-channels.ts";
import type { Balance, Labelling, Read, Source } from "./labelling.ts";

/** One axis of one value that carries channels of a group. */
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

/** Everything known about a model's channels. */
export interface ChannelAnalysis {
  readonly model: Model;
  readonly facts: Facts;
  readonly labelling: Labelling;
  readonly groups: readonly ChannelGroup[];
  /** Group and channel of a label; undefined when the label's channel cannot be removed. */
  placeOf(label: number): ChannelPlace | undefined;
}

export interface ChannelPlace {
  readonly group: number;
  readonly channel: number;
}

interface Family {
  readonly sources: readonly Source[];
  /** Roots of removable channels, in order of first appearance. */
  readonly roots: readonly number[];
  readonly fixed: readonly number[];
}

/** Finds the channel groups of a model. */
export function analyzeChannels(model: Model, options: InferOptions = {}): ChannelAnalysis {
  const facts = inferFacts(model, options);
  const labelling = labelChannels(model, facts);
  let families = familiesOf(labelling);
  while (tieUnbalanced(labelling, families)) families = familiesOf(labelling);
  const places = placesOf(families);
  const placeOf = (label: number) => places.get(labelling.classes.find(label));
  const groups = describeGroups(labelling, families, placeOf);
  return { model, facts, labelling, groups, placeOf };
}

/** Sources that share a channel belong together. */
function familiesOf({ sources, classes }: Labelling): Family[] {
  const firstWith = new Map<number, number>();
  const shared = channelClasses();
  shared.fresh(sources.length);
  sources.forEach((source, k) => {
    for (const label of source.labels) {
      const root = classes.find(label);
      const other = firstWith.get(root);
      if (other === undefined) firstWith.set(root, k);
      else shared.union(other, k);
    }
  });
  const together = new Map<number, Source[]>();
  sources.forEach((source, k) => {
    const known = together.get(shared.find(k));
    if (known === undefined) together.set(shared.find(k), [source]);
    else known.push(source);
  });
  return [...together.values()].map((own) => family(own, classes));
}

function family(sources: readonly Source[], classes: Labelling["classes"]): Family {
  const roots = new Set<number>();
  const fixed = new Set<number>();
  for (const source of sources) {
    for (const label of source.labels) {
      const root = classes.find(label);
      (classes.lockOf(root) === undefined ? roots : fixed).add(root);
    }
  }
  return { sources, roots: [...roots], fixed: [...fixed] };
}

function placesOf(families: readonly Family[]): Map<number, ChannelPlace> {
  const places = new Map<number, ChannelPlace>();
  families.forEach(({ roots }, group) => {
    roots.forEach((root, channel) => {
      places.set(root, { group, channel });
    });
  });
  return places;
}

/**
 * A balance that a group cannot keep on its own (blocks mix groups, or two balances cut the group differently) is
 * met by tying the j-th channels of all blocks together. Balances over groups that a tie has just changed wait for the
 * next round. Returns whether anything was tied.
 */
function tieUnbalanced(labelling: Labelling, families: readonly Family[]): boolean {
  const places = placesOf(families);
  const partitions = new Map<number, Int32Array>();
  const changed = new Set<number>();
  let tied = false;
  for (const balance of labelling.balances) {
    const groups = groupsOnAxis(labelling, balance, places);
    if (isTied(labelling, balance) || groups.some((group) => changed.has(group))) continue;
    const partition = partitionOf(labelling, balance, places, families);
    const known = partition === undefined ? undefined : partitions.get(partition.group);
    if (partition !== undefined && (known === undefined || sameArray(known, partition.blockOf))) {
      partitions.set(partition.group, partition.blockOf);
      continue;
    }
    tie(labelling, balance);
    for (const group of groups) changed.add(group);
    tied = true;
  }
  return tied;
}

function groupsOnAxis(
  { classes }: Labelling,
  { labels }: Balance,
  places: ReadonlyMap<number, ChannelPlace>,
): number[] {
  const groups = new Set<number>();
  for (const label of labels) {
    const place = places.get(classes.find(label));
    if (place !== undefined) groups.add(place.group);
  }
  return [...groups];
}

/** Whether the j-th positions of all blocks go together or stay together. */
function isTied({ classes }: Labelling, { labels, blocks }: Balance): boolean {
  const each = labels.length / blocks;
  return labels.every((label, k) => {
    const partner = labels[k % each]!;
    const bothLocked = classes.lockOf(label) !== undefined && classes.lockOf(partner) !== undefined;
    return bothLocked || classes.find(label) === classes.find(partner);
  });
}

function tie({ classes }: Labelling, { labels, blocks }: Balance): void {
  const each = labels.length / blocks;
  labels.forEach((label, k) => {
    classes.union(labels[k % each]!, label);
  });
}

/**
 * Block of each channel of the one group a balance lies in; undefined when it does not fit a single group. Channels may
 * take several positions, equally many each and all in one block.
 */
function partitionOf(
  { classes }: Labelling,
  { labels, blocks }: Balance,
  places: ReadonlyMap<number, ChannelPlace>,
  families: readonly Family[],
): { readonly group: number; readonly blockOf: Int32Array } | undefined {
  const group = places.get(classes.find(labels[0]!))?.group;
  if (group === undefined) return undefined;
  const blockOf = new Int32Array(families[group]!.roots.length).fill(-1);
  const positions = new Int32Array(blockOf.length);
  const each = labels.length / blocks;
  for (let k = 0; k < labels.length; k++) {
    const place = places.get(classes.find(labels[k]!));
    if (place === undefined || place.group !== group) return undefined;
    const block = Math.floor(k / each);
    if (positions[place.channel]!++ > 0 && blockOf[place.channel] !== block) return undefined;
    blockOf[place.channel] = block;
  }
  const first = positions[places.get(classes.find(labels[0]!))!.channel];
  return positions.every((count) => count === 0 || count === first) ? { group, blockOf } : undefined;
}

function sameArray(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, k) => value === b[k]);
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

function finalPartitions(labelling: Labelling, families: readonly Family[]): Map<number, Int32Array> {
  const places = placesOf(families);
  const partitions = new Map<number, Int32Array>();
  for (const balance of labelling.balances) {
    if (isTied(labelling, balance)) continue;
    const partition = partitionOf(labelling, balance, places, families);
    if (partition !== undefined) partitions.set(partition.group, partition.blockOf);
  }
  return partitions;
}

function membersOf(
  { blocks }: Labelling,
  groups: number,
  placeOf: (label: number) => ChannelPlace | undefined,
): Member[][] {
  const members = Array.from({ length: groups }, (): Member[] => []);
  for (const [value, own] of blocks) {
    for (const { axes, labels } of own) {
      const found = new Map<number, Int32Array>();
      labels.forEach((label, position) => {
        const place = placeOf(label);
        if (place === undefined) return;
        const channelAt = found.get(place.group) ?? new Int32Array(labels.length).fill(-1);
        channelAt[position] = place.channel;
        found.set(place.group, channelAt);
      });
      for (const [group, channelAt] of found) members[group]!.push({ value, axis: axes[0]!, channelAt });
    }
  }
  return members;
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
  for (const { value, axis, channelAt } of members) {
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
  for (const read of reads) {
    const labels = blocks.get(read.value)?.find(({ axes }) => axes[0] === read.axis)?.labels ?? [];
    const found = new Set<number>();
    for (const label of labels) {
      const place = placeOf(label);
      if (place !== undefined) found.add(place.group);
    }
    for (const group of found) byGroup[group]!.push(read);
  }
  return byGroup;
}

function distinctLocks(locks: readonly Lock[]): Lock[] {
  const seen = new Map(locks.map((lock) => [`${lock.node}\n${lock.reason}`, lock]));
  return [...seen.values()];
}

/** The layer's name as its weight tells it ("layer1.0.conv1"), else the node's name without its operator. */
function uniqueId(source: Source, taken: Set<string>): string {
  const fromWeight = /^(.+)[./](?:weight|kernel|W)$/.exec(source.value)?.[1];
  const fromNode = nodeLabel(source.node)
    .replace(/^\//, "")
    .replace(new RegExp(`/${source.node.opType}(_\\d+)?$`), "");
  const base = fromWeight ?? fromNode;
  let id = base;
  for (let k = 2; taken.has(id); k++) id = `${base}#${k}`;
  taken.add(id);
  return id;
}
