/** @file How the layers of a group hang together: ties between labels, followed from one layer to the next. */
import type { Family } from "./families.ts";
import type { Labelling, Tie } from "./labelling.ts";

/** A step from one label to another that a tie made the same channel. */
export interface Hop {
  readonly tie: Tie;
  readonly from: number;
  readonly to: number;
}

/** A source that shares a channel with an earlier one. */
export interface Joint {
  /** Index of the source among those of its family. */
  readonly source: number;
  /** Index of a source that was reached before. */
  readonly to: number;
  /** Label of the channel at `to`; the hops lead from it to a label of `source`. */
  readonly start: number;
  /** Empty when both sources carry the same label, as layers with one weight do. */
  readonly hops: readonly Hop[];
}

/** Hops that leave each label of a family. */
export type HopsFrom = ReadonlyMap<number, readonly Hop[]>;

export function hopsOf({ classes, ties }: Labelling, { roots, fixed }: Family): HopsFrom {
  const own = new Set([...roots, ...fixed]);
  const hops = new Map<number, Hop[]>();
  for (const tie of ties) {
    tie.left.forEach((left, k) => {
      const right = tie.right[k]!;
      if (left === right || !own.has(classes.find(left))) return;
      append(hops, left, { tie, from: left, to: right });
      append(hops, right, { tie, from: right, to: left });
    });
  }
  return hops;
}

/**
 * Every source but the first, with one reached before it and the hops between the two. Breadth first from the labels of
 * the first source; a source that is reached becomes a place to start from, so each hangs on one nearby.
 */
export function jointsOf({ sources }: Family, hops: HopsFrom): Joint[] {
  const sourcesWith = new Map<number, number[]>();
  sources.forEach(({ labels }, k) => {
    for (const label of labels) append(sourcesWith, label, k);
  });
  const joints: Joint[] = [];
  const reached = new Set<number>();
  const origin = new Map<number, number>();
  const arrival = new Map<number, Hop>();
  const queue: number[] = [];
  const open = (source: number) => {
    reached.add(source);
    for (const label of sources[source]!.labels) if (!origin.has(label)) visit(label, source);
  };
  const visit = (label: number, from: number) => {
    origin.set(label, from);
    queue.push(label);
    for (const source of sourcesWith.get(label) ?? []) {
      if (reached.has(source)) continue;
      const hopsHere = pathTo(label, arrival);
      joints.push({ source, to: origin.get(label)!, start: hopsHere[0]?.from ?? label, hops: hopsHere });
      origin.set(label, source);
      arrival.delete(label);
      open(source);
    }
  };
  open(0);
  for (let at = 0; at < queue.length; at++) {
    for (const hop of hops.get(queue[at]!) ?? []) {
      if (origin.has(hop.to)) continue;
      arrival.set(hop.to, hop);
      visit(hop.to, origin.get(hop.from)!);
    }
  }
  return joints;
}

/** The shortest way from one label to another of the same class. */
export function hopsBetween(start: number, goal: number, hops: HopsFrom): Hop[] {
  const arrival = new Map<number, Hop>();
  const queue = [start];
  for (let at = 0; at < queue.length && !arrival.has(goal); at++) {
    for (const hop of hops.get(queue[at]!) ?? []) {
      if (hop.to === start || arrival.has(hop.to)) continue;
      arrival.set(hop.to, hop);
      queue.push(hop.to);
    }
  }
  return pathTo(goal, arrival);
}

function pathTo(label: number, arrival: ReadonlyMap<number, Hop>): Hop[] {
  const path: Hop[] = [];
  for (let hop = arrival.get(label); hop !== undefined; hop = arrival.get(hop.from)) path.push(hop);
  return path.reverse();
}

function append<T>(lists: Map<number, T[]>, key: number, item: T): void {
  const known = lists.get(key);
  if (known === undefined) lists.set(key, [item]);
  else known.push(item);
}
