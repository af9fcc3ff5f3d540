/**
 * @file Conv and ConvTranspose, 1D to 3D, grouped, depthwise and dilated. Their weights are where channels come
 * from; their reads are where absent channels have to be silent.
 */
import { intAttribute, intsAttribute, stringAttribute, withAttributes } from "../../graph/attributes.ts";
import { addDims, multiplyDims, windowedDim } from "../../graph/dims.ts";
import type { Dim, Node } from "../../graph/model.ts";
import { sizeOf, type Tensor, takeAlong } from "../../tensor/tensor.ts";
import type { CostTerm, Couplings, Fact, InferCall, Operator, SliceCall } from "../operator.ts";
import { blockFor, groupsOf, likeFirst, shapeOf } from "../shapes.ts";
import { coupleSliding, isMixed, sliceSliding } from "./along-channels.ts";

interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly autoPad: string;
}

function windowOf(node: Node, kernel: readonly number[]): Window {
  const axes = kernel.length;
  return {
    kernel,
    strides: intsAttribute(node, "strides") ?? new Array<number>(axes).fill(1),
    dilations: intsAttribute(node, "dilations") ?? new Array<number>(axes).fill(1),
    pads: intsAttribute(node, "pads") ?? new Array<number>(2 * axes).fill(0),
    autoPad: stringAttribute(node, "auto_pad", "NOTSET"),
  };
}

function convSpatial(size: Dim, axis: number, w: Window): Dim {
  const extent = w.dilations[axis]! * (w.kernel[axis]! - 1) + 1;
  const stride = w.strides[axis]!;
  if (w.autoPad.startsWith("SAME")) return windowedDim(size, 0, 1, stride, false);
  const pad = w.autoPad === "VALID" ? 0 : w.pads[axis]! + w.pads[axis + w.kernel.length]!;
  return windowedDim(size, pad, extent, stride, false);
}

function inferConv(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const w = shapeOf(call, 1);
  if (x === undefined || w === undefined || w.slice(2).some((dim) => typeof dim !== "number")) {
    return [likeFirst(call, undefined)];
  }
  const window = windowOf(call.node, w.slice(2) as number[]);
  return [likeFirst(call, [x[0], w[0], ...x.slice(2).map((size, axis) => convSpatial(size, axis, window))])];
}

function inferConvTranspose(call: InferCall): readonly Fact[] {
  const x = shapeOf(call, 0);
  const w = shapeOf(call, 1);
  if (x === undefined || w === undefined || w.slice(2).some((dim) => typeof dim !== "number")) {
    return [likeFirst(call, undefined)];
  }
  const window = windowOf(call.node, w.slice(2) as number[]);
  const axes = window.kernel.length;
  const extra = intsAttribute(call.node, "output_padding") ?? new Array<number>(axes).fill(0);
  const given = intsAttribute(call.node, "output_shape");
  const spatial = x.slice(2).map((size, axis): Dim => {
    if (given !== undefined) return given.slice(-axes)[axis];
    const stretched = multiplyDims(size, window.strides[axis]!);
    const extent = window.dilations[axis]! * (window.kernel[axis]! - 1) + 1;
    if (window.autoPad.startsWith("SAME")) {
      // where the stride exceeds the window there is nothing to pad away
      return addDims(stretched, Math.min(0, extent + extra[axis]! - window.strides[axis]!));
    }
    const pad = window.autoPad === "VALID" ? 0 : window.pads[axis]! + window.pads[axis + axes]!;
    return addDims(stretched, extent - window.strides[axis]! - pad + extra[axis]!);
  });
  return [likeFirst(call, [x[0], multiplyDims(w[1], groupsOf(call.node)), ...spatial])];
}

