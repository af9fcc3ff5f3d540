/** @file Gradients of normalisations: batch (with given statistics), layer, instance, group, and local response. */
import { floatAttribute, intAttribute } from "../../graph/attributes.ts";
import type { GradientCall, GradientRule } from "../gradient.ts";
import { alongChannels } from "../gradient-support/along-channels.ts";
import { countOver } from "../gradient-support/count-over.ts";
import { foldOver } from "../gradient-support/fold-over.ts";
import { reduceTo } from "../gradient-support/reduce-to.ts";
import { fromFront, shapeOf } from "../shapes.ts";

/** Adds a node; operands are names of values, or numbers. */
type Of = (opType: string, operands: readonly (string | number)[]) => string;

function writer({ emit, dtype }: GradientCall): Of {
  return (opType, operands) =>
    emit.node(
      opType,
      operands.map((operand) => (typeof operand === "number" ? emit.scalar(operand, dtype) : operand)),
    );
}

/** Number of axes of the first input, at least `least`. */
function rankOf(call: GradientCall, least: number): number {
  const rank = shapeOf(call, 0)?.length;
  if (rank === undefined) return call.refuse("its rank is not known");
  if (rank < least) return call.refuse(`its input has ${rank} axes`);
  return rank;
}

/** Axes from `first` on. */
function axesFrom(first: number, rank: number): number[] {
  return Array.from({ length: rank - first }, (_, axis) => axis + first);
}

/**
 * y = (x − mean) · k + shift with k = scale · r and r = (variance + epsilon)^(−1/2), per channel, in the form used at
 * inference: mean and variance are inputs like the others. All gradients come from two sums per channel, G = Σ g and
 * Q = Σ g · (x − mean) = Σ g · x − mean · G; the second form saves a pass over the data and loses digits only where
 * the mean is many standard deviations from 0.
 */
const batchNormalization: GradientRule = (call) => {
  const { node, emit } = call;
  const of = writer(call);
  if (intAttribute(node, "training_mode", 0) !== 0) return call.refuse("it is in training mode");
  const rank = rankOf(call, 2);
  const [x, scale, , mean, variance] = node.inputs as [string, string, string, string, string];
  const gradient = call.gradients[0]!;
  const r = of("Reciprocal", [of("Sqrt", [of("Add", [variance, floatAttribute(node, "epsilon", 1e-5)])])]);
  const k = of("Mul", [scale, r]);
  const perChannel = (value: string): string =>
    emit.node("ReduceSum", [value, emit.ints([0, ...axesFrom(2, rank)])], { keepdims: 0 });
  const wantsQ = call.wants(1) || call.wants(4);
  const total = wantsQ || call.wants(2) || call.wants(3) ? perChannel(gradient) : "";
  const q = wantsQ ? of("Sub", [perChannel(of("Mul", [gradient, x])), of("Mul", [mean, total])]) : "";
  return [
    call.wants(0) ? of("Mul", [gradient, alongChannels(emit, k, rank)]) : undefined,
    call.wants(1) ? of("Mul", [q, r]) : undefined,
    call.wants(2) ? total : undefined,
    call.wants(3) ? of("Neg", [of("Mul", [k, total])]) : undefined,
    call.wants(4) ? of("Mul", [of("Mul", [q, k]), of("Mul", [of("Mul", [r, r]), -0.5])]) : undefined,
  ];
};

/**
 * All axes from `axis` on by their own statistics; with z = (x − mean) · r and h = g · scale the gradient of x is
 * r · (h − mean(h) − z · mean(h · z)). Mean and r are outputs of the node.
 */
const layerNormalization: GradientRule = (call) => {
  const { node, emit, dtype } = call;
  const of = writer(call);
  if (call.gradients.slice(1).some((gradient) => gradient !== undefined))
    return call.refuse("something is computed from its mean or deviation");
  if (dtype === "float16" || dtype === "bfloat16") return call.refuse("it is in half precision");
  const rank = rankOf(call, 1);
  const axes = axesFrom(fromFront(intAttribute(node, "axis", -1), rank), rank);
  const [x, scale] = node.inputs as [string, string];
  const gradient = call.gradients[0]!;
  const reduced = (value: string, input: number): string =>
    reduceTo(call, value, shapeOf(call, 0), shapeOf(call, input));
  const r = call.wants(0) || call.wants(1) ? call.output(2) : "";
  const z = r === "" ? "" : of("Mul", [of("Sub", [x, call.output(1)]), r]);
  const toX = (): string => {
    const h = of("Mul", [gradient, scale]);
    const across = foldOver(emit, "ReduceMean", of("Mul", [h, z]), axes);
    const centred = of("Sub", [h, foldOver(emit, "ReduceMean", h, axes)]);
    return of("Mul", [of("Sub", [centred, of("Mul", [z, across])]), r]);
  };
  return [
    call.wants(0) ? toX() : undefined,
    call.wants(1) ? reduced(of("Mul", [gradient, z]), 1) : undefined,
    call.wants(2) ? reduced(gradient, 2) : undefined,
  ];
};

/** (x − mean) · r over some axes of a value, and r, which keeps these axes with size 1. */
function standardised(call: GradientCall, x: string, axes: readonly number[]): { z: string; r: string } {
  const of = writer(call);
  const { emit } = call;
  const centred = of("Sub", [x, foldOver(emit, "ReduceMean", x, axes)]);
  const variance = foldOver(emit, "ReduceMean", of("Mul", [centred, centred]), axes);
  const epsilon = floatAttribute(call.node, "epsilon", 1e-5);
  const r = of("Reciprocal", [of("Sqrt", [of("Add", [variance, epsilon])])]);
  return { z: of("Mul", [centred, r]), r };
}

