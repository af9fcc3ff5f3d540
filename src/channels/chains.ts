/** @file The nodes along which one channel travels from a layer to the node that ties it to another. */
import { type Graph, type Node, nodeLabel } from "../graph/model.ts";
import { producersOf, usersOf } from "../graph/traversal.ts";
import type { LabelBlock } from "../ops/operator.ts";
import type { Hop } from "./joints.ts";
import type { Labelling, TieKind } from "./labelling.ts";

/** What a node does to the positions of channels; null where they stay in place. */
export type Move =
  | { readonly kind: "offset"; readonly by: number }
  | { readonly kind: "repeat"; readonly times: number }
  /** `positions` in a row become one, as those of a head do. */
  | { readonly kind: "join"; readonly positions: number }
  | { readonly kind: "reorder" }
  | null;

/**
 * How a chain goes on: to a node that reads what this one makes, to the one that makes what this one reads, to
 * another reader of the same stored value, or to a node that no value with this channel leads to.
 */
export type Direction = "forward" | "backward" | "beside" | "apart";

export interface ChainStep {
  readonly node: string;
  readonly opType: string;
  readonly move: Move;
  /** Why the node makes channels one, when it does, and the axes where it takes them in (or makes them). */
  readonly tie: TieKind | null;
  readonly tied: readonly { readonly value: string; readonly axis: number }[];
  /** Null at the end of the chain. */
  readonly next: Direction | null;
}

/** A graph as chains are looked for in it. */
export interface ChainMap {
  readonly labelling: Labelling;
  readonly producers: ReadonlyMap<string, Node>;
  readonly users: ReadonlyMap<string, readonly Node[]>;
}

/** A node on the way, and the value that leads to the next one. */
interface Stop {
  readonly node: Node;
  readonly hops: readonly Hop[];
  readonly next: Direction | null;
  readonly via: string;
  /** The channel as the value towards the next node carries it. */
  readonly label: number;
}

export function chainMap(graph: Graph, labelling: Labelling): ChainMap {
  return { labelling, producers: producersOf(graph), users: usersOf(graph) };
}

/**
 * The chain from one of the nodes in `from` along `start` and then over the hops to the node `to`. Nodes on its first
 * stretch are added to `from`, so a later chain over the same label can begin where this one passed.
 */
export function chainAlong(
  map: ChainMap,
  from: Set<Node>,
  start: number,
  hops: readonly Hop[],
  to: Node,
): ChainStep[] {
  const ends = [...hops.map(({ tie }) => tie.node), to];
  const labels = [start, ...hops.map((hop) => hop.to)];
  const stops: Stop[] = [];
  ends.forEach((end, k) => {
    const starts = k === 0 ? from : new Set([ends[k - 1]!]);
    const stretch = stretchBetween(map, starts, end, labels[k]!);
    if (k === 0) for (const { node } of stretch) from.add(node);
    if (k > 0) {
      const before = stops.pop()!;
      stretch[0] = { ...stretch[0]!, hops: [...before.hops, hops[k - 1]!] };
    }
    stops.push(...stretch);
  });
  return stops.map((stop, k) => describe(map, stops[k - 1], stop));
}

/** The shortest way from any of `starts` to `end` over values that carry the label. */
function stretchBetween(map: ChainMap, starts: ReadonlySet<Node>, end: Node, label: number): Stop[] {
  const { classes } = map.labelling;
  const root = classes.find(label);
  const last: Stop = { node: end, hops: [], next: null, via: "", label };
  // Rows that were tied to fit one axis lost their own labels: there the channel is found by its class.
  return (
    walkBack(map, starts, last, (own) => own === label) ??
    walkBack(map, starts, last, (own) => classes.find(own) === root) ?? [
      { ...last, node: [...starts][0]!, next: "apart" },
      last,
    ]
  );
}

