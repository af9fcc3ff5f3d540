/** @file Families: sources whose channels belong together, and the place of every channel among them. */
import { channelClasses } from "./channel-classes.ts";
import type { Labelling, Source } from "./labelling.ts";

export interface ChannelPlace {
  readonly group: number;
  readonly channel: number;
}

/** Sources that share channels, and these channels. */
export interface Family {
  readonly sources: readonly Source[];
  /** Roots of removable channels, in order of first appearance. */
  readonly roots: readonly number[];
  readonly fixed: readonly number[];
}

/** Sources that share a channel belong together. */
export function familiesOf({ sources, classes }: Labelling): Family[] {
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

/** Group and channel of every root that can be removed. */
export function placesOf(families: readonly Family[]): Map<number, ChannelPlace> {
  const places = new Map<number, ChannelPlace>();
  families.forEach(({ roots }, group) => {
    roots.forEach((root, channel) => {
      places.set(root, { group, channel });
    });
  });
  return places;
}
