/** @file Activations that follow from those another game keeps, which lie nearer than the inputs of the network. */
import type { Model } from "../graph/model.ts";
import { namesReadBy, producersOf } from "../graph/traversal.ts";
import type { Facts } from "../ops/infer.ts";
import { extract } from "../passes/extract.ts";
import type { ActivationCache } from "./activations.ts";

/** Where values are computed from. */
export interface Source {
  readonly cache: ActivationCache;
  /** Computes from what is kept the values that are not kept themselves. */
  readonly segment: Model;
}

/**
 * The first of some caches that has all that the values follow from; undefined where none has, and where all values are
 * kept themselves, since there would be nothing to compute.
 * @param values Names of values of the network.
 * @param caches Those nearest to the values first.
 */
export function sourceOf(
  model: Model,
  facts: Facts,
  values: readonly string[],
  caches: readonly ActivationCache[],
): Source | undefined {
  for (const cache of caches) {
    const kept = new Set(cache.values.map(({ name }) => name));
    const computed = values.filter((name) => !kept.has(name));
    if (computed.length === 0 || !follows(model, values, kept)) continue;
    return { cache, segment: extract(model, facts, [...kept], computed) };
  }
  return undefined;
}

/** Whether values can be computed from kept ones without going back to inputs of the network. */
function follows(model: Model, values: readonly string[], kept: ReadonlySet<string>): boolean {
  const producers = producersOf(model.graph);
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const seen = new Set(values);
  const open = [...values];
  while (open.length > 0) {
    const name = open.pop()!;
    if (kept.has(name)) continue;
    if (inputs.has(name)) return false;
    const node = producers.get(name);
    for (const read of node === undefined ? [] : namesReadBy(node)) {
      if (read === "" || seen.has(read)) continue;
      seen.add(read);
      open.push(read);
    }
  }
  return true;
}
