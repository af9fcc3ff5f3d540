/** @file Normalisations per channel (batch, instance), over groups of channels, and over all channels. */
import { floatAttribute, intAttribute, intsAttribute } from "../../graph/attributes.ts";
import type { Node } from "../../graph/model.ts";
import { codeOf } from "../../onnx/element-types.ts";
import type { Couplings, InferCall, MaskCall, Operator } from "../operator.ts";
import { presentMean } from "../present-mean.ts";
import { fromFront, likeFirst, passThrough, shapeOf } from "../shapes.ts";
import { contribGroupNorm, standardGroupNorm } from "./group-norm.ts";
import { layerNorms, skipLayerNorms } from "./layer-norm.ts";

const sameShape = (call: InferCall) => [likeFirst(call, shapeOf(call, 0))];

/** Scale, shift and statistics have one entry for each channel on axis 1; the other axes are told apart by the callers. */
function couplePerChannel(c: Couplings): void {
  const isKnown = c.inputs[0]?.shape !== undefined;
  if (!isKnown) c.lockInput(0, "its channel axis is not known");
  const channels = isKnown ? c.labelsOf(0, 1) : undefined;
  for (let input = 1; input < c.node.inputs.length; input++) c.unify(channels, c.labelsOf(input, 0));
  c.setOutput(0, c.blocksOf(0));
}

/** Stored statistics say what becomes of each position; in training mode the batch does, or the weights that are normalised. */
function coupleBatchNorm(c: Couplings): void {
  if (!isTraining(c)) couplePerChannel(c);
  else if (c.isConstant(0)) {
    couplePerChannel(c);
    for (let axis = 0; axis < (c.inputs[0]?.shape?.length ?? 0); axis++) if (axis !== 1) c.read(0, axis);
    c.setOutput(0, c.blocksOf(0));
  } else
    for (let input = 0; input < c.node.inputs.length; input++)
      c.lockInput(input, "BatchNormalization in training mode takes its moments from the batch");
}

/** Before operator set 14 the outputs beside the first said so. */
function isTraining({ node, opset }: Pick<Couplings, "node" | "opset">): boolean {
  if (opset >= 14) return intAttribute(node, "training_mode", 0) === 1;
  return node.outputs.some((name, k) => k > 0 && name !== "");
}

/** In training mode: the node written out, and the node itself for what it tells beside. */
function maskedBatchNorm(call: MaskCall): void {
  const { node, emit, inputs } = call;
  if (node.outputs.length > 1)
    emit.adopt({ ...node, outputs: [emit.unique(`${node.outputs[0]!}_whole`), ...node.outputs.slice(1)] });
  normalizedOver(
    call,
    inputs[0]!.shape!.flatMap((_, axis) => (axis === 1 ? [] : [axis])),
  );
}

/** The moments of a channel are taken over all further axes, of which one may carry channels itself. */
function coupleInstanceNorm(c: Couplings): void {
  couplePerChannel(c);
  for (let axis = 2; axis < (c.inputs[0]?.shape?.length ?? 0); axis++) c.readAround(0, axis);
  c.setOutput(0, c.blocksOf(0));
}

function maskedInstanceNorm(call: MaskCall): void {
  const further = call.inputs[0]!.shape!.slice(2);
  normalizedOver(
    call,
    further.map((_, k) => k + 2),
  );
}

/** The node written out, with moments over the positions of some axes that are there. */
function normalizedOver(call: MaskCall, axes: readonly number[]): void {
  const { node, emit, inputs } = call;
  const { dtype = "float32", shape } = inputs[0]!;
  const asFloat = (name: string) =>
    dtype === "float32" ? name : emit.node("Cast", [name], { to: codeOf("float32") });
  const [x, scale, shift] = node.inputs.map(asFloat) as [string, string, string];
  const meanOf = (name: string) => presentMean(call, name, axes, "float32");
  const centred = emit.node("Sub", [x, meanOf(x)]);
  const power = meanOf(emit.node("Mul", [centred, centred]));
  const epsilon = emit.scalar(floatAttribute(node, "epsilon", 1e-5));
  const normal = emit.node("Div", [centred, emit.node("Sqrt", [emit.node("Add", [power, epsilon])])]);
  const perChannel = emit.ints([-1, ...shape!.slice(2).map(() => 1)]);
  const own = (name: string) => emit.node("Reshape", [name, perChannel]);
  const out = emit.node("Add", [emit.node("Mul", [normal, own(scale)]), own(shift)]);
  call.finish(dtype === "float32" ? out : emit.node("Cast", [out], { to: codeOf(dtype) }));
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
  for (const axis of meanVarianceAxes(c.node, rank)) {
    if (axis === 0) c.lock(c.labelsOf(0, axis), `${c.node.opType} mixes over it`);
    else c.read(0, axis);
  }
  passThrough(c);
}

function meanVarianceAxes(node: Node, rank: number): readonly number[] {
  return (intsAttribute(node, "axes") ?? [0, 2, 3]).map((axis) => fromFront(axis, rank));
}

/** The node written out, with moments over the channels that are there; it adds 1e-9 to the deviation. */
function maskedMeanVariance(call: MaskCall): void {
  const { node, emit, inputs } = call;
  const { dtype = "float32", shape } = inputs[0]!;
  const [x] = node.inputs as [string];
  const axes = meanVarianceAxes(node, shape!.length);
  const centred = emit.node("Sub", [x, presentMean(call, x, axes)]);
  const power = presentMean(call, emit.node("Mul", [centred, centred]), axes);
  const deviation = emit.node("Add", [emit.node("Sqrt", [power]), emit.scalar(1e-9, dtype)]);
  call.finish(emit.node("Div", [centred, deviation]));
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
    couple: coupleBatchNorm,
    masked: maskedBatchNorm,
    auxiliaryInputs: [3, 4],
  },
  InstanceNormalization: { infer: sameShape, couple: coupleInstanceNorm, masked: maskedInstanceNorm },
  ...layerNorms,
  LpNormalization: { infer: sameShape, couple: coupleLpNorm },
  GroupNormalization: standardGroupNorm,
  MeanVarianceNormalization: { infer: sameShape, couple: coupleMeanVariance, masked: maskedMeanVariance },
  LRN: { infer: sameShape, couple: coupleLocalNorm },
};

/** Of onnxruntime's own operator set. */
export const contribNormalization: Readonly<Record<string, Operator>> = {
  ...skipLayerNorms,
  GroupNorm: contribGroupNorm,
};
