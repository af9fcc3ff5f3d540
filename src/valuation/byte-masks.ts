/** @file Lets a model take masks as they come, a byte for each channel: the runtime turns them into numbers faster than a thread. */
import type { Model } from "../graph/model.ts";
import { castNode } from "./cast-node.ts";

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
  const casts = [...read].map((mask) => castNode(bytesOf(mask), mask, "float32"));
  const nodes = [...casts, ...graph.nodes];
  return { ...model, graph: { ...graph, inputs, nodes } };
}
