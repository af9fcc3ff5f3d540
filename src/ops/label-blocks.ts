/** @file Label blocks whose axes hold more than their labels tell apart, such as heads on an axis of N*heads. */
import { divideDims, factorsOf, multiplyDims } from "../graph/dims.ts";
import type { Dim } from "../graph/model.ts";
import type { Couplings, LabelBlock, Within } from "./operator.ts";

/** Whether the labels of a block are its positions, on every axis. */
export function isPlain(block: LabelBlock): boolean {
  return block.within === undefined;
}

/** What surrounds the labels on the k-th axis of a block. */
export function withinOf({ within }: LabelBlock, k: number): Within | undefined {
  return within?.[k];
}

/** How many labels lie along the k-th axis of a block of a value with this shape. */
export function extentOf(block: LabelBlock, k: number, shape: readonly Dim[]): number {
  const size = shape[block.axes[k]!];
  const around = withinOf(block, k);
  if (around === undefined) return size as number;
  return divideDims(divideDims(size, around.outer), around.inner) as number;
}

/** Size of an axis on which `labels` positions are left. */
export function sizeAround(labels: number, around: Within | undefined): Dim {
  if (around === undefined) return labels;
  return multiplyDims(multiplyDims(around.outer, labels), around.inner);
}

/** A block with its surroundings, or without where there are none. */
export function blockWithin(
  axes: readonly number[],
  labels: Int32Array,
  within: readonly (Within | undefined)[],
): LabelBlock {
  return within.every((around) => around === undefined) ? { axes, labels } : { axes, labels, within };
}

/** Whether two blocks lie on their axes in the same way. */
export function isLaidAlike(a: LabelBlock, b: LabelBlock): boolean {
  return (
    a.labels.length === b.labels.length &&
    a.axes.every((_, k) => {
      const [left, right] = [withinOf(a, k), withinOf(b, k)];
      return left?.outer === right?.outer && left?.inner === right?.inner;
    })
  );
}

/** Equal positions of two single-axis blocks are one channel from now on; what is laid out otherwise is fixed. */
export function unifyBlocks(
  c: Couplings,
  a: LabelBlock | undefined,
  b: LabelBlock | undefined,
  why: string,
): void {
  const anyWay = [a, b].some((block) => block !== undefined && c.isAlike(block.labels));
  if (a === undefined || b === undefined || anyWay || isLaidAlike(a, b)) c.unify(a?.labels, b?.labels, why);
  else for (const { labels } of [a, b]) c.lock(labels, "it meets an axis that is laid out in another way");
}

/** A block moved to another axis, as a list; empty when there is none. */
export function blockOn(axis: number, block: LabelBlock | undefined): LabelBlock[] {
  return block === undefined ? [] : [{ ...block, axes: [axis] }];
}

/** Of two blocks that are one channel by position, the one that says which; none where either is fixed. */
export function firmOf(
  c: Couplings,
  a: LabelBlock | undefined,
  b: LabelBlock | undefined,
): LabelBlock | undefined {
  if (a === undefined || b === undefined) return undefined;
  return c.isAlike(a.labels) ? b : a;
}

/** Positions that are all alike along those axes of a value that a test picks; what is open of a size surrounds them. */
export function alikeBlocks(
  c: Couplings,
  shape: readonly Dim[],
  picks: (axis: number) => boolean,
): LabelBlock[] {
  return shape.flatMap((size, axis) => {
    if (size === undefined || !picks(axis)) return [];
    const { factor, atoms } = factorsOf(size);
    const around = atoms.length === 0 ? undefined : { outer: atoms.join("*"), inner: 1 };
    return factor > 1 ? [blockWithin([axis], c.alike(factor), [around])] : [];
  });
}
