/** @file Which constants of a model are trained. */
import type { Graph } from "../graph/model.ts";
import { operatorOf } from "../ops/index.ts";
import { isFloat, type TypedArray } from "../tensor/dtype.ts";
import { sizeOf, toNumbers } from "../tensor/tensor.ts";

/** Operators that a weight of a single element may belong to; elsewhere one element is a factor of the arithmetic. */
const weighted = new Set(
  "Conv ConvTranspose Gemm MatMul BatchNormalization LayerNormalization InstanceNormalization GroupNormalization PRelu".split(
    " ",
  ),
);

/** Beyond this a constant stands for infinity (attention masks, bounds). */
const bounded = 1e6;

/**
 * Names of the float initializers with at least one axis that some node reads as a weight. Running statistics, bounds
 * and paddings are not among them, nor are constants of one element outside layers, nor those that stand for infinity.
 * @param freeze Names that stay as they are.
 */
export function trainableParameters(graph: Graph, freeze: (name: string) => boolean = () => false): string[] {
  const read = new Map<string, Set<string>>();
  for (const node of graph.nodes) {
    const auxiliary = operatorOf(node)?.auxiliaryInputs ?? [];
    node.inputs.forEach((name, input) => {
      if (!auxiliary.includes(input)) read.set(name, (read.get(name) ?? new Set()).add(node.opType));
    });
  }
  return [...graph.initializers].flatMap(([name, tensor]) => {
    const readers = read.get(name);
    if (readers === undefined || freeze(name) || !isFloat(tensor.dtype) || tensor.shape.length === 0)
      return [];
    const isFactor = sizeOf(tensor.shape) === 1 && ![...readers].some((opType) => weighted.has(opType));
    return isFactor || (!isLayer(readers) && standsForInfinity(toNumbers(tensor.load()))) ? [] : [name];
  });
}

function isLayer(readers: ReadonlySet<string>): boolean {
  return [...readers].some((opType) => weighted.has(opType));
}

function standsForInfinity(values: TypedArray): boolean {
  return (values as Float64Array).some((value) => !(Math.abs(value) <= bounded));
}
