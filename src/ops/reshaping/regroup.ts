/**
 * @file How labels move when axes are merged and split, as Reshape and Flatten do. Both shapes are cut into common
 * pieces; a block of labels is an array over pieces, and what it is in the output follows from where its pieces go. So a
 * channel that becomes 49 columns is 49 equal labels, a channel shuffle is a transposed block, and heads that are
 * merged with an open batch are labels that come again for every example.
 */
import { factorsOf, productOf } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import { blockWithin, extentOf, withinOf } from "../label-blocks.ts";
import type { LabelBlock, Labels, Within } from "../operator.ts";
import { type Cell, commonPieces } from "./common-pieces.ts";

export interface Regrouped {
  readonly blocks: readonly LabelBlock[];
  /** Blocks of the input that find no place in the output, with the reason. */
  readonly lost: readonly { readonly block: LabelBlock; readonly why: string }[];
}

/**
 * Labels of the output of a reshape from `before` to `after`.
 * @param claimOf Of blocks that want the same place the one with the largest claim has it, and the first of equals.
 */
export function regroup(
  before: readonly Dim[],
  after: readonly Dim[],
  given: readonly LabelBlock[],
  claimOf: (labels: Labels) => number = () => 0,
): Regrouped {
  const origins = new Map(given.map((block) => [contracted(block), block]));
  const blocks = [...origins.keys()];
  const digits = digitsOf(before, blocks);
  const cells = commonPieces(
    digits.map(({ size }) => size),
    after,
  );
  const scene: Scene = { digits, cells, ...piecesOf(cells) };
  const crowded = crowdedBlocks(scene, blocks, claimOf);
  const placed: LabelBlock[] = [];
  const lost: { block: LabelBlock; why: string }[] = [];
  for (const block of blocks) {
    const outcome = crowded.get(block) ?? place(scene, block);
    if (typeof outcome === "string") lost.push({ block: origins.get(block)!, why: outcome });
    else placed.push(...outcome);
  }
  return { blocks: placed, lost };
}

/**
 * The same block with labels that come again told once: what repeats is a size around them, as an open size would be. So
 * heads beside a batch of fixed size share an axis with it and keep it free for others.
 */
function contracted(block: LabelBlock): LabelBlock {
  if (block.axes.length > 1 || block.within !== undefined) return block;
  const inner = runLength(block.labels);
  const firsts = block.labels.filter((_, k) => k % inner === 0);
  const period = periodOf(firsts);
  const outer = firsts.length / period;
  if (period <= 1 || outer * inner === 1) return block;
  return { axes: block.axes, labels: firsts.subarray(0, period), within: [{ outer, inner }] };
}

/** The largest size of pieces that hold one label each. */
function runLength(labels: Labels): number {
  let length = labels.length;
  for (let k = 1; k < labels.length; k++) if (labels[k] !== labels[k - 1]) length = commonDivisor(length, k);
  return length;
}