/** Each channel of each example by its own statistics: two sums per channel serve all three gradients. */
const instanceNormalization: GradientRule = (call) => {
  const { node, emit } = call;
  const of = writer(call);
  const rank = rankOf(call, 3);
  const axes = axesFrom(2, rank);
  const gradient = call.gradients[0]!;
  const { z, r } = standardised(call, node.inputs[0]!, axes);
  const total = foldOver(emit, "ReduceSum", gradient, axes); // [N, C, 1, …]
  const across = foldOver(emit, "ReduceSum", of("Mul", [gradient, z]), axes);
  const perChannel = (value: string): string =>
    emit.node("ReduceSum", [value, emit.ints([0, ...axes])], { keepdims: 0 });
  const toX = (): string => {
    const count = countOver(call, 0, axes);
    const centred = of("Sub", [gradient, of("Div", [total, count])]);
    const rest = of("Sub", [centred, of("Mul", [z, of("Div", [across, count])])]);
    return of("Mul", [rest, of("Mul", [alongChannels(emit, node.inputs[1]!, rank), r])]);
  };
  return [
    call.wants(0) ? toX() : undefined,
    call.wants(1) ? perChannel(across) : undefined,
    call.wants(2) ? perChannel(total) : undefined,
  ];
};

/**
 * Groups of channels by their own statistics, on values of shape [N, groups, channels of a group, positions]. Scale and
 * shift have one entry per group before operator set 21, per channel since.
 */
const groupNormalization: GradientRule = (call) => {
  const { node, emit, opset } = call;
  const of = writer(call);
  rankOf(call, 3);
  const groups = intAttribute(node, "num_groups", 1);
  const channels = shapeOf(call, 0)?.[1];
  if (typeof channels !== "number") return call.refuse("its number of channels is not known");
  const grouped = (value: string): string =>
    emit.node("Reshape", [value, emit.ints([0, groups, channels / groups, -1])]);
  const [x, g] = [grouped(node.inputs[0]!), grouped(call.gradients[0]!)];
  const size = opset < 21 ? 1 : channels / groups;
  const scale = emit.node("Reshape", [node.inputs[1]!, emit.ints([groups, size, 1])]);
  const { z, r } = standardised(call, x, [2, 3]);
  const total = foldOver(emit, "ReduceSum", g, [3]); // [N, groups, channels of a group, 1]
  const across = foldOver(emit, "ReduceSum", of("Mul", [g, z]), [3]);
  const perParameter = (value: string): string => {
    const sums = emit.node("ReduceSum", [value, emit.ints(opset < 21 ? [0, 2, 3] : [0, 3])], { keepdims: 0 });
    return opset < 21 ? sums : emit.node("Reshape", [sums, emit.ints([-1])]);
  };
  const toX = (): string => {
    const count = groupCount(call, channels / groups);
    const meanOf = (value: string): string =>
      of("Div", [foldOver(emit, "ReduceSum", of("Mul", [value, scale]), [2]), count]);
    const centred = of("Sub", [of("Mul", [g, scale]), meanOf(total)]);
    const rest = of("Sub", [centred, of("Mul", [z, meanOf(across)])]);
    return emit.node("Reshape", [of("Mul", [rest, r]), call.shapeOf(node.inputs[0]!)]);
  };
  return [
    call.wants(0) ? toX() : undefined,
    call.wants(1) ? perParameter(across) : undefined,
    call.wants(2) ? perParameter(total) : undefined,
  ];
};

/** Elements of one group: positions times channels. */
function groupCount(call: GradientCall, channels: number): string {
  const positions = countOver(call, 0, axesFrom(2, rankOf(call, 3)));
  return call.emit.node("Mul", [positions, call.emit.scalar(channels, call.dtype)]);
}

/**
 * y = x · S^(−beta) with S = bias + alpha · mean of x² over neighbouring channels (zeros beyond the edge):
 * g · S^(−beta) − 2 · alpha · beta · x · mean of g · y / S over the channels whose neighbour this one is.
 */
const lrn: GradientRule = (call) => {
  const { node } = call;
  if (!call.wants(0)) return [];
  const of = writer(call);
  rankOf(call, 3);
  const size = intAttribute(node, "size", 1);
  const [alpha, beta] = [floatAttribute(node, "alpha", 1e-4), floatAttribute(node, "beta", 0.75)];
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const x = node.inputs[0]!;
  const gradient = call.gradients[0]!;
  const squares = neighbours(call, of("Mul", [x, x]), size, before, after);
  const s = of("Add", [of("Mul", [squares, alpha]), floatAttribute(node, "bias", 1)]);
  const felt = of("Div", [of("Mul", [gradient, node.outputs[0]!]), s]);
  const pulled = of("Mul", [neighbours(call, felt, size, after, before), 2 * alpha * beta]);
  return [of("Sub", [of("Mul", [gradient, of("Pow", [s, -beta])]), of("Mul", [x, pulled])])];
};

/** The mean over a window of `size` channels, zeros beyond the edge included. */
function neighbours(call: GradientCall, value: string, size: number, before: number, after: number): string {
  const { emit } = call;
  const planes = emit.node("Reshape", [value, emit.ints([0, 0, -1])]); // [N, C, positions]
  const lifted = emit.node("Unsqueeze", [planes, emit.ints([1])]);
  const means = emit.node("AveragePool", [lifted], {
    kernel_shape: [size, 1],
    pads: [before, 0, after, 0],
    count_include_pad: 1,
  });
  return emit.node("Reshape", [means, call.shapeOf(call.node.inputs[0]!)]);
}

export const normalizationGradients: Readonly<Record<string, GradientRule>> = {
  BatchNormalization: batchNormalization,
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  LRN: lrn,
  LayerNormalization: layerNormalization,
};
