/** @file Pad: positions added in front of an axis and behind it. */
import { intsAttribute, stringAttribute, withAttributes } from "../../graph/attributes.ts";
import { addDims } from "../../graph/dims.ts";
import type { Node } from "../../graph/model.ts";
import { int64 } from "../../tensor/tensor.ts";
import type { Couplings, Fact, InferCall, Operator, SliceCall } from "../operator.ts";
import { fromFront, likeFirst, numbersOf, shapeOf, untangledBlocks } from "../shapes.ts";
import { countBelow } from "./count-below.ts";

export interface Padding {
  readonly before: number;
  readonly after: number;
}

/** Padding of every axis, attribute or input form; undefined when not known. */
export function paddingOf(call: Pick<InferCall, "node" | "inputs">, rank: number): Padding[] | undefined {
  const pads = intsAttribute(call.node, "pads") ?? numbersOf(call.inputs[1]);
  if (pads === undefined) return undefined;
  if ((call.node.inputs[3] ?? "") !== "" && numbersOf(call.inputs[3]) === undefined) return undefined;
  const axes =
    numbersOf(call.inputs[3])?.map((axis) => fromFront(axis, rank)) ??
    Array.from({ length: rank }, (_, k) => k);
  return Array.from({ length: rank }, (_, axis) => {
    const at = axes.indexOf(axis);
    return at < 0 ? { before: 0, after: 0 } : { before: pads[at]!, after: pads[at + axes.length]! };
  });
}

function inferPad(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const padding = x === undefined ? undefined : paddingOf(call, x.length);
  return [
    likeFirst(
      call,
      padding?.map(({ before, after }, axis) => addDims(x![axis], before + after)) ?? x?.map(() => undefined),
    ),
  ];
}

/** Padding along channels adds channels that are constant: they can be removed together with what they meet. */
function couplePad(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  const padding = rank === undefined ? undefined : paddingOf(c, rank);
  if (rank === undefined || padding === undefined) {
    c.lockInput(0, "the padding is not known");
    return;
  }
  const padded = new Set(
    padding.flatMap(({ before, after }, axis) => (before === 0 && after === 0 ? [] : [axis])),
  );
  const blocks = untangledBlocks(c, 0, padded).filter(({ axes }) => !axes.some((axis) => padded.has(axis)));
  const plain = stringAttribute(c.node, "mode", "constant") === "constant";
  for (const axis of padded) {
    const labels = c.labelsOf(0, axis);
    const { before, after } = padding[axis]!;
    if (labels !== undefined && plain && before >= 0 && after >= 0)
      blocks.push({ axes: [axis], labels: padLabels(c, labels, before, after) });
    else c.lock(labels, "padding mirrors or crops it");
  }
  c.setOutput(0, blocks);
}

function padLabels(c: Couplings, labels: Int32Array, before: number, after: number): Int32Array {
  const out = new Int32Array(before + labels.length + after);
  out.set(c.fresh(before), 0);
  out.set(labels, before);
  out.set(c.fresh(after), before + labels.length);
  return out;
}

function slicePad(call: SliceCall): Node {
  const shape = call.inputs[0]?.shape;
  const padding = shape === undefined ? undefined : paddingOf(call, shape.length);
  if (shape === undefined || padding === undefined) return call.node; // everything it reads has stayed
  const rank = shape.length;
  const kept = padding.map((_, axis) => call.keptOfOutput(0, axis));
  if (kept.every((positions) => positions === undefined)) return call.node;
  const moved = padding.map(({ before, after }, axis): Padding => {
    const positions = kept[axis];
    if (positions === undefined) return { before, after };
    const inFront = countBelow(positions, before);
    return {
      before: inFront,
      after: positions.length - countBelow(positions, before + (shape[axis] as number)),
    };
  });
  const axes =
    numbersOf(call.inputs[3])?.map((axis) => fromFront(axis, rank)) ?? moved.map((_, axis) => axis);
  const pads = [...axes.map((axis) => moved[axis]!.before), ...axes.map((axis) => moved[axis]!.after)];
  if (call.node.attributes.has("pads"))
    return withAttributes(call.node, { pads: { kind: "ints", value: pads } });
  call.replaceInput(1, int64([pads.length], pads));
  return call.node;
}

export const pad: Operator = {
  infer: inferPad,
  couple: couplePad,
  slice: slicePad,
  auxiliaryInputs: [2],
};
