/** @file Finds weights that are not numbers before anything is computed with them. */
import { isFloat } from "../tensor/dtype.ts";
import { type Tensor, toNumbers } from "../tensor/tensor.ts";
import type { Graph, Model } from "./model.ts";
import { subgraphsOf } from "./traversal.ts";

/** The first element that is not finite. */
export interface NonFinite {
  readonly initializer: string;
  /** Position in row-major order. */
  readonly index: number;
  /** NaN, Infinity or -Infinity. */
  readonly value: number;
}

/**
 * The first initializer with a NaN or an infinite element, subgraphs last; undefined when all are finite. An infinite
 * tensor of one element passes: such are bounds (of Clip, for example) and not weights.
 * Loads every floating-point initializer, one after the other.
 */
export function findNonFinite(model: Model): NonFinite | undefined {
  return search(model.graph);
}

function search(graph: Graph): NonFinite | undefined {
  for (const [initializer, stored] of graph.initializers) {
    if (!isFloat(stored.dtype)) continue;
    const found = firstNonFinite(stored.load());
    if (found !== undefined) return { initializer, ...found };
  }
  for (const subgraph of graph.nodes.flatMap(subgraphsOf)) {
    const found = search(subgraph);
    if (found !== undefined) return found;
  }
  return undefined;
}

function firstNonFinite(source: Tensor): Omit<NonFinite, "initializer"> | undefined {
  const plain = source.data instanceof Float32Array || source.data instanceof Float64Array;
  const values = plain ? (source.data as Float32Array | Float64Array) : toNumbers(source);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (Number.isNaN(value) || (!Number.isFinite(value) && values.length > 1)) return { index, value };
  }
  return undefined;
}