function walkBack(
  map: ChainMap,
  starts: ReadonlySet<Node>,
  last: Stop,
  isIt: (label: number) => boolean,
): Stop[] | undefined {
  const towardsEnd = new Map<Node, Stop>([[last.node, last]]);
  const after = new Map<Node, Node>();
  const queue = [last.node];
  for (let at = 0; at < queue.length; at++) {
    const node = queue[at]!;
    if (starts.has(node)) return pathFrom(node, towardsEnd, after);
    for (const { node: other, via, back } of neighbours(map, node, isIt)) {
      if (towardsEnd.has(other)) continue;
      towardsEnd.set(other, { ...last, node: other, next: back, via });
      after.set(other, node);
      queue.push(other);
    }
  }
  return undefined;
}

function pathFrom(start: Node, stops: ReadonlyMap<Node, Stop>, after: ReadonlyMap<Node, Node>): Stop[] {
  const path: Stop[] = [];
  for (let node: Node | undefined = start; node !== undefined; node = after.get(node))
    path.push(stops.get(node)!);
  return path;
}

/** Nodes one value away, and the direction from them back to `node`. A value somebody makes is passed through its maker. */
function* neighbours(
  { labelling, producers, users }: ChainMap,
  node: Node,
  isIt: (label: number) => boolean,
): Generator<{ readonly node: Node; readonly via: string; readonly back: Direction }> {
  const carries = (value: string) => labelling.blocks.get(value)?.some(({ labels }) => labels.some(isIt));
  for (const via of node.inputs) {
    if (!carries(via)) continue;
    const maker = producers.get(via);
    if (maker !== undefined) yield { node: maker, via, back: "forward" };
    else for (const other of users.get(via) ?? []) yield { node: other, via, back: "beside" };
  }
  for (const via of node.outputs)
    if (carries(via)) for (const other of users.get(via) ?? []) yield { node: other, via, back: "backward" };
}

function describe({ labelling }: ChainMap, before: Stop | undefined, stop: Stop): ChainStep {
  const { node, hops, next } = stop;
  const labels = new Set(hops.flatMap(({ from, to }) => [from, to]));
  const holding = (names: readonly string[]) =>
    [...new Set(names)].flatMap((value) =>
      (labelling.blocks.get(value) ?? [])
        .filter((block) => block.labels.some((label) => labels.has(label)))
        .map(({ axes }) => ({ value, axis: axes[0]! })),
    );
  const taken = holding(node.inputs);
  const tied = taken.length > 0 ? taken : holding(node.outputs);
  const move = before === undefined ? null : moveAt(labelling, before, stop);
  return { node: nodeLabel(node), opType: node.opType, move, tie: hops[0]?.tie.kind ?? null, tied, next };
}

/** What a node does to positions on the way from one of its values to another, told in the direction of the data. */
function moveAt({ blocks }: Labelling, before: Stop, { node, via, label }: Stop): Move {
  const [taken, made] = node.inputs.includes(before.via) ? [before.via, via] : [via, before.via];
  if (!node.inputs.includes(taken) || !node.outputs.includes(made)) return null;
  const holder = (value: string) => blocks.get(value)?.find(({ labels }) => labels.includes(label));
  const [input, output] = [holder(taken), holder(made)];
  return input === undefined || output === undefined ? null : moveBetween(input, output);
}

function moveBetween({ labels: taken }: LabelBlock, { labels: made }: LabelBlock): Move {
  const positionOf = new Map<number, number>();
  taken.forEach((label, k) => {
    positionOf.set(label, k);
  });
  const kept = [...made].flatMap((label, to) => {
    const from = positionOf.get(label);
    return from === undefined ? [] : [{ from, to }];
  });
  const by = kept[0]!.to - kept[0]!.from;
  if (kept.every(({ from, to }) => to - from === by)) return by === 0 ? null : { kind: "offset", by };
  const times = made.length / taken.length;
  const positions = taken.length / made.length;
  if (positions > 1 && kept.every(({ from, to }) => Math.floor(from / positions) === to))
    return { kind: "join", positions };
  return kept.every(({ from, to }) => Math.floor(to / times) === from)
    ? { kind: "repeat", times }
    : { kind: "reorder" };
}