/** MACs: output positions (input positions when transposed) times the size of the weights. */
function convMacs(positionsOf: "input" | "output") {
  return (call: InferCall & { readonly outputs: readonly (Fact | undefined)[] }): readonly CostTerm[] => {
    const weights = call.inputs[1]?.shape;
    if (weights === undefined) return [];
    const value = positionsOf === "output" ? call.node.outputs[0]! : call.node.inputs[0]!;
    const spatial = weights
      .slice(2)
      .map((_, axis) => ({ value, axis: axis + 2, isWhole: weights[axis + 2] !== 1 }));
    const channels = [0, 1].map((axis) => ({ value: call.node.inputs[1]!, axis }));
    return [{ coefficient: sizeOf(weights.slice(2) as number[]), axes: [...channels, ...spatial] }];
  };
}

/** Which axis of the weights runs over output channels, and which over input channels (of one group). */
interface WeightLayout {
  readonly out: 0 | 1;
  readonly into: 0 | 1;
}

function coupleConv(layout: WeightLayout) {
  return (c: Couplings): void => {
    const groups = groupsOf(c.node);
    if (c.inputs[0]?.shape === undefined || c.inputs[1]?.shape === undefined) {
      c.lockInput(0, "its shape is not known");
      c.lockInput(1, "the shape it is used with is not known");
      return;
    }
    const channels = c.labelsOf(0, 1);
    const outputs =
      groups === 1 && c.knownCut === undefined
        ? coupleDense(c, layout, channels)
        : coupleGrouped(c, layout, channels, groups);
    if ((c.node.inputs[2] ?? "") !== "") c.unify(c.labelsOf(2, 0), outputs);
    if ((c.node.inputs[3] ?? "") !== "") c.unify(c.labelsOf(3, 1), outputs); // FusedConv adds it to the result
    c.setOutput(0, [
      ...blockFor(1, outputs),
      ...c.blocksOf(0).filter(({ axes }) => axes.every((a) => a === 0)),
      ...coupleSliding(c),
    ]);
  };
}

function coupleDense(
  c: Couplings,
  layout: WeightLayout,
  channels: Int32Array | undefined,
): Int32Array | undefined {
  c.unify(channels, c.labelsOf(1, layout.into), "the weights read a channel that is fixed");
  c.read(0, 1);
  return c.isConstant(1) ? c.produce(1, layout.out) : c.labelsOf(1, layout.out);
}

/**
 * Grouped convolutions. With one input channel per group (depthwise, with any multiplier) an input channel and its
 * outputs are one channel, unless it is what is left of larger blocks. Otherwise blocks go whole, or equally many channels
 * have to stay in every block; which ones is free where the weights are stored, since each block's share of them is then
 * cut for itself.
 */
function coupleGrouped(
  c: Couplings,
  layout: WeightLayout,
  channels: Int32Array | undefined,
  groups: number,
): Int32Array | undefined {
  const inputChannels = c.inputs[0]!.shape![1];
  const weights = c.inputs[1]!.shape!;
  if (typeof inputChannels !== "number" || weights.some((size) => typeof size !== "number")) {
    c.lock(channels, "a grouped convolution of unknown sizes reads it");
    c.lockInput(1, "it is the weight of a grouped convolution of unknown sizes");
    return undefined;
  }
  if (inputChannels === groups && c.knownCut === undefined) {
    const outputChannels = (weights[layout.out] as number) * (layout.out === 0 ? 1 : groups);
    return coupleDepthwise(c, layout, channels, outputChannels / groups);
  }
  if (c.takeCut() === "blocks") return coupleBlocks(c, layout, channels, groups);
  if (channels !== undefined) c.balance(channels, groups);
  c.read(0, 1);
  if (layout.out === 1) return coupleTransposedGroups(c, channels, groups);
  const outputs = c.isConstant(1) ? c.produce(1, 0) : c.labelsOf(1, 0);
  if (outputs !== undefined) c.balance(outputs, groups);
  if (c.isStored(1)) c.countsOf(1, 1, channels, groups);
  else coupleSharedColumns(c, channels, groups);
  return outputs;
}

