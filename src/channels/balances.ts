/** @file Balances: axes of which every block must keep equally many channels. */
import { type ChannelPlace, type Family, placesOf } from "./families.ts";
import type { Balance, Labelling } from "./labelling.ts";
import { tie } from "./tie.ts";

/**
 * A balance that a group cannot keep on its own (blocks mix groups, or two balances cut the group differently) is
 * met by tying the j-th channels of all blocks together. Balances over groups that a tie has just changed wait for the
 * next round. Returns whether anything was tied.
 */
export function tieUnbalanced(labelling: Labelling, families: readonly Family[]): boolean {
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
    tieBlocks(labelling, balance);
    for (const group of groups) changed.add(group);
    tied = true;
  }
  return tied;
}

/** Block of each channel, for the groups that keep a balance on their own; by group. */
export function finalPartitions(labelling: Labelling, families: readonly Family[]): Map<number, Int32Array> {
  const places = placesOf(families);
  const partitions = new Map<number, Int32Array>();
  for (const balance of labelling.balances) {
    if (isTied(labelling, balance)) continue;
    const partition = partitionOf(labelling, balance, places, families);
    if (partition !== undefined) partitions.set(partition.group, partition.blockOf);
  }
  return partitions;
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

function tieBlocks(labelling: Labelling, { node, labels, blocks }: Balance): void {
  const each = labels.length / blocks;
  const inFirst = labels.map((_, k) => labels[k % each]!);
  tie(labelling, node, "balance", inFirst, labels);
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
