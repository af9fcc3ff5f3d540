/** @file Cuts a part out of a graph: from some values to some others, with everything in between. */
import type { Model, Node, ValueInfo } from "../graph/model.ts";
import { namesReadBy } from "../graph/traversal.ts";
import type { Facts } from "../ops/infer.ts";

/**
 * The part of the model that computes `outputs` from `inputs`. Values the part needs that are neither among
 * `inputs` nor constants must be graph inputs, which stay inputs.
 * @param inputs Names of values that become graph inputs where something still reads them.
 */
export function extract(
  model: Model,
  facts: Facts,
  inputs: readonly string[],
  outputs: readonly string[],
): Model {
  const { graph } = model;
  const given = new Set(inputs);
  const wanted = new Set(outputs);
  const nodes: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name) && !given.has(name))) continue;
    nodes.push(node);
    for (const name of namesReadBy(node)) wanted.add(name);
  }
  nodes.reverse();
  const open = [...graph.inputs.map(({ name }) => name), ...inputs].filter((name) => wanted.has(name));
  const made = new Set(nodes.flatMap(({ outputs: names }) => names));
  return {
    ...model,
    graph: {
      ...graph,
      nodes,
      inputs: [...new Set(open)]
        .filter((name) => !made.has(name))
        .map((name) => graph.inputs.find((input) => input.name === name) ?? infoOf(facts, name)),
      outputs: outputs.map((name) => infoOf(facts, name)),
      initializers: new Map([...graph.initializers].filter(([name]) => wanted.has(name))),
      valueInfo: new Map(),
    },
  };
}

/** Type of a value for the boundary of a part; sizes that are not plain symbols are left open. */
function infoOf(facts: Facts, name: string): ValueInfo {
  const fact = facts.get(name);
  if (fact?.dtype === undefined) return { name };
  const shape = fact.shape?.map((dim) =>
    typeof dim === "string" && !/^[\p{L}_][\w.]*$/u.test(dim) ? undefined : dim,
  );
  return { name, dtype: fact.dtype, shape };
}