/** All channels of a block, those that go in and those that come out, are one channel. */
function coupleBlocks(
  c: Couplings,
  layout: WeightLayout,
  channels: Int32Array | undefined,
  groups: number,
): Int32Array | undefined {
  const rows = c.labelsOf(1, 0);
  if (channels === undefined || rows === undefined) {
    c.lock(channels ?? rows, "it belongs to a block that is fixed");
    return undefined;
  }
  const each = channels.length / groups;
  const firsts = Int32Array.from({ length: groups }, (_, group) => channels[group * each]!);
  c.unify(channels, repeatEach(firsts, each));
  if (layout.out === 0) {
    c.unify(rows, repeatEach(firsts, rows.length / groups));
    return rows;
  }
  c.unify(rows, channels);
  return repeatEach(firsts, c.inputs[1]!.shape![1] as number);
}

/** Computed weights [out, in / groups] are cut along whole columns, so the groups lose their channels in the same places. */
function coupleSharedColumns(c: Couplings, channels: Int32Array | undefined, groups: number): void {
  const columns = c.labelsOf(1, 1);
  if (channels === undefined || columns === undefined) {
    c.unify(channels, columns, "the grouped convolution reads a channel that is fixed");
    return;
  }
  for (let group = 0; group < groups; group++)
    c.unify(columns, channels.subarray(group * columns.length, (group + 1) * columns.length));
}

/** Weights [in, out / groups] of a transposed convolution: the groups make their channels from the same columns. */
function coupleTransposedGroups(
  c: Couplings,
  channels: Int32Array | undefined,
  groups: number,
): Int32Array | undefined {
  c.unify(channels, c.labelsOf(1, 0), "the weights read a channel that is fixed");
  const columns = c.isConstant(1) ? c.produce(1, 1) : c.labelsOf(1, 1);
  return (
    columns && Int32Array.from({ length: columns.length * groups }, (_, k) => columns[k % columns.length]!)
  );
}

function coupleDepthwise(
  c: Couplings,
  layout: WeightLayout,
  channels: Int32Array | undefined,
  multiplier: number,
): Int32Array | undefined {
  const rows = c.labelsOf(1, 0);
  if (channels === undefined) {
    c.lock(rows, "it belongs to a channel that is fixed");
    return undefined;
  }
  const repeated = multiplier === 1 ? channels : repeatEach(channels, multiplier);
  c.unify(layout.out === 0 ? repeated : channels, rows);
  return repeated;
}

function repeatEach(labels: Int32Array, times: number): Int32Array {
  const out = new Int32Array(labels.length * times);
  for (let at = 0; at < out.length; at++) out[at] = labels[Math.floor(at / times)]!;
  return out;
}

function sliceConv(call: SliceCall): Node {
  const groups = groupsOf(call.node);
  for (let axis = 2; axis < (call.inputs[0]?.shape?.length ?? 0); axis++) {
    const kept = call.keptOfInput(0, axis);
    if (kept !== undefined && isMixed(call, axis)) return sliceSliding(call, axis, kept);
  }
  const inputChannels = call.inputs[0]?.shape?.[1];
  if (groups === 1 || inputChannels === undefined) return call.node; // what is not known is locked
  const kept = call.keptOfInput(0, 1);
  if (inputChannels === groups) return withBlocks(call, kept);
  const keptOut = call.keptOfOutput(0, 1);
  const weights = call.constant(1);
  if (weights !== undefined && (kept !== undefined || keptOut !== undefined))
    call.replaceInput(1, groupedWeights(weights, groups, kept, keptOut));
  return withBlocks(call, kept);
}

/** The number of blocks that still have a channel. */
function withBlocks(call: SliceCall, kept: Int32Array | undefined): Node {
  if (kept === undefined) return call.node;
  const each = (call.inputs[0]!.shape![1] as number) / groupsOf(call.node);
  const blocks = new Set(kept.map((channel) => Math.floor(channel / each)));
  return withAttributes(call.node, { group: { kind: "int", value: blocks.size } });
}

