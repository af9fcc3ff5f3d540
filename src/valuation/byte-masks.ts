/** @file Lets a model take masks as they come, a byte for each channel: the runtime turns them into numbers faster than a thread. */
import type { Model, Node } from "../graph/model.ts";
import { codeOf } from "../onnx/element-types.ts";

/** The input that carries a mask in bytes. */
export function bytesOf(mask: string): string {
  return `${mask}:bytes`;
}

/** The same model, with bytes as inputs in place of the masks named. */
export function takingBytes(model: Model, masks: readonly string[]): Model {
  const { graph } = model;
  const read = new Set(graph.inputs.map(({ name }) => name).filter((name) => masks.includes(name)));
  const inputs = graph.inputs.map((input) =>
    read.has(input.name) ? { ...input, name: bytesOf(input.name), dtype: "uint8" as const } : input,
  );
  const nodes = [...[...read].map(toFloats), ...graph.nodes];
  return { ...model, graph: { ...graph, inputs, nodes } };
}

function toFloats(mask: string): Node {
  const attributes = new Map([["to", { kind: "int", value: codeOf("float32") } as const]]);
  return { name: mask, opType: "Cast", domain: "", inputs: [bytesOf(mask)], outputs: [mask], attributes };
}
