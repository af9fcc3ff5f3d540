/**
 * @file Writes sizes that are computed at run time (Shape, Gather, Concat ... chains) down as constants, where their
 * values are known. After that, rewriting a size is replacing a constant, and a number derived from a channel count
 * (such as a scale) keeps the value it had.
 */
import { type Model, type StoredTensor, stored } from "../graph/model.ts";
import type { Facts } from "../ops/infer.ts";
import type { Fact } from "../ops/operator.ts";
import { isFloat } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Values that come from constants alone are left as they are; values that come from Shape or Size are
 * folded, except tables of floats (masks made by size): those would pass for weights, and follow from what is folded.
 * The returned facts know the new constants as well.
 * @param changing Values that are left as they are computed, since they will have other sizes.
 */
export function foldSizes(
  model: Model,
  facts: Facts,
  changing: Pick<ReadonlySet<string>, "has"> = new Set(),
): { readonly model: Model; readonly facts: Facts } {
  const fromSizes = new Set<string>();
  const folded = new Map<string, StoredTensor>();
  const replaced = new Map<string, string>();
  const nodes = model.graph.nodes.map((node) => {
    const derived =
      node.opType === "Shape" || node.opType === "Size" || node.inputs.some((name) => fromSizes.has(name));
    for (const name of derived ? node.outputs : []) {
      fromSizes.add(name);
      const constant = facts.get(name)?.constant;
      if (constant === undefined || isTable(constant) || changing.has(name)) continue;
      const fresh = `${name}_folded`;
      folded.set(fresh, stored(constant));
      replaced.set(name, fresh);
    }
    if (!node.inputs.some((name) => replaced.has(name))) return node;
    return { ...node, inputs: node.inputs.map((name) => replaced.get(name) ?? name) };
  });
  const initializers = new Map([...model.graph.initializers, ...folded]);
  const renamed = [...replaced].map(([name, fresh]): [string, Fact] => [fresh, facts.get(name)!]);
  return {
    model: { ...model, graph: { ...model.graph, nodes, initializers } },
    facts: new Map([...facts, ...renamed]),
  };
}

function isTable({ dtype, shape }: Tensor): boolean {
  return isFloat(dtype) && shape.length > 0;
}
