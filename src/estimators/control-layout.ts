/** @file Which items a run with controls consists of: pairs of walks, and gradients alone. */

/** Examples of one item of gradients alone. */
export const gradientsEach = 8;

const kinds = ["pilot", "gradients", "walks"] as const;

/** Items of one kind in a row. */
export interface Stretch {
  readonly kind: (typeof kinds)[number];
  readonly firstItem: number;
  readonly examples: number;
  /** Place of its first example among the visits of its kind; pilots have visits of their own. */
  readonly firstVisit: number;
}

export interface Layout {
  readonly stretches: Stretch[];
  /** Items laid out so far. */
  items: number;
}

export function layOut(layout: Layout, kind: Stretch["kind"], examples: number, firstVisit: number): void {
  if (examples === 0) return;
  layout.stretches.push({ kind, firstItem: layout.items, examples, firstVisit });
  layout.items += kind === "gradients" ? Math.ceil(examples / gradientsEach) : examples;
}

/** Examples laid out for a kind. */
export function laidOut({ stretches }: Layout, kind: Stretch["kind"]): number {
  return stretches.reduce((sum, one) => sum + (one.kind === kind ? one.examples : 0), 0);
}

/** How far a run is to be laid out. */
export interface Extent {
  /** Pairs of walks. */
  readonly walks: number;
  /** Whether walks come with gradients on their examples. */
  readonly areControlled: boolean;
  /** Examples with gradients, those of controlled walks included. */
  readonly controls: number;
}

/** Lays out what is missing. Every visit goes to a walk or to gradients alone, so that no example counts twice. */
export function layOutUpTo(layout: Layout, { walks, areControlled, controls }: Extent): void {
  const done = laidOut(layout, "walks");
  const alone = laidOut(layout, "gradients");
  const more = Math.max(0, walks - done);
  const extra = Math.max(0, controls - alone - (areControlled ? done + more : 0));
  layOut(layout, "gradients", extra, done + alone);
  layOut(layout, "walks", more, done + alone + extra);
}

export function stretchOf({ stretches }: Layout, item: number): Stretch {
  return stretches.findLast(({ firstItem }) => firstItem <= item)!;
}

/** Places of an item's examples among the visits. */
export function visitsOf(item: number, { kind, firstItem, firstVisit, examples }: Stretch): number[] {
  const at = item - firstItem;
  if (kind !== "gradients") return [firstVisit + at];
  const count = Math.min(gradientsEach, examples - at * gradientsEach);
  return Array.from({ length: count }, (_, k) => firstVisit + at * gradientsEach + k);
}

export function saveLayout({ stretches, items }: Layout): Float64Array {
  return Float64Array.of(
    items,
    ...stretches.flatMap(({ kind, firstItem, examples, firstVisit }) => [
      kinds.indexOf(kind),
      firstItem,
      examples,
      firstVisit,
    ]),
  );
}

export function loadLayout(layout: Layout, [items, ...numbers]: Float64Array): void {
  layout.items = items!;
  layout.stretches.splice(0);
  for (let k = 0; k < numbers.length; k += 4) {
    const [kind, firstItem, examples, firstVisit] = numbers.slice(k, k + 4);
    layout.stretches.push({
      kind: kinds[kind!]!,
      firstItem: firstItem!,
      examples: examples!,
      firstVisit: firstVisit!,
    });
  }
}
