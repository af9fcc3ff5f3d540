/**
 * @file Convolutions that slide along channels, as cheap gates do. Neighbours must stay neighbours, so a slice lays what is
 * left out to full length again, with zeros where channels are gone, and picks what is left from the result.
 */

import { intsAttribute } from "../../graph/attributes.ts";
import type { Node } from "../../graph/model.ts";
import { int64 } from "../../tensor/tensor.ts";
import type { Couplings, LabelBlock, SliceCall } from "../operator.ts";
import { blockFor, groupsOf } from "../shapes.ts";

/**
 * Channels on the axes a convolution slides over: they pass where every position has one in the result, else they stay.
 * @returns Blocks of the output.
 */
export function coupleSliding(c: Couplings): LabelBlock[] {
  const rank = c.inputs[0]!.shape!.length;
  const blocks: LabelBlock[] = [];
  for (let axis = 2; axis < rank; axis++) {
    const labels = c.labelsOf(0, axis);
    if (labels === undefined) continue;
    if (keepsPositions(c, axis)) {
      if (isMixed(c, axis)) c.read(0, axis);
      blocks.push(...blockFor(axis, labels));
    } else c.lock(labels, "a convolution slides over it");
  }
  return blocks;
}

/** Whether a kernel of several positions mixes neighbours along an axis. */
export function isMixed({ inputs }: Pick<Couplings, "inputs">, axis: number): boolean {
  return inputs[1]?.shape?.[axis] !== 1;
}

/** Same length, one position at a time, and nothing else that a slice would have to rewrite. */
function keepsPositions({ node, inputs, outputs }: Couplings, axis: number): boolean {
  const size = inputs[0]!.shape![axis];
  return (
    (node.opType === "Conv" || (node.opType === "FusedConv" && (node.inputs[3] ?? "") === "")) &&
    groupsOf(node) === 1 &&
    (intsAttribute(node, "strides")?.[axis - 2] ?? 1) === 1 &&
    typeof size === "number" &&
    outputs[0]?.shape?.[axis] === size
  );
}

/** The convolution at full length along `axis`, between what lays channels out and what picks them. */
export function sliceSliding(call: SliceCall, axis: number, kept: Int32Array): Node {
  const { node } = call;
  const shape = call.inputs[0]!.shape!;
  const padded = padOne(call, node.inputs[0]!, axis, shape.length);
  const places = new Array<number>(shape[axis] as number).fill(kept.length); // the zero that was added
  kept.forEach((position, k) => {
    places[position] = k;
  });
  const full = call.emit("Gather", [padded, list(call, places)], { axis });
  const result = call.emitLike([full, ...node.inputs.slice(1)]);
  return {
    ...node,
    opType: "Gather",
    domain: "",
    inputs: [result, list(call, [...kept])],
    attributes: new Map([["axis", { kind: "int", value: axis }]]),
  };
}

function list(call: SliceCall, values: readonly number[]): string {
  return call.store(int64([values.length], values));
}

/** One zero behind the last position of an axis. */
function padOne(call: SliceCall, x: string, axis: number, rank: number): string {
  const pads = Array.from({ length: 2 * rank }, (_, k) => (k === rank + axis ? 1 : 0));
  if (call.standardOpset < 11) return call.emit("Pad", [x], { pads });
  return call.emit("Pad", [x, list(call, pads)]);
}
