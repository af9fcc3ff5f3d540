/** @file Work of a model, from its shapes. */
import { factorsOf } from "../graph/dims.ts";
import type { Model } from "../graph/model.ts";
import { operatorOf } from "../ops/index.ts";
import { inferFacts } from "../ops/infer.ts";

/** What takes as long as so many multiply-accumulates, beside products, around a row of a game and around a gradient. Measured on LeNet-5. */
export const macsAround = { row: 10_000, gradient: 300_000 } as const;

/** Multiply-accumulates for one row. */
export function macsOf(model: Model): number {
  const facts = inferFacts(model);
  const factOf = (name: string) => facts.get(name);
  let total = 0;
  for (const node of model.graph.nodes) {
    const opset = model.opsets.get(node.domain) ?? 1;
    const call = { node, opset, inputs: node.inputs.map(factOf), outputs: node.outputs.map(factOf) };
    for (const { coefficient, axes } of operatorOf(node)?.macs?.(call) ?? []) {
      total += axes.reduce((product, { value, axis }) => {
        const size = factOf(value)?.shape?.[axis];
        return product * (size === undefined ? 1 : factorsOf(size).factor);
      }, coefficient);
    }
  }
  return total;
}
