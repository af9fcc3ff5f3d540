/** @file Where the examples of a batch lie in every value: alone on an axis, or merged with another as in [17*N, 32]. */

import { intsAttribute } from "../graph/attributes.ts";
import { divideDims, factorsOf, productOf } from "../graph/dims.ts";
import type { Dim, Graph, Model, Node } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import { commonPieces } from "../ops/reshaping/common-pieces.ts";

/** The batch as a part of an axis of size outer × batch × inner. */
export interface BatchPlace {
  readonly axis: number;
  readonly outer: Dim;
  readonly inner: Dim;
}

const reshapes: ReadonlySet<string> = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze"]);

/** Symbol of the batch axis: the first axis of the first input. */
export function batchOf({ graph }: Model, facts: Facts): string | undefined {
  const input = graph.inputs[0];
  const size = input === undefined ? undefined : facts.get(input.name)?.shape?.[0];
  return typeof size === "string" ? size : undefined;
}

/**
 * Values whose place of the batch is known. Sizes tell it where the batch has an axis of its own; where it is merged with
 * another, reshapes and transposes are followed, and other nodes are taken to leave equal axes as they are.
 * One between two open sizes is left out.
 * @param batch Symbol of the batch axis.
 */
export function batchPlaces(graph: Graph, facts: Facts, batch: string): ReadonlyMap<string, BatchPlace> {
  const places = new Map<string, BatchPlace>();
  const shapeOf = (name: string) => facts.get(name)?.shape;
  for (const { name } of graph.inputs) {
    const own = alone(shapeOf(name), batch);
    if (own !== undefined) places.set(name, own);
  }
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      const shape = shapeOf(name);
      const place = alone(shape, batch) ?? (shape && followed(node, shape, shapeOf, places, batch));
      if (place !== undefined) places.set(name, place);
    }
  }
  return places;
}

/** The one axis that is the batch and nothing else, if no other holds it. */
function alone(shape: readonly Dim[] | undefined, batch: string): BatchPlace | undefined {
  const axes = (shape ?? []).flatMap((size, axis) => (holds(size, batch) ? [axis] : []));
  return axes.length === 1 && shape![axes[0]!] === batch ? { axis: axes[0]!, outer: 1, inner: 1 } : undefined;
}

function holds(size: Dim, batch: string): boolean {
  return typeof size === "string" && factorsOf(size).atoms.includes(batch);
}

function followed(
  node: Node,
  shape: readonly Dim[],
  shapeOf: (name: string) => readonly Dim[] | undefined,
  places: ReadonlyMap<string, BatchPlace>,
  batch: string,
): BatchPlace | undefined {
  for (const name of node.inputs) {
    const before = places.get(name);
    const from = shapeOf(name);
    if (before === undefined || from === undefined) continue;
    if (reshapes.has(node.opType)) return reshaped(from, shape, before, batch);
    const axis =
      node.opType === "Transpose"
        ? transposed(node, from.length, before.axis)
        : sameAxis(from, shape, before);
    if (axis !== undefined && shape[axis] === from[before.axis]) return { ...before, axis };
  }
  return undefined;
}

function transposed(node: Node, rank: number, axis: number): number {
  const permutation = intsAttribute(node, "perm");
  return permutation === undefined ? rank - 1 - axis : permutation.indexOf(axis);
}

/** The axis of the same size at the same place, counted from the back as broadcasting does, or the only one anywhere. */
function sameAxis(from: readonly Dim[], shape: readonly Dim[], { axis }: BatchPlace): number | undefined {
  const own = axis + shape.length - from.length;
  if (own >= 0 && shape[own] === from[axis]) return own;
  const alike = [...shape.keys()].filter((k) => shape[k] === from[axis]);
  return alike.length === 1 ? alike[0] : undefined;
}

function reshaped(
  before: readonly Dim[],
  after: readonly Dim[],
  { axis, outer, inner }: BatchPlace,
  batch: string,
): BatchPlace | undefined {
  const digits = before.flatMap((size, k) =>
    (k === axis ? [outer, batch, inner] : [size]).filter((part, at) => k !== axis || at === 1 || part !== 1),
  );
  const own = axis + (outer === 1 ? 0 : 1);
  const cells = commonPieces(digits, after);
  const cell = cells.find(({ from }) => from.some(({ of }) => of === own));
  if (cell?.from.length !== 1 || cell.to.length !== 1 || cell.to[0]!.size !== batch) return undefined;
  const target = cell.to[0]!.of;
  const pieces = cells.flatMap(({ from, to }) =>
    to.map((piece) => ({ ...piece, isBatch: from.some(({ of }) => of === own) })),
  );
  const onAxis = pieces.filter(({ of }) => of === target);
  const at = onAxis.findIndex(({ isBatch }) => isBatch);
  const product = (list: typeof onAxis) => productOf(list.map(({ size }) => size));
  const place = { axis: target, outer: product(onAxis.slice(0, at)), inner: product(onAxis.slice(at + 1)) };
  const whole = divideDims(after[target], productOf([place.outer, batch, place.inner]));
  const isBetween = typeof place.outer !== "number" && typeof place.inner !== "number";
  return whole === 1 && !isBetween ? place : undefined;
}
