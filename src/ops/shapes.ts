/** @file Small helpers the operator families share for shapes, axes and label blocks. */
import { intAttribute, intsAttribute } from "../graph/attributes.ts";
import type { Dim, Node } from "../graph/model.ts";
import { toNumbers } from "../tensor/tensor.ts";
import type { Couplings, Fact, InferCall, LabelBlock } from "./operator.ts";

/** Axis counted from the front. */
export function fromFront(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Shape of an input, or undefined. */
export function shapeOf(
  call: { readonly inputs: readonly (Fact | undefined)[] },
  input: number,
): readonly Dim[] | undefined {
  return call.inputs[input]?.shape;
}

/** Elements of a constant integer or float input as numbers, or undefined when they are not known. */
export function numbersOf(fact: Fact | undefined): number[] | undefined {
  return fact?.constant === undefined ? undefined : [...toNumbers(fact.constant)];
}

/** Axes given as an attribute (old operator sets) or as an input (new ones); undefined when absent or unknown. */
export function axesOf(
  call: { readonly node: Node; readonly inputs: readonly (Fact | undefined)[] },
  input: number,
): { readonly given: boolean; readonly axes: number[] | undefined } {
  const attribute = intsAttribute(call.node, "axes");
  if (attribute !== undefined) return { given: true, axes: [...attribute] };
  const name = call.node.inputs[input];
  if (name === undefined || name === "") return { given: false, axes: undefined };
  return { given: true, axes: numbersOf(call.inputs[input]) };
}

/** A fact with the dtype of the first input. */
export function likeFirst(call: InferCall, shape: readonly Dim[] | undefined): Fact {
  return { dtype: call.inputs[0]?.dtype, shape };
}

/** The shape numpy-style broadcasting gives; undefined when it cannot be known. */
export function broadcastShape(shapes: readonly (readonly Dim[] | undefined)[]): Dim[] | undefined {
  if (shapes.some((shape) => shape === undefined)) return undefined;
  const rank = Math.max(0, ...shapes.map((shape) => shape!.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map(
      (shape) => shape!.at(axis - rank) ?? (axis - rank < -shape!.length ? 1 : undefined),
    );
    return sizes.reduce(broadcastDim);
  });
}

function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1 || a === b) return a;
  if (typeof a === "number" && b === undefined) return a;
  if (typeof b === "number" && a === undefined) return b;
  if (typeof a === "number" && typeof b === "string") return a; // the symbol must equal it, or be one
  if (typeof b === "number" && typeof a === "string") return b;
  return undefined;
}

/** The output carries exactly what the first input carries. */
export function passThrough(couplings: Couplings): void {
  const blocks = couplings.blocksOf(0);
  for (let output = 0; output < couplings.node.outputs.length; output++) couplings.setOutput(output, blocks);
}

/** Blocks whose axes all survive a renumbering; `renumber` gives undefined for an axis that is gone. */
export function renumberBlocks(
  blocks: readonly LabelBlock[],
  renumber: (axis: number) => number | undefined,
): LabelBlock[] {
  return blocks.flatMap((block) => {
    const moved = block.axes.map(renumber);
    return moved.some((axis) => axis === undefined) ? [] : [{ ...block, axes: moved as number[] }];
  });
}

/**
 * The blocks of an input after several-axis blocks on `axes` were tied to one axis each: the leading one, or where attention
 * is to lose width, the one that is touched.
 * @param exceptLeading Leaves a block as it is when `axes` touch nothing of it but its leading axis.
 */
export function untangledBlocks(
  c: Couplings,
  input: number,
  axes: ReadonlySet<number>,
  exceptLeading = false,
): readonly LabelBlock[] {
  for (const block of c.blocksOf(input)) {
    const [leading, ...others] = block.axes;
    const entangled = others.length > 0 && (others.some((axis) => axes.has(axis)) || !exceptLeading);
    if (!entangled || !block.axes.some((axis) => axes.has(axis))) continue;
    const inner = c.attentionCut === "width" ? others.filter((axis) => axes.has(axis)) : [];
    c.axisBlock(input, inner.length === 1 ? inner[0]! : leading!);
  }
  return c.blocksOf(input);
}

/** A block for one axis, or none when the axis is fixed. */
export function blockFor(axis: number, labels: Int32Array | undefined): LabelBlock[] {
  return labels === undefined ? [] : [{ axes: [axis], labels }];
}

export function groupsOf(node: Node): number {
  return intAttribute(node, "group", 1);
}
