/** @file Normalisations at inference: batch, instance, group, layer, and local response. */
import { floatAttribute, intAttribute } from "../../graph/attributes.ts";
import { fromNumbers, sizeOf, toNumbers } from "../../tensor/tensor.ts";
import type { Kernel, KernelCall } from "../kernel.ts";
import { broadcastPositions } from "../kernel-support/broadcast.ts";
import { axisOf, optionalNumbers, required, unsupported } from "../kernel-support/call.ts";

/** (x − mean) / sqrt(variance + epsilon) · scale + shift, per channel, with the stored statistics. */
const batchNormalization: Kernel = (call) => {
  const x = required(call, 0); // [N, C, ...]
  if (intAttribute(call.node, "training_mode", 0) !== 0) throw unsupported(call, "training mode");
  if (call.node.outputs.slice(1).some((name) => name !== "")) throw unsupported(call, "more than one output");
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((position) => toNumbers(required(call, position)));
  const epsilon = floatAttribute(call.node, "epsilon", 1e-5);
  const channels = x.shape[1] ?? 1;
  const inner = sizeOf(x.shape.slice(2));
  const out = toNumbers(x).map((value, at) => {
    const c = Math.floor(at / inner) % channels;
    return ((value - mean![c]!) / Math.sqrt(variance![c]! + epsilon)) * scale![c]! + shift![c]!;
  });
  return [fromNumbers(x.dtype, x.shape, out)];
};

/** Every channel of every example by its own mean and variance. */
const instanceNormalization: Kernel = (call) => {
  const x = required(call, 0); // [N, C, ...]
  const [scale, shift] = [toNumbers(required(call, 1)), toNumbers(required(call, 2))];
  const inner = sizeOf(x.shape.slice(2));
  const { values } = standardised(toNumbers(x), inner, floatAttribute(call.node, "epsilon", 1e-5));
  const out = values.map((value, at) => {
    const c = Math.floor(at / inner) % x.shape[1]!;
    return value * scale[c]! + shift[c]!;
  });
  return [fromNumbers(x.dtype, x.shape, out)];
};

/** Channels in groups, each by its mean and variance; scale and shift per group (opset 18) or channel (21). */
const groupNormalization: Kernel = (call) => {
  const x = required(call, 0); // [N, C, ...]
  const [scale, shift] = [toNumbers(required(call, 1)), toNumbers(required(call, 2))];
  const groups = intAttribute(call.node, "num_groups", 1);
  const channels = x.shape[1]!;
  const inner = sizeOf(x.shape.slice(2));
  const epsilon = floatAttribute(call.node, "epsilon", 1e-5);
  const { values } = standardised(toNumbers(x), (channels / groups) * inner, epsilon);
  const out = values.map((value, at) => {
    const c = Math.floor(at / inner) % channels;
    const parameter = call.opset >= 21 ? c : Math.floor((c * groups) / channels);
    return value * scale[parameter]! + shift[parameter]!;
  });
  return [fromNumbers(x.dtype, x.shape, out)];
};

/** All axes from `axis` on by their mean and variance; optional outputs are the mean and 1 / standard deviation. */
const layerNormalization: Kernel = (call) => {
  const x = required(call, 0);
  const scale = required(call, 1);
  const axis = axisOf(call, intAttribute(call.node, "axis", -1), x.shape.length);
  const inner = sizeOf(x.shape.slice(axis));
  const epsilon = floatAttribute(call.node, "epsilon", 1e-5);
  const { values, means, inverses } = standardised(toNumbers(x), inner, epsilon);
  const scaleAt = broadcastPositions(scale.shape, x.shape);
  const scales = toNumbers(scale);
  const shifts = optionalNumbers(call, 2);
  const shiftAt = broadcastPositions(call.inputs[2]?.shape ?? [], x.shape);
  const out = values.map((value, at) => value * scales[scaleAt[at]!]! + (shifts?.[shiftAt[at]!] ?? 0));
  const reduced = x.shape.map((size, a) => (a < axis ? size : 1));
  const statistics = [means, inverses].map((numbers) => fromNumbers("float32", reduced, numbers));
  return [fromNumbers(x.dtype, x.shape, out), ...statistics].slice(0, call.node.outputs.length);
};

/** x / (bias + alpha / size · sum of squares over `size` neighbouring channels) ^ beta. */
const lrn: Kernel = (call) => {
  const x = required(call, 0); // [N, C, ...]
  const { size, alpha, beta, bias } = lrnAttributes(call);
  const values = toNumbers(x);
  const channels = x.shape[1]!;
  const inner = sizeOf(x.shape.slice(2));
  const out = values.map((value, at) => {
    const c = Math.floor(at / inner) % channels;
    const first = Math.max(0, c - Math.floor((size - 1) / 2));
    const last = Math.min(channels - 1, c + Math.ceil((size - 1) / 2));
    let squares = 0;
    for (let other = first; other <= last; other++) squares += values[at + (other - c) * inner]! ** 2;
    return value / (bias + (alpha / size) * squares) ** beta;
  });
  return [fromNumbers(x.dtype, x.shape, out)];
};

function lrnAttributes({ node }: KernelCall): { size: number; alpha: number; beta: number; bias: number } {
  return {
    size: intAttribute(node, "size", 1),
    alpha: floatAttribute(node, "alpha", 1e-4),
    beta: floatAttribute(node, "beta", 0.75),
    bias: floatAttribute(node, "bias", 1),
  };
}

/** Consecutive runs of `length` elements, each shifted to mean 0 and scaled to variance 1 (population variance). */
function standardised(
  values: Float64Array,
  length: number,
  epsilon: number,
): { values: Float64Array; means: Float64Array; inverses: Float64Array } {
  const runs = length === 0 ? 0 : values.length / length;
  const means = new Float64Array(runs);
  const inverses = new Float64Array(runs);
  for (let run = 0; run < runs; run++) {
    const part = values.subarray(run * length, (run + 1) * length);
    const mean = part.reduce((sum, value) => sum + value, 0) / length;
    const variance = part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
    means[run] = mean;
    inverses[run] = 1 / Math.sqrt(variance + epsilon);
  }
  const out = values.map((value, at) => {
    const run = Math.floor(at / length);
    return (value - means[run]!) * inverses[run]!;
  });
  return { values: out, means, inverses };
}

export const normalizationKernels: Readonly<Record<string, Kernel>> = {
  BatchNormalization: batchNormalization,
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  LRN: lrn,
  LayerNormalization: layerNormalization,
};
