/** @file Heads of attention as channels: all positions of a head are one, on every axis that holds heads. */
import type { Couplings, LabelBlock, Labels, SliceCall } from "../operator.ts";
import { blockFor } from "../shapes.ts";

/** Where heads lie: `heads` equal runs of positions on an axis, from `start` on. */
export interface HeadAxis {
  readonly input: number;
  readonly axis: number;
  readonly heads: number;
  readonly start?: number;
  /** Positions all heads take together; the rest of the axis when left out. */
  readonly size?: number;
}

/** One label per head; undefined where the axis is fixed. */
export function headLabels(
  c: Couplings,
  { input, axis, heads, start = 0, size }: HeadAxis,
): Labels | undefined {
  const all = c.labelsOf(input, axis);
  if (all === undefined) return undefined;
  const own = all.subarray(start, size === undefined ? undefined : start + size);
  const width = own.length / heads;
  const first = Int32Array.from({ length: heads }, (_, head) => own[head * width]!);
  c.unify(repeated(first, width), own);
  return first;
}

/** Each label a number of times in a row. */
export function repeated(labels: Labels, times: number): Labels {
  return Int32Array.from({ length: labels.length * times }, (_, k) => labels[Math.floor(k / times)]!);
}

/** A block of heads of equal width on an axis; none where they are fixed. */
export function headBlock(axis: number, heads: Labels | undefined, width: number): LabelBlock[] {
  return blockFor(axis, heads && repeated(heads, width));
}

/**
 * Query heads and the heads of keys and values they share: `ratio` in a row for each. A partner that is fixed fixes all.
 * @param present Heads of each place that the node has; undefined entries are fixed.
 */
export function tieHeads(
  c: Couplings,
  queries: readonly (Labels | undefined)[],
  shared: readonly (Labels | undefined)[],
  ratio: number,
  why: string,
): void {
  const wide = [...queries, ...shared.map((heads) => heads && repeated(heads, ratio))];
  const known = wide.find((heads) => heads !== undefined);
  if (known === undefined) return;
  for (const heads of wide) c.unify(known, heads, why);
}

/** Heads that are left on an axis; all when nothing goes. */
export function headsLeft(kept: Int32Array | undefined, size: number, heads: number): number {
  return kept === undefined ? heads : kept.length / (size / heads);
}

/** Heads left on an axis of an input after a slice. */
export function inputHeadsLeft(call: SliceCall, input: number, axis: number, heads: number): number {
  const size = call.inputs[input]!.shape![axis] as number;
  return headsLeft(call.keptOfInput(input, axis), size, heads);
}

/** Where parts of these sizes begin when they are laid end to end. */
export function starts(sizes: readonly number[]): { start: number; size: number }[] {
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return { start: start - size, size };
  });
}
