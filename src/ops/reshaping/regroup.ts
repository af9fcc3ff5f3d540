/**
 * @file How labels move when axes are merged and split, as Reshape and Flatten do. The axes of both shapes are cut
 * into the shortest runs of equal product; inside a run, labels are spread over the row-major product and folded
 * again, so a channel that becomes 49 columns is 49 equal labels and a channel shuffle is a transposed block.
 */
import { divideDims, multiplyDims } from "../../graph/dims.ts";
import type { Dim } from "../../graph/model.ts";
import type { LabelBlock } from "../operator.ts";

/** Consecutive axes of the input that hold the same elements as consecutive axes of the output. */
export interface AxisRun {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** Cuts both shapes into runs of equal product, or undefined when symbolic sizes leave it open. */
export function matchAxes(before: readonly Dim[], after: readonly Dim[]): AxisRun[] | undefined {
  const runs: AxisRun[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (before[i] === 1 && after[j] !== 1) runs.push({ from: [i++], to: [] });
    else if (after[j] === 1 && before[i] !== 1) runs.push({ from: [], to: [j++] });
    else {
      const run = shortestRun(before, after, i, j);
      if (run === undefined) return undefined;
      runs.push(run);
      i += run.from.length;
      j += run.to.length;
    }
  }
  return runs;
}

/** The fewest axes from `i` and from `j` on that hold equally many elements. */
function shortestRun(
  before: readonly Dim[],
  after: readonly Dim[],
  i: number,
  j: number,
): AxisRun | undefined {
  const from = [i];
  const to = [j];
  let left = before[i];
  let right = after[j];
  while (left === undefined || right === undefined || left !== right) {
    if (left === undefined || right === undefined) return undefined;
    const nextLeft = i + from.length;
    const nextRight = j + to.length;
    if (nextLeft < before.length && (isShorter(left, right) || nextRight >= after.length)) {
      left = multiplyDims(left, before[nextLeft]);
      from.push(nextLeft);
    } else if (nextRight < after.length) {
      right = multiplyDims(right, after[nextRight]);
      to.push(nextRight);
    } else return undefined;
  }
  return { from, to };
}

function isShorter(left: Dim, right: Dim): boolean {
  if (typeof left === "number" && typeof right === "number") return left < right;
  if (divideDims(right, left) !== undefined) return true;
  return divideDims(left, right) === undefined;
}

export interface Regrouped {
  readonly blocks: readonly LabelBlock[];
  /** Blocks of the input that find no place in the output, with the reason. */
  readonly lost: readonly { readonly block: LabelBlock; readonly why: string }[];
}

/** Labels of the output of a reshape from `before` to `after`. */
export function regroup(
  before: readonly Dim[],
  after: readonly Dim[],
  blocks: readonly LabelBlock[],
): Regrouped {
  const runs = matchAxes(before, after);
  if (runs === undefined)
    return { blocks: [], lost: blocks.map((block) => ({ block, why: "the reshape has symbolic sizes" })) };
  const placed: LabelBlock[] = [];
  const lost: { block: LabelBlock; why: string }[] = [];
  for (const run of joinedRuns(runs, blocks)) {
    if (run.to.length === 0) continue; // sizes of 1 that vanish
    const touching = blocks.filter(({ axes }) => axes.some((axis) => run.from.includes(axis)));
    const wide = touching.filter(({ labels }) => labels.length > 1);
    const inside = wide.length > 0 ? wide : touching.slice(0, 1); // one alone on its axis stays in any case
    const outcome = spread(run, before, after, inside);
    if (typeof outcome === "string") lost.push(...inside.map((block) => ({ block, why: outcome })));
    else placed.push(...outcome);
  }
  return { blocks: placed, lost };
}

/** Runs that one block spans are taken as one: the row-major order over both is the same before and after. */
function joinedRuns(runs: readonly AxisRun[], blocks: readonly LabelBlock[]): readonly AxisRun[] {
  let joined = runs;
  for (const { axes } of blocks) {
    const touches = (run: AxisRun) => axes.some((axis) => run.from.includes(axis));
    const own = joined.filter(touches);
    if (own.length <= 1) continue;
    const whole = { from: own.flatMap(({ from }) => from), to: own.flatMap(({ to }) => to) };
    joined = [...joined.filter((run) => !touches(run)), whole];
  }
  return joined;
}

function spread(
  run: AxisRun,
  before: readonly Dim[],
  after: readonly Dim[],
  blocks: readonly LabelBlock[],
): LabelBlock[] | string {
  if (blocks.length === 0) return [];
  if (blocks.length > 1) return "the reshape merges it with another axis of channels";
  const block = blocks[0]!;
  if (run.from.length === 1 && run.to.length === 1) return [{ axes: run.to, labels: block.labels }];
  const sizes = run.from.map((axis) => before[axis]);
  const targets = run.to.map((axis) => after[axis]);
  if ([...sizes, ...targets].some((size) => typeof size !== "number"))
    return "the reshape merges it with a symbolic axis";
  const flat = flatten(run.from, sizes as number[], block);
  return fold(run.to, targets as number[], flat);
}

/** Labels over the row-major product of all axes of the run. */
function flatten(axes: readonly number[], sizes: readonly number[], block: LabelBlock): Int32Array {
  const total = sizes.reduce((product, size) => product * size, 1);
  const strides = new Array<number>(axes.length).fill(0);
  let step = 1;
  for (let k = block.axes.length - 1; k >= 0; k--) {
    const at = axes.indexOf(block.axes[k]!);
    strides[at] = step;
    step *= sizes[at]!;
  }
  const flat = new Int32Array(total);
  for (let position = 0; position < total; position++) {
    let rest = position;
    let source = 0;
    for (let k = axes.length - 1; k >= 0; k--) {
      source += (rest % sizes[k]!) * strides[k]!;
      rest = Math.floor(rest / sizes[k]!);
    }
    flat[position] = block.labels[source]!;
  }
  return flat;
}

/** A block over the axes of the run along which the labels really differ. */
function fold(axes: readonly number[], sizes: readonly number[], flat: Int32Array): LabelBlock[] {
  let block: LabelBlock = { axes, labels: flat };
  let extents = [...sizes];
  for (const axis of axes) {
    const at = block.axes.indexOf(axis);
    const slim = withoutAxis(block.labels, extents, at);
    if (slim === undefined || block.axes.length === 1) continue;
    block = { axes: block.axes.filter((_, k) => k !== at), labels: slim };
    extents = extents.filter((_, k) => k !== at);
  }
  return [block];
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
