/** @file Why the channels of a group belong together, and what holds those that have to stay. */
import { type Node, nodeLabel } from "../graph/model.ts";
import { type ChainMap, type ChainStep, chainAlong, chainMap } from "./chains.ts";
import { type Family, familiesOf } from "./families.ts";
import type { ChannelAnalysis } from "./groups.ts";
import { type HopsFrom, hopsBetween, hopsOf, jointsOf } from "./joints.ts";
import type { Labelling } from "./labelling.ts";
import { layerName } from "./unique-id.ts";

/** What ties one layer to the group. */
export interface Link {
  readonly layer: string;
  /** A layer of the group that is told before this one. */
  readonly tiedTo: string;
  /** From the other layer, or from a node of an earlier chain that its channels pass, to this layer. */
  readonly chain: readonly ChainStep[];
}

/** Two outputs of one layer that are one channel: both stay or both go. */
export interface Pairing {
  readonly layer: string;
  /** The first two positions of that kind. */
  readonly positions: readonly [number, number];
  /** From the layer back to it. */
  readonly chain: readonly ChainStep[];
}

export interface GroupExplanation {
  readonly id: string;
  /** Channels that may be removed. */
  readonly channels: number;
  readonly fixedChannels: number;
  readonly first: { readonly layer: string; readonly node: string };
  /** One for every layer after the first, nearest first. */
  readonly links: readonly Link[];
  /** One for every layer with outputs that are tied to each other. */
  readonly pairings: readonly Pairing[];
  /** Nodes that want equally many channels in each of their blocks. */
  readonly balances: readonly { readonly node: string; readonly blocks: number }[];
  /** What holds channels, and how many. */
  readonly locks: readonly { readonly node: string; readonly reason: string; readonly channels: number }[];
}

/**
 * Follows the ties that were noted while channels were labelled.
 * @param group Index among `analysis.groups`.
 */
export function explainGroup(analysis: ChannelAnalysis, group: number): GroupExplanation {
  const { model, labelling } = analysis;
  const { id, channels, fixedChannels } = analysis.groups[group]!;
  const family = familiesOf(labelling)[group]!;
  const hops = hopsOf(labelling, family);
  const map = chainMap(model.graph, labelling);
  const first = family.sources[0]!;
  return {
    id,
    channels,
    fixedChannels,
    first: { layer: layerName(first), node: nodeLabel(first.node) },
    links: linksOf(family, hops, map),
    pairings: pairingsOf(family, hops, map),
    balances: balancesOf(analysis, group),
    locks: locksOf(labelling, family),
  };
}

function linksOf(family: Family, hops: HopsFrom, map: ChainMap): Link[] {
  const passed = new Map<number, Set<Node>>();
  return jointsOf(family, hops).map(({ source, to, start, hops: way }) => {
    const [own, other] = [family.sources[source]!, family.sources[to]!];
    const known = passed.get(start) ?? new Set();
    passed.set(start, known.add(other.node));
    const chain = chainAlong(map, known, start, way, own.node);
    return { layer: layerName(own), tiedTo: layerName(other), chain };
  });
}

function pairingsOf({ sources }: Family, hops: HopsFrom, map: ChainMap): Pairing[] {
  const { classes } = map.labelling;
  return sources.flatMap((source): Pairing[] => {
    const firstWith = new Map<number, number>();
    for (const [position, label] of source.labels.entries()) {
      const other = firstWith.get(classes.find(label));
      firstWith.set(classes.find(label), other ?? position);
      if (other === undefined) continue;
      const start = source.labels[other]!;
      const way = hopsBetween(start, label, hops);
      const chain = chainAlong(map, new Set([source.node]), start, way, source.node);
      return [{ layer: layerName(source), positions: [other, position], chain }];
    }
    return [];
  });
}

function balancesOf({ groups, labelling, placeOf }: ChannelAnalysis, group: number) {
  if (groups[group]!.blockOf === undefined) return [];
  const own = labelling.balances.filter(({ labels }) => placeOf(labels[0]!)?.group === group);
  const found = new Map(own.map(({ node, blocks }) => [node, { node: nodeLabel(node), blocks }]));
  return [...found.values()];
}

function locksOf({ classes }: Labelling, { fixed }: Family) {
  const found = new Map<string, { node: string; reason: string; channels: number }>();
  for (const root of fixed) {
    const { node, reason } = classes.lockOf(root)!;
    const key = `${node}\n${reason}`;
    found.set(key, { node, reason, channels: (found.get(key)?.channels ?? 0) + 1 });
  }
  return [...found.values()];
}
