/**
 * @file Normalisations over groups of channels. As in a grouped convolution, equally many channels of every group go, or
 * whole groups; moments are taken over the channels that are there. A single group is a norm over all channels, and
 * groups of one channel are norms of each channel by itself.
 */
import { floatAttribute, intAttribute, withAttributes } from "../../graph/attributes.ts";
import type { Emitter } from "../../graph/emitter.ts";
import { type Node, stored } from "../../graph/model.ts";
import { codeOf } from "../../onnx/element-types.ts";
import { fromNumbers } from "../../tensor/tensor.ts";
import type { Couplings, Labels, MaskCall, Operator, SliceCall } from "../operator.ts";
import { reduced } from "../present-mean.ts";
import { likeFirst, passThrough, shapeOf } from "../shapes.ts";

/** Where an operator keeps its channels, and how it is told its groups. */
interface Form {
  /** Attribute with the number of groups. */
  readonly groups: string;
  /** Whether channels lie on the last axis; else they lie on axis 1. */
  readonly isLast: (node: Node) => boolean;
  /** Whether scale and shift have an entry for each group; else they have one for each channel. */
  readonly isByGroup: (opset: number) => boolean;
  /** Whether the result goes through x · sigmoid(x). */
  readonly isGated: (node: Node) => boolean;
}

function groupNorm(form: Form): Operator {
  return {
    infer: (call) => [likeFirst(call, shapeOf(call, 0))],
    couple: (c) => coupleGroupNorm(form, c),
    slice: (call) => sliceGroupNorm(form, call),
    masked: (call) => maskedGroupNorm(form, call),
  };
}

function channelAxis(form: Form, node: Node, rank: number): number {
  return form.isLast(node) ? rank - 1 : 1;
}

function coupleGroupNorm(form: Form, c: Couplings): void {
  const groups = intAttribute(c.node, form.groups, 0);
  const shape = c.inputs[0]?.shape;
  const axis = channelAxis(form, c.node, shape?.length ?? 0);
  const size = shape?.[axis];
  if (shape === undefined || typeof size !== "number" || groups < 1) {
    for (let input = 0; input < c.node.inputs.length; input++) c.lockInput(input, "its groups are not known");
    return;
  }
  for (let other = 1; other < shape.length; other++)
    if (other !== axis) c.lock(c.labelsOf(0, other), `${c.node.opType} mixes over it`);
  const channels = c.labelsOf(0, axis);
  const each = size / groups;
  const firsts = channels?.filter((_, k) => k % each === 0);
  const losesGroups = channels !== undefined && cutGroups(c, axis, channels, groups);
  for (const input of [1, 2]) {
    if (!form.isByGroup(c.opset)) c.unify(channels, c.labelsOf(input, 0));
    else if (losesGroups) c.unify(firsts, c.labelsOf(input, 0));
    else c.lockInput(input, "it belongs to a group of channels that stays");
  }
  passThrough(c);
}

/** Says what goes: channels of every group, where false is returned, or groups as a whole. */
function cutGroups(c: Couplings, axis: number, channels: Labels, groups: number): boolean {
  const each = channels.length / groups;
  if (c.knownCut === undefined) {
    if (each === 1) return true;
    if (groups === 1) {
      c.read(0, axis);
      return false;
    }
  }
  if (c.takeCut() === "blocks") {
    c.unify(
      channels,
      channels.map((_, k) => channels[k - (k % each)]!),
    );
    return true;
  }
  c.balance(channels, groups);
  c.read(0, axis);
  return false;
}

/** The number of groups that still have a channel. */
function sliceGroupNorm(form: Form, call: SliceCall): Node {
  const shape = call.inputs[0]?.shape;
  const axis = channelAxis(form, call.node, shape?.length ?? 0);
  const kept = call.keptOfInput(0, axis);
  if (kept === undefined) return call.node;
  const each = (shape![axis] as number) / intAttribute(call.node, form.groups, 1);
  const left = new Set(kept.map((channel) => Math.floor(channel / each)));
  return withAttributes(call.node, { [form.groups]: { kind: "int", value: left.size } });
}

