/** @file Convolutions of every channel by itself: the parts of all channels from one row, for the work of one. */
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Model, Node } from "../graph/model.ts";
import { float32 } from "../tensor/tensor.ts";

/**
 * Where masks multiply an input of the model on its way into convolutions, the channels need not be tried one by one: a
 * convolution of every channel by itself makes all their parts at once, from a single row and for the work of one.
 * @returns The same values, without mask inputs and from one row of every other input; undefined where the model is
 *   built otherwise.
 */
export function separateChannels(front: Model, mask: string): Model | undefined {
  const { graph, opsets } = front;
  const opset = opsets.get("") ?? 1;
  if (opset < firstReshapeByInput) return undefined;
  const shaped = graph.nodes.filter(({ inputs }) => inputs.includes(mask));
  const [reshape] = shaped;
  if (shaped.length !== 1 || reshape!.opType !== "Reshape") return undefined;
  const factor = reshape!.outputs[0]!;
  const inputs = new Set(graph.inputs.map(({ name }) => name).filter((name) => name !== mask));
  const emit = emitterFor(graph, "channels_");
  /** Masked values and what they are without the mask. */
  const masked = new Map<string, string>();
  /** Values with a row for every channel. */
  const many = new Set<string>();
  for (const node of graph.nodes) {
    if (node === reshape) continue;
    const [a, b] = node.inputs;
    if (node.inputs.includes(factor)) {
      const source = a === factor ? b! : a!;
      if (node.opType !== "Mul" || !inputs.has(source)) return undefined;
      masked.set(node.outputs[0]!, source);
    } else if (node.inputs.some((name) => masked.has(name))) {
      const weight = graph.initializers.get(node.inputs[1] ?? "");
      const source = masked.get(a!);
      const group = node.attributes.get("group");
      const isWhole = group === undefined || (group.kind === "int" && Number(group.value) === 1);
      if (node.opType !== "Conv" || !isWhole || source === undefined) return undefined;
      if (weight === undefined || !("load" in weight) || weight.dtype !== "float32") return undefined;
      const parts = partsOf(emit, node, source, weight.load().data as Float32Array, weight.shape);
      afterNone(emit, node, parts, weight.shape, opset);
      many.add(node.outputs[0]!);
    } else {
      const isMany = node.inputs.some((name) => many.has(name));
      if (isMany && !spreadsRows.has(node.opType)) return undefined;
      if (isMany) for (const name of node.outputs) many.add(name);
      emit.adopt(node);
    }
  }
  const initializers = new Map([...graph.initializers, ...emit.initializers]);
  const others = graph.inputs.filter(({ name }) => name !== mask);
  return { ...front, graph: { ...graph, nodes: emit.nodes, initializers, inputs: others } };
}

/** Operators that take one row for all rows of another input, or have no other. */
const spreadsRows: ReadonlySet<string> = new Set([
  "Add",
  "AveragePool",
  "BatchNormalization",
  "Div",
  "GlobalAveragePool",
  "Identity",
  "Mul",
  "Neg",
  "Sub",
]);

const firstReshapeByInput = 5;
const firstPadByInput = 11;

/** The part of each channel without a bias, [channels, ...]. */
function partsOf(
  emit: Emitter,
  node: Node,
  source: string,
  weight: Float32Array,
  shape: readonly number[],
): string {
  const [filters, channels, ...kernel] = shape as [number, number, ...number[]];
  const size = kernel.reduce((product, length) => product * length, 1);
  const turned = new Float32Array(weight.length);
  for (let filter = 0; filter < filters; filter++)
    for (let channel = 0; channel < channels; channel++) {
      const from = (filter * channels + channel) * size;
      turned.set(weight.subarray(from, from + size), (channel * filters + filter) * size);
    }
  const own = emit.constant(float32([channels * filters, 1, ...kernel], turned));
  const attributes = new Map([...node.attributes, ["group", { kind: "int", value: channels } as const]]);
  const conv = emit.unique("channels_conv");
  emit.adopt({ ...node, name: conv, inputs: [source, own], outputs: [conv], attributes });
  return emit.node("Reshape", [conv, emit.ints([channels, filters, ...kernel.map(() => 0)])]); // 0: as it is
}

/** No channel, then the part of each, [channels + 1, ...], in place of a convolution of all. */
function afterNone(
  emit: Emitter,
  node: Node,
  parts: string,
  [filters, , ...kernel]: readonly number[],
  opset: number,
): void {
  const pads = [1, ...new Array<number>(3 + 2 * kernel.length).fill(0)];
  const [output] = node.outputs;
  const [, , bias = ""] = node.inputs;
  const padded = bias === "" ? output! : emit.unique("channels_padded");
  const byInput = opset >= firstPadByInput;
  emit.adopt({
    name: padded,
    opType: "Pad",
    domain: "",
    inputs: byInput ? [parts, emit.ints(pads)] : [parts],
    outputs: [padded],
    attributes: byInput ? new Map() : new Map([["pads", { kind: "ints", value: pads } as const]]),
  });
  if (bias === "") return;
  const spread = emit.node("Reshape", [bias, emit.ints([1, filters!, ...kernel.map(() => 1)])]);
  const inputs = [padded, spread];
  emit.adopt({ name: output!, opType: "Add", domain: "", inputs, outputs: [output!], attributes: new Map() });
}
