/** @file Normalisations per channel (batch, instance), over groups of channels, and over all channels. */
import { intAttribute, intsAttribute } from "../../graph/attributes.ts";
import type { Couplings, InferCall, Operator } from "../operator.ts";
import { fromFront, likeFirst, passThrough, shapeOf } from "../shapes.ts";
import { layerNorms, skipLayerNorms } from "./layer-norm.ts";

const sameShape = (call: InferCall) => [likeFirst(call, shapeOf(call, 0))];

/** Scale, shift and statistics have one entry for each channel on axis 1. */
function couplePerChannel(c: Couplings): void {
  const channels = c.inputs[0]?.shape === undefined ? undefined : c.labelsOf(0, 1);
  if (channels === undefined) c.lockInput(0, "its channel axis is not known");
  for (let input = 1; input < c.node.inputs.length; input++) c.unify(channels, c.labelsOf(input, 0));
  c.setOutput(0, c.blocksOf(0));
}

function coupleGroupNorm(c: Couplings): void {
  if (c.inputs[0]?.shape === undefined) {
    c.lockInput(0, "its rank is not known");
    return;
  }
  c.lock(c.labelsOf(0, 1), "GroupNormalization mixes over it");
  for (let input = 1; input < c.node.inputs.length; input++)
    c.lockInput(input, "GroupNormalization mixes over it");
  passThrough(c);
}

/** Windows over neighbouring channels: without one of them the others would meet strangers. */
function coupleLocalNorm(c: Couplings): void {
  if (c.inputs[0]?.shape === undefined) {
    c.lockInput(0, "its rank is not known");
    return;
  }
  c.lock(c.labelsOf(0, 1), `${c.node.opType} mixes over neighbouring channels`);
  passThrough(c);
}

/** Each channel for itself unless the axes name channels; by default they do not. */
function coupleMeanVariance(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  if (rank === undefined) {
    c.lockInput(0, "its rank is not known");
    return;
  }
  for (const axis of intsAttribute(c.node, "axes") ?? [0, 2, 3])
    c.lock(c.labelsOf(0, fromFront(axis, rank)), `${c.node.opType} mixes over it`);
  passThrough(c);
}

/** Sums of powers see an absent channel as zero. */
function coupleLpNorm(c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  if (rank === undefined) {
    c.lockInput(0, "its rank is not known");
    return;
  }
  c.read(0, fromFront(intAttribute(c.node, "axis", -1), rank));
  passThrough(c);
}

export const normalization: Readonly<Record<string, Operator>> = {
  BatchNormalization: {
    infer: (call) => call.node.outputs.map(() => ({})).map((_, k) => (k === 0 ? sameShape(call)[0]! : {})),
    couple: couplePerChannel,
    auxiliaryInputs: [3, 4],
  },
  InstanceNormalization: { infer: sameShape, couple: couplePerChannel },
  ...layerNorms,
  LpNormalization: { infer: sameShape, couple: coupleLpNorm },
  GroupNormalization: { infer: sameShape, couple: coupleGroupNorm },
  MeanVarianceNormalization: { infer: sameShape, couple: coupleMeanVariance },
  LRN: { infer: sameShape, couple: coupleLocalNorm },
};

/** Of onnxruntime's own operator set. */
export const contribNormalization: Readonly<Record<string, Operator>> = skipLayerNorms;