/** After how many positions labels come again, all the way through. */
function periodOf(labels: Labels): number {
  for (let period = 1; period < labels.length; period++) {
    const divides = labels.length % period === 0;
    if (divides && labels.every((label, k) => k < period || label === labels[k - period])) return period;
  }
  return labels.length;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** A part of an input axis: labelled by a block, or around its labels. */
interface Digit {
  readonly axis: number;
  readonly size: Dim;
  readonly isLabelled: boolean;
}

function digitsOf(before: readonly Dim[], blocks: readonly LabelBlock[]): Digit[] {
  return before.flatMap((size, axis): Digit[] => {
    const block = blocks.find(({ axes }) => axes.includes(axis));
    if (block === undefined) return [{ axis, size, isLabelled: false }];
    const k = block.axes.indexOf(axis);
    const around = withinOf(block, k);
    const labelled = { axis, size: extentOf(block, k, before), isLabelled: true };
    if (around === undefined) return [labelled];
    const { outer, inner } = around;
    const open = (part: Dim): Digit[] => (part === 1 ? [] : [{ axis, size: part, isLabelled: false }]);
    return [...open(outer), labelled, ...open(inner)];
  });
}

/** A piece of either shape, numbered so that the two sides of a cell of two share a number. */
interface Slot {
  readonly id: number;
  readonly size: Dim;
  /** Index of the digit, or of the axis of the output. */
  readonly of: number;
}

interface Scene {
  readonly digits: readonly Digit[];
  readonly cells: readonly Cell[];
  readonly from: readonly (readonly Slot[])[];
  readonly to: readonly (readonly Slot[])[];
}

function piecesOf(cells: readonly Cell[]): Pick<Scene, "from" | "to"> {
  let count = 0;
  const from: Slot[][] = [];
  const to: Slot[][] = [];
  for (const cell of cells) {
    from.push(cell.from.map(({ of, size }) => ({ id: count++, of, size })));
    to.push(cell.to.map(({ of, size }) => ({ id: isPair(cell) ? count - 1 : count++, of, size })));
  }
  return { from, to };
}

function isPair(cell: Cell): boolean {
  return cell.from.length === 1 && cell.to.length === 1;
}

/**
 * Blocks that meet other blocks in one cell or on one axis of the output. One with a single channel makes room: it could
 * not go anyway, or its axis would be empty.
 */
function crowdedBlocks(
  { digits, from, to }: Scene,
  blocks: readonly LabelBlock[],
  claimOf: (labels: Labels) => number,
): Map<LabelBlock, string | []> {
  const touching = new Map<string, Set<LabelBlock>>();
  from.forEach((slots, cell) => {
    for (const { of } of slots) {
      const digit = digits[of]!;
      const block = digit.isLabelled ? blocks.find(({ axes }) => axes.includes(digit.axis)) : undefined;
      if (block === undefined) continue;
      for (const place of [`cell ${cell}`, ...to[cell]!.map(({ of: axis }) => `axis ${axis}`)])
        touching.set(place, (touching.get(place) ?? new Set()).add(block));
    }
  });
  const crowded = new Map<LabelBlock, string | []>();
  for (const group of touching.values()) {
    const wide = [...group].filter(({ labels }) => labels.some((label) => label !== labels[0]));
    const staying = wide.length > 0 ? wide : [...group].slice(0, 1);
    for (const block of group) if (!staying.includes(block)) crowded.set(block, []);
    if (wide.length < 2) continue;
    const claims = wide.map(({ labels }) => claimOf(labels));
    const keeper = wide[claims.indexOf(Math.max(...claims))]!;
    for (const block of wide)
      if (block !== keeper) crowded.set(block, "the reshape merges it with another axis of channels");
  }
  return crowded;
}

/** Labels as an array over pieces, row-major in this order. */
interface Spread {
  readonly slots: readonly Slot[];
  readonly labels: Labels;
}

function place(scene: Scene, block: LabelBlock): LabelBlock[] | string {
  const merged = untangle(scene, labelledPieces(scene, block));
  if (typeof merged === "string") return merged;
  const axes = [...new Set(merged.slots.map(({ of }) => of))];
  if (axes.length === 0) return []; // sizes of 1 that vanish
  const filled = axes.map((axis) => fillAxis(scene, axis, merged.slots));
  const problem = filled.find((one) => typeof one === "string");
  if (problem !== undefined) return problem;
  const full = filled as Filled[];
  const order = full.flatMap(({ slots }) => slots);
  const labels = respread(merged, order);
  const extents = full.map(({ slots }) => sizeOfSlots(slots));
  const within = full.map((one) => one.within);
  return [folded(blockWithin(axes, labels, within), extents)];
}

/** The labels of a block over the pieces its axes were cut into. */
function labelledPieces({ digits, from }: Scene, block: LabelBlock): Spread {
  const slots = block.axes.flatMap((axis) => {
    const digit = digits.findIndex((one) => one.axis === axis && one.isLabelled);
    return from.flat().filter(({ of }) => of === digit);
  });
  return { slots, labels: block.labels };
}

/** Brings every piece of the input over to the output. Pieces without a partner of their own are spread over their cell. */
function untangle({ from, to, cells }: Scene, spread: Spread): Spread | string {
  let current = spread;
  for (const [k, cell] of cells.entries()) {
    const [own, targets] = [from[k]!, to[k]!];
    const touched = current.slots.filter(({ id }) => own.some((slot) => slot.id === id));
    if (touched.length === 0) continue;
    if (!isPair(cell) && cell.to.length > 0) {
      const sizes = [...own, ...targets].map(({ size }) => size);
      if (sizes.includes(undefined)) return "the reshape has symbolic sizes";
      if (sizes.some((size) => typeof size !== "number")) return "the reshape merges it with a symbolic axis";
      const at = current.slots.indexOf(touched[0]!);
      const rest = current.slots.filter((slot) => !touched.includes(slot));
      const order = [...rest.slice(0, at), ...own, ...rest.slice(at)];
      const labels = respread(current, order);
      current = { slots: [...rest.slice(0, at), ...targets, ...rest.slice(at)], labels };
    } else {
      const slots = current.slots.flatMap((slot) => (touched.includes(slot) ? targets : [slot]));
      current = { slots, labels: current.labels };
    }
  }
  return current;
}

interface Filled {
  readonly slots: readonly Slot[];
  readonly within: Within | undefined;
}

/** All pieces of an output axis that labels have to tell, and the open sizes around them. */
function fillAxis({ to }: Scene, axis: number, slots: readonly Slot[]): Filled | string {
  const pieces = to.flat().filter(({ of }) => of === axis);
  const isLabelled = ({ id }: Slot) => slots.some((slot) => slot.id === id);
  const first = pieces.findIndex(isLabelled);
  const last = pieces.findLastIndex(isLabelled);
  const inside = pieces.slice(first, last + 1);
  if (inside.some(({ size }) => typeof size !== "number"))
    return "the reshape puts a symbolic axis between its channels";
  const outer = surroundings(pieces.slice(0, first));
  const inner = surroundings(pieces.slice(last + 1));
  if (outer === undefined || inner === undefined) return "the reshape has symbolic sizes";
  const repeats = (times: number, id: number): Slot[] => (times === 1 ? [] : [{ id, of: axis, size: times }]);
  const isOpen = outer.open !== 1 || inner.open !== 1;
  return {
    slots: [...repeats(outer.times, -1 - 2 * axis), ...inside, ...repeats(inner.times, -2 - 2 * axis)],
    within: isOpen ? { outer: outer.open, inner: inner.open } : undefined,
  };
}

/** The product of pieces, taken apart into a number and an open size. */
function surroundings(pieces: readonly Slot[]): { readonly times: number; readonly open: Dim } | undefined {
  const product = productOf(pieces.map(({ size }) => size));
  if (product === undefined) return undefined;
  const { factor, atoms } = factorsOf(product);
  return { times: factor, open: atoms.length === 0 ? 1 : atoms.join("*") };
}

function sizeOfSlots(slots: readonly Slot[]): number {
  return slots.reduce((product, { size }) => product * (size as number), 1);
}

/** The same labels in another order of pieces; along pieces that are new they repeat. */
function respread({ slots, labels }: Spread, order: readonly Slot[]): Labels {
  const strideOf = new Map<number, number>();
  let step = 1;
  for (const { id, size } of slots.toReversed()) {
    strideOf.set(id, step);
    step *= size as number;
  }
  const total = sizeOfSlots(order);
  const spread = new Int32Array(total);
  for (let position = 0; position < total; position++) {
    let rest = position;
    let source = 0;
    for (let k = order.length - 1; k >= 0; k--) {
      const { id, size } = order[k]!;
      source += (rest % (size as number)) * (strideOf.get(id) ?? 0);
      rest = Math.floor(rest / (size as number));
    }
    spread[position] = labels[source]!;
  }
  return spread;
}

/** A block over those axes alone along which its labels really differ. */
function folded(block: LabelBlock, sizes: readonly number[]): LabelBlock {
  let current = block;
  let extents = [...sizes];
  for (const axis of block.axes.toSorted((a, b) => a - b)) {
    const at = current.axes.indexOf(axis);
    const slim = withoutAxis(current.labels, extents, at);
    if (slim === undefined || current.axes.length === 1) continue;
    const left = <T>(list: readonly T[]) => list.filter((_, k) => k !== at);
    current = blockWithin(left(current.axes), slim, left(current.axes.map((_, k) => withinOf(current, k))));
    extents = left(extents);
  }
  return current;
}

/** The labels with one axis left out, or undefined when they change along it. */
function withoutAxis(labels: Int32Array, sizes: readonly number[], at: number): Int32Array | undefined {
  const inner = sizes.slice(at + 1).reduce((product, size) => product * size, 1);
  const size = sizes[at]!;
  const outer = labels.length / (inner * size);
  const slim = new Int32Array(outer * inner);
  for (let block = 0; block < outer; block++) {
    for (let k = 0; k < inner; k++) {
      const first = labels[block * size * inner + k]!;
      for (let step = 1; step < size; step++) {
        if (labels[(block * size + step) * inner + k] !== first) return undefined;
      }
      slim[block * inner + k] = first;
    }
  }
  return slim;
}
