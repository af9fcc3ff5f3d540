/**
 * @file Normalisations over channels, alone (LayerNormalization, RMSNormalization) or behind a residual add
 * (SkipLayerNormalization). Moments are taken over the channels that are there, before a slice as after it.
 */
import { floatAttribute, intAttribute } from "../../graph/attributes.ts";
import type { Emitter } from "../../graph/emitter.ts";
import { codeOf } from "../../onnx/element-types.ts";
import { int64 } from "../../tensor/tensor.ts";
import { meetingBlocks } from "../broadcasting/index.ts";
import type { Couplings, Fact, InferCall, MaskCall, Operator } from "../operator.ts";
import { presentMean } from "../present-mean.ts";
import { blockFor, fromFront, likeFirst, shapeOf } from "../shapes.ts";

/** Where an operator keeps its inputs, and what it does. */
interface Form {
  /** Subtracts the mean. */
  readonly centres: boolean;
  /** Inputs that are added up before anything else, the first one included. */
  readonly summed: readonly number[];
  readonly scale: number;
  readonly shift?: number;
  /** Output that tells the sum. */
  readonly sumOutput?: number;
}

function layerNorm(form: Form): Operator {
  return {
    infer: (call) => call.node.outputs.map((_, k) => inferOutput(form, call, k)),
    couple: (c) => coupleLayerNorm(form, c),
    masked: (call) => maskedLayerNorm(form, call),
  };
}

function inferOutput(form: Form, call: InferCall, output: number): Fact {
  const shape = shapeOf(call, 0);
  if (output === 0 || output === form.sumOutput) return likeFirst(call, shape);
  const first = shape && firstAxis(call.node, shape.length);
  const { dtype } = call.inputs[0] ?? {};
  // moments of what is kept in halves may be told in single precision
  return {
    ...(dtype === "float32" && { dtype }),
    shape: shape?.map((size, axis) => (axis < first! ? size : 1)),
  };
}

function coupleLayerNorm(form: Form, c: Couplings): void {
  const rank = c.inputs[0]?.shape?.length;
  const told = c.node.outputs.some((name, k) => name !== "" && k !== 0 && k !== form.sumOutput);
  if (rank === undefined || told) {
    const why = told ? `${c.node.opType} tells its moments` : "its rank is not known";
    for (let input = 0; input < c.node.inputs.length; input++) c.lockInput(input, why);
    return;
  }
  const operands = [...form.summed, form.scale, ...(form.shift === undefined ? [] : [form.shift])];
  const blocks = meetingBlocks(c, operands);
  for (let axis = firstAxis(c.node, rank); axis < rank; axis++) c.read(0, axis);
  for (const output of [0, ...(form.sumOutput === undefined ? [] : [form.sumOutput])])
    c.setOutput(output, blocks);
}

function firstAxis(node: InferCall["node"], rank: number): number {
  return fromFront(intAttribute(node, "axis", -1), rank);
}

/** The node written out, with moments over the channels that are there. */
function maskedLayerNorm(form: Form, call: MaskCall): void {
  const { node, inputs } = call;
  const rank = inputs[0]!.shape!.length;
  const first = firstAxis(node, rank);
  const axes = Array.from({ length: rank - first }, (_, k) => first + k);
  const summed = form.summed.filter((k) => (node.inputs[k] ?? "") !== "").map((k) => node.inputs[k]!);
  const sum = sumOf(call.emit, summed);
  call.finish(normalized(form, call, sum, axes), 0);
  if (form.sumOutput !== undefined) call.finish(sum, form.sumOutput);
}

function sumOf(emit: Emitter, [start, ...added]: readonly string[]): string {
  return added.reduce((total, next) => emit.node("Add", [total, next]), start!);
}

/** A sum of operands normalised over axes, over the channels that are there, and scaled and shifted. */
function normalized(
  form: Pick<Form, "centres" | "scale" | "shift">,
  call: MaskCall,
  sum: string,
  axes: readonly number[],
): string {
  const { node, emit, inputs } = call;
  const { dtype = "float32" } = inputs[form.scale] ?? {};
  const x = dtype === "float32" ? sum : emit.node("Cast", [sum], { to: codeOf("float32") });
  const meanOf = (name: string) => presentMean(call, name, axes, "float32");
  const centred = form.centres ? emit.node("Sub", [x, meanOf(x)]) : x;
  const power = emit.node("Add", [
    meanOf(emit.node("Mul", [centred, centred])),
    emit.scalar(floatAttribute(node, "epsilon", defaultEpsilon(node.opType))),
  ]);
  const normal = emit.node("Div", [centred, emit.node("Sqrt", [power])]);
  const like = dtype === "float32" ? normal : emit.node("Cast", [normal], { to: codeOf(dtype) });
  const scaled = withOperand(emit, "Mul", like, node.inputs[form.scale]);
  return withOperand(emit, "Add", scaled, form.shift === undefined ? undefined : node.inputs[form.shift]);
}