/**
 * A value with its groups apart: [N, groups, elements of a group], or [N, positions, groups, channels of a group]. Scale
 * and shift of a group have the shape `perGroup`, those of a channel `perChannel` in a value that is whole again.
 */
interface Apart {
  readonly shape: readonly number[];
  readonly mixed: readonly number[];
  readonly perGroup: readonly number[];
  readonly perChannel: readonly number[];
}

function apart(form: Form, { node, inputs }: MaskCall): Apart {
  const shape = inputs[0]!.shape!;
  const groups = intAttribute(node, form.groups, 1);
  if (form.isLast(node)) {
    const each = (shape.at(-1) as number) / groups;
    return { shape: [0, -1, groups, each], mixed: [1, 3], perGroup: [groups, 1], perChannel: [-1] };
  }
  const perChannel = [-1, ...shape.slice(2).map(() => 1)];
  return { shape: [0, groups, -1], mixed: [2], perGroup: [groups, 1], perChannel };
}

/** The node written out, with moments over the channels that are there. */
function maskedGroupNorm(form: Form, call: MaskCall): void {
  const { node, emit, inputs, masks } = call;
  const { shape, mixed, perGroup, perChannel } = apart(form, call);
  const split = (name: string) => emit.node("Reshape", [name, emit.ints(shape)]);
  const sumOf = (name: string) => reduced(call, "ReduceSum", name, mixed);
  const dtype = inputs[0]?.dtype ?? "float32";
  const input = node.inputs[0]!;
  const whole = dtype === "float32" ? input : emit.node("Cast", [input], { to: codeOf("float32") });
  const ones = emit.node("ConstantOfShape", [emit.node("Shape", [input])], { value: one });
  const there = split(masks.reduce((name, mask) => mask.times(name, "float32"), ones));
  const x = split(whole);
  const count = emit.node("Max", [sumOf(there), emit.scalar(1)]);
  const meanOf = (name: string) => emit.node("Div", [sumOf(emit.node("Mul", [name, there])), count]);
  const centred = emit.node("Sub", [x, meanOf(x)]);
  const epsilon = emit.scalar(floatAttribute(node, "epsilon", 1e-5));
  const variance = emit.node("Add", [meanOf(emit.node("Mul", [centred, centred])), epsilon]);
  const normal = emit.node("Div", [centred, emit.node("Sqrt", [variance])]);
  const joined = (name: string) => emit.node("Reshape", [name, emit.node("Shape", [input])]);
  const own = (k: number) => parameter(emit, call, k, form.isByGroup(call.opset) ? perGroup : perChannel);
  const scaled = (name: string) => emit.node("Add", [emit.node("Mul", [name, own(1)]), own(2)]);
  const out = form.isByGroup(call.opset) ? joined(scaled(normal)) : scaled(joined(normal));
  const gated = form.isGated(node) ? emit.node("Mul", [out, emit.node("Sigmoid", [out])]) : out;
  call.finish(dtype === "float32" ? gated : emit.node("Cast", [gated], { to: codeOf(dtype) }));
}

const one = { kind: "tensor", value: stored(fromNumbers("float32", [1], [1])) } as const;

function parameter(
  emit: Emitter,
  { node, inputs }: MaskCall,
  input: number,
  shape: readonly number[],
): string {
  const name = emit.node("Reshape", [node.inputs[input]!, emit.ints(shape)]);
  return inputs[input]?.dtype === "float32" ? name : emit.node("Cast", [name], { to: codeOf("float32") });
}

/** Scale and shift for each group up to operator set 20, for each channel since. */
export const standardGroupNorm: Operator = groupNorm({
  groups: "num_groups",
  isLast: () => false,
  isByGroup: (opset) => opset < 21,
  isGated: () => false,
});

/** Of onnxruntime's own operator set: channels last unless it says otherwise, with an activation in it. */
export const contribGroupNorm: Operator = groupNorm({
  groups: "groups",
  isLast: (node) => intAttribute(node, "channels_last", 1) === 1,
  isByGroup: () => false,
  isGated: (node) => intAttribute(node, "activation", 0) === 1,
});
