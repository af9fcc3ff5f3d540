/** @file Which items a stratified run consists of: what it looks at first, a pilot, then walks and gradients in every stratum. */
import type { Extent } from "./strata-plan.ts";

/** Examples of one item that shows examples without any player and with all. */
export const screenedEach = 32;
/** Examples of one item of gradients alone. */
export const gradientsEach = 8;

const kinds = ["screen", "pilot", "gradients", "walk"] as const;

export interface Item {
  readonly kind: (typeof kinds)[number];
  readonly stratum: number;
  /** Places of its examples among the visits of its stratum: [visit, visit + examples). */
  readonly visit: number;
  readonly examples: number;
}

/** Examples shown before there are strata. */
export function screenItems(examples: number): Item[] {
  return inPieces("screen", 0, 0, examples, screenedEach);
}

/** Pairs of walks in every stratum, to see how much they vary. */
export function pilotItems(strata: number, each: number): Item[] {
  return Array.from({ length: strata * each }, (_, k): Item => {
    return { kind: "pilot", stratum: k % strata, visit: Math.floor(k / strata), examples: 1 };
  });
}

/**
 * What is missing to an extent: gradients alone and walks, of all strata in step, so that a run that ends early has looked
 * at all of them alike. Every visit goes to a walk or to gradients alone: no example counts twice.
 * @param done What has been laid out before.
 */
export function roundItems(done: Extent, wanted: Extent): Item[] {
  const items = wanted.walks.flatMap((target, stratum) => {
    const seen = usedVisits(done, stratum);
    const more = Math.max(0, target - done.walks[stratum]!);
    const early = wanted.gradientsFirst === true ? 1 : 0;
    const withControls = wanted.isControlled && early === 0 ? done.walks[stratum]! + more : 0;
    const extra = Math.max(0, wanted.controls[stratum]! - done.controls[stratum]! - withControls);
    const gradients = inPieces("gradients", stratum, seen, extra, gradientsEach);
    const walks = inPieces("walk", stratum, seen + extra, more, 1);
    const place = (item: Item, k: number, { length }: readonly Item[]) => ({ item, at: (k + 0.5) / length });
    return [...gradients.map(place).map(({ item, at }) => ({ item, at: at - early })), ...walks.map(place)];
  });
  return items.sort((a, b) => a.at - b.at || a.item.stratum - b.item.stratum).map(({ item }) => item);
}

/** `controls` of what is done are gradients alone. */
function usedVisits(done: Extent, stratum: number): number {
  return done.walks[stratum]! + done.controls[stratum]!;
}

/** What some items add up to: pairs of walks, and examples with gradients alone. */
export function extentOf(items: readonly Item[], strata: number, isControlled: boolean): Extent {
  const count = (kind: Item["kind"]) => {
    const counts = new Array<number>(strata).fill(0);
    for (const item of items) if (item.kind === kind) counts[item.stratum]! += item.examples;
    return counts;
  };
  return { walks: count("walk"), controls: count("gradients"), isControlled };
}

function inPieces(
  kind: Item["kind"],
  stratum: number,
  first: number,
  examples: number,
  each: number,
): Item[] {
  return Array.from({ length: Math.ceil(examples / each) }, (_, k): Item => {
    return { kind, stratum, visit: first + k * each, examples: Math.min(each, examples - k * each) };
  });
}

export function saveItems(items: readonly Item[]): Float64Array {
  return Float64Array.from(
    items.flatMap(({ kind, stratum, visit, examples }) => [kinds.indexOf(kind), stratum, visit, examples]),
  );
}

export function loadItems(saved: Float64Array): Item[] {
  return Array.from({ length: saved.length / 4 }, (_, k): Item => {
    const [kind, stratum, visit, examples] = saved.subarray(4 * k, 4 * k + 4);
    return { kind: kinds[kind!]!, stratum: stratum!, visit: visit!, examples: examples! };
  });
}