/** The default of every form but those of onnxruntime that follow a residual add is the same. */
function defaultEpsilon(opType: string): number {
  return opType.startsWith("Skip") || opType.startsWith("Embed") ? 1e-12 : 1e-5;
}

function withOperand(emit: Emitter, opType: string, value: string, operand: string | undefined): string {
  return operand === undefined || operand === "" ? value : emit.node(opType, [value, operand]);
}

const rootMeanSquare = layerNorm({ centres: false, summed: [0], scale: 1 });

export const layerNorms: Readonly<Record<string, Operator>> = {
  LayerNormalization: layerNorm({ centres: true, summed: [0], scale: 1, shift: 2 }),
  RMSNormalization: rootMeanSquare,
  SimplifiedLayerNormalization: rootMeanSquare,
};

/** Words, positions and segments looked up, added and normalised: inputs of EmbedLayerNormalization. */
const tables = { words: 2, positions: 3, segments: 4, scale: 5, shift: 6 } as const;

const embedLayerNorm: Operator = {
  infer: (call) => {
    const [batch, tokens] = shapeOf(call, 0) ?? [];
    const { dtype, shape } = call.inputs[tables.words] ?? {};
    const embedded = { dtype, shape: shape && [batch, tokens, shape[1]] };
    const all = [embedded, { dtype: "int32" as const, shape: [batch] }, embedded];
    return call.node.outputs.map((_, k) => all[k]!);
  },
  couple: (c) => {
    const width = c.isConstant(tables.words) ? c.produce(tables.words, 1) : c.labelsOf(tables.words, 1);
    for (const input of [tables.positions, tables.segments])
      if ((c.node.inputs[input] ?? "") !== "") c.unify(width, c.labelsOf(input, 1));
    for (const input of [tables.scale, tables.shift]) c.unify(width, c.labelsOf(input, 0));
    for (const output of [0, 2]) c.setOutput(output, blockFor(2, width));
    c.readInside(0, 2);
  },
  masked: (call) => {
    const { node, emit } = call;
    const look = (table: number, ids: string) =>
      (node.inputs[table] ?? "") === "" || ids === ""
        ? []
        : [emit.node("Gather", [node.inputs[table]!, ids], { axis: 0 })];
    const own = node.inputs[8] ?? "";
    const sum = sumOf(emit, [
      ...look(tables.words, node.inputs[0]!),
      ...look(tables.positions, own === "" ? countedPlaces(emit, node.inputs[0]!) : own),
      ...look(tables.segments, node.inputs[1] ?? ""),
    ]);
    const inside = { ...call, masks: call.masks.map((mask) => ({ ...mask, input: 0 })) };
    call.finish(normalized({ centres: true, scale: tables.scale, shift: tables.shift }, inside, sum, [2]), 0);
    call.finish(sum, 2);
  },
};

/** Positions 0, 1, ... of the tokens of [N, T], shape [1, T]. */
function countedPlaces(emit: Emitter, ids: string): string {
  const length = emit.node("Gather", [emit.node("Shape", [ids]), emit.constant(int64([], [1]))], { axis: 0 });
  const [start, step] = [0, 1].map((value) => emit.constant(int64([], [value])));
  return emit.node("Reshape", [emit.node("Range", [start!, length, step!]), emit.ints([1, -1])]);
}

/** Of onnxruntime's own operator set. */
export const skipLayerNorms: Readonly<Record<string, Operator>> = {
  EmbedLayerNormalization: embedLayerNorm,
  SkipLayerNormalization: layerNorm({ centres: true, summed: [0, 1, 4], scale: 2, shift: 3, sumOutput: 3 }),
  SkipSimplifiedLayerNormalization: layerNorm({ centres: false, summed: [0, 1, 3], scale: 2, sumOutput: 3 }),
  SimplifiedLayerNormalization: rootMeanSquare,
};
