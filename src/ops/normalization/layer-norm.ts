/**
 * @file Normalisations over channels, alone (LayerNormalization, RMSNormalization) or behind a residual add
 * (SkipLayerNormalization). Moments are taken over the channels that are there, before a slice as after it.
 */
import { floatAttribute, intAttribute } from "../../graph/attributes.ts";
import type { Emitter } from "../../graph/emitter.ts";
import { codeOf } from "../../onnx/element-types.ts";
import { meetingBlocks } from "../broadcasting/index.ts";
import type { Couplings, InferCall, MaskCall, Operator } from "../operator.ts";
import { presentMean } from "../present-mean.ts";
import { fromFront, likeFirst, shapeOf } from "../shapes.ts";

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

function inferOutput(form: Form, call: InferCall, output: number) {
  return output === 0 || output === form.sumOutput ? likeFirst(call, shapeOf(call, 0)) : {};
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
  const { node, emit, inputs } = call;
  const { dtype = "float32", shape } = inputs[0]!;
  const rank = shape!.length;
  const first = firstAxis(node, rank);
  const axes = Array.from({ length: rank - first }, (_, k) => first + k);
  const [start, ...added] = form.summed
    .filter((k) => (node.inputs[k] ?? "") !== "")
    .map((k) => node.inputs[k]!);
  const sum = added.reduce((total, next) => emit.node("Add", [total, next]), start!);
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
  call.finish(
    withOperand(emit, "Add", scaled, form.shift === undefined ? undefined : node.inputs[form.shift]),
    0,
  );
  if (form.sumOutput !== undefined) call.finish(sum, form.sumOutput);
}

/** The default of every form but those of onnxruntime that follow a residual add is the same. */
function defaultEpsilon(opType: string): number {
  return opType.startsWith("Skip") ? 1e-12 : 1e-5;
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

/** Of onnxruntime's own operator set. */
export const skipLayerNorms: Readonly<Record<string, Operator>> = {
  SkipLayerNormalization: layerNorm({ centres: true, summed: [0, 1, 4], scale: 2, shift: 3, sumOutput: 3 }),
  SkipSimplifiedLayerNormalization: layerNorm({ centres: false, summed: [0, 1, 3], scale: 2, sumOutput: 3 }),
  SimplifiedLayerNormalization: rootMeanSquare,
};
