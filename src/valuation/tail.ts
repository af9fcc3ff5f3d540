/**
 * @file Cuts a network in two where masks begin: what comes before is computed once per example, what comes after is
 * run again for every row.
 */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { Model, Node } from "../graph/model.ts";
import { descendantsOf, namesReadBy, producersOf } from "../graph/traversal.ts";
import type { Facts } from "../ops/infer.ts";
import { batchOf, batchPlaces } from "../passes/batch-places.ts";
import { extract } from "../passes/extract.ts";
import { foldSizes } from "../passes/fold-sizes.ts";
import { insertMasks, maskInputName } from "../passes/insert-masks.ts";

export interface Tail {
  /** Computes the cached values from the inputs of the network; absent when the tail starts at the inputs. */
  readonly prefix: Model | undefined;
  readonly tail: Model;
  /** Values at the cut, inputs of the network among them, each with the batch as its first axis. */
  readonly cached: readonly string[];
  readonly facts: Facts;
}

/**
 * @param groups Indexes of the groups whose channels are the players.
 * @param output Name of the output the payoff is read from.
 * @throws {PrunerError} `group-not-maskable` when a channel is read where it is not known how the examples lie.
 */
export function cutTail(analysis: ChannelAnalysis, groups: readonly number[], output: string): Tail {
  const batch = batchOf(analysis.model, analysis.facts);
  checkReads(analysis, groups);
  const { model: whole, facts } = foldSizes(insertMasks(analysis, groups), analysis.facts);
  const masks = groups.map((group) => maskInputName(analysis.groups[group]!.id));
  const { cached, tailNodes } = frontier(whole, facts, masks, output, batch);
  const tail = extract(whole, facts, [...cached, ...masks], [output]);
  const inputs = new Set(whole.graph.inputs.map(({ name }) => name));
  const computed = cached.filter((name) => !inputs.has(name));
  const prefix = computed.length === 0 ? undefined : extract(analysis.model, analysis.facts, [], computed);
  if (tailNodes.size === 0)
    throw new PrunerError("group-not-maskable", {
      group: analysis.groups[groups[0]!]!.id,
      detail: `the output "${output}" does not depend on its channels`,
    });
  return { prefix, tail, cached, facts };
}

/** @throws {PrunerError} `group-not-maskable` when a channel is read where it is not known how the examples lie. */
export function checkReads(analysis: ChannelAnalysis, groups: readonly number[]): void {
  const { model, facts } = analysis;
  const batch = batchOf(model, facts);
  const places = batch === undefined ? undefined : batchPlaces(model.graph, facts, batch);
  for (const group of groups) {
    const { id, reads } = analysis.groups[group]!;
    for (const { value, node, axis } of reads) {
      const place = places?.get(value);
      if (place !== undefined && place.axis !== axis) continue;
      const detail = `"${node.name}" reads it where it is not known how the examples lie`;
      throw new PrunerError("group-not-maskable", { group: id, detail });
    }
  }
}

/**
 * The values to cache: what the nodes behind the masks read from nodes before them. A value that has no batch axis
 * (sizes computed at run time) cannot be cached by example, so its producers join the tail.
 */
function frontier(
  model: Model,
  facts: Facts,
  masks: readonly string[],
  output: string,
  batch: string | undefined,
): { readonly cached: string[]; readonly tailNodes: Set<Node> } {
  const producers = producersOf(model.graph);
  const inputs = new Set(model.graph.inputs.map(({ name }) => name));
  const behind = descendantsOf(model.graph, masks);
  const tailNodes = new Set<Node>();
  const cached = new Set<string>();
  const open = [output];
  while (open.length > 0) {
    const name = open.pop()!;
    if (name === "" || cached.has(name) || masks.includes(name) || model.graph.initializers.has(name))
      continue;
    const node = producers.get(name);
    const cacheable = node !== undefined && !behind.has(node) && facts.get(name)?.shape?.[0] === batch;
    if (inputs.has(name) || cacheable) cached.add(name);
    else if (node !== undefined && !tailNodes.has(node)) {
      tailNodes.add(node);
      open.push(...namesReadBy(node));
    }
  }
  return { cached: [...cached], tailNodes };
}