/** Weights [out, in / groups, ...] of a grouped convolution cut to the channels that stay in each group. */
function groupedWeights(
  weights: Tensor,
  groups: number,
  keptIn: Int32Array | undefined,
  keptOut: Int32Array | undefined,
): Tensor {
  const [outputs, perGroup] = weights.shape as [number, number];
  const inputs = keptIn ?? Int32Array.from({ length: perGroup * groups }, (_, k) => k);
  const rows = keptOut ?? Int32Array.from({ length: outputs }, (_, k) => k);
  const blocks = Array.from({ length: groups }, (_, group) => {
    const columns = inputs.filter((k) => Math.floor(k / perGroup) === group).map((k) => k - group * perGroup);
    const own = rows.filter((k) => Math.floor(k / (outputs / groups)) === group);
    return takeAlong(takeAlong(weights, 0, own), 1, columns);
  });
  return concatRows(blocks.filter(({ shape }) => shape[0] !== 0));
}

function concatRows(parts: readonly Tensor[]): Tensor {
  const first = parts[0]!;
  const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
  const data = new (first.data.constructor as new (length: number) => Tensor["data"])(
    parts.reduce((sum, part) => sum + part.data.length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    data.set(part.data as never, offset);
    offset += part.data.length;
  }
  return { dtype: first.dtype, shape: [rows, ...first.shape.slice(1)], data };
}

/** Offsets and weights of places are shared by all channels, which are then free as in an ordinary convolution. */
function coupleDeformable(c: Couplings): void {
  const isShared = groupsOf(c.node) === 1 && intAttribute(c.node, "offset_group", 1) === 1;
  const channels = isShared ? c.labelsOf(0, 1) : undefined;
  if (c.inputs[0]?.shape === undefined || c.inputs[1]?.shape === undefined || !isShared) {
    for (const input of [0, 1, 3]) c.lockInput(input, "a grouped deformable convolution reads it");
    return;
  }
  for (const input of [2, 4]) c.lockInput(input, "it moves what a deformable convolution reads");
  const outputs = coupleDense(c, { out: 0, into: 1 }, channels);
  if ((c.node.inputs[3] ?? "") !== "") c.unify(c.labelsOf(3, 0), outputs);
  c.setOutput(0, blockFor(1, outputs));
}

function inferDeformable(call: InferCall): readonly Fact[] {
  return [
    likeFirst(call, [
      shapeOf(call, 0)?.[0],
      shapeOf(call, 1)?.[0],
      ...(shapeOf(call, 2)?.slice(2) ?? [undefined, undefined]),
    ]),
  ];
}

const conv: Operator = {
  infer: inferConv,
  macs: convMacs("output"),
  couple: coupleConv({ out: 0, into: 1 }),
  slice: sliceConv,
};

export const convolution: Readonly<Record<string, Operator>> = {
  Conv: conv,
  DeformConv: { infer: inferDeformable, macs: convMacs("output"), couple: coupleDeformable },
  ConvTranspose: {
    infer: inferConvTranspose,
    macs: convMacs("input"),
    couple: coupleConv({ out: 1, into: 0 }),
    slice: (call) => {
      const kept = call.keptOfInput(0, 1);
      if (groupsOf(call.node) === 1 || call.inputs[0]?.shape?.[1] === undefined) return call.node;
      return withBlocks(call, kept);
    },
  },
};

/** Of onnxruntime's own operator set: a convolution, an addition and an activation in one, as its optimizer writes them. */
export const contribConvolution: Readonly<Record<string, Operator>> = { FusedConv: conv };

/** Kernel extents of a pooling or convolution node that states them as an attribute. */
export function kernelShape(node: Node): readonly number[] | undefined {
  return intsAttribute(node, "kernel_shape");
}

/** Whether sizes round up. */
export function ceilMode(node: Node): boolean {
  return intAttribute(node, "ceil_mode", 0) === 1;
}
