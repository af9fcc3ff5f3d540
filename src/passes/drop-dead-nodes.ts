/** @file Removes nodes and initializers that a rewrite has left without readers. */
import type { Graph, Model, Node } from "../graph/model.ts";

/**
 * Drops what nothing reads any more. What was unread already in `before` stays: it was the author's choice.
 * Declared types of values that vanish go with them.
 */
export function dropDeadNodes(model: Model, before: Model): Model {
  const alreadyDead = unreadOf(before.graph);
  const readers = readersOf(model.graph);
  const nodes: Node[] = [];
  for (const node of [...model.graph.nodes].reverse()) {
    const named = node.outputs.filter((name) => name !== "");
    const alive = named.length === 0 || named.some((name) => readers.has(name) || alreadyDead.has(name));
    if (alive) nodes.push(node);
    else for (const name of namesRead(node)) release(readers, name);
  }
  nodes.reverse();
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const initializers = new Map(
    [...model.graph.initializers].filter(([name]) => readers.has(name) || alreadyDead.has(name)),
  );
  const madeBefore = new Set(before.graph.nodes.flatMap((node) => node.outputs));
  const valueInfo = new Map(
    [...model.graph.valueInfo].filter(([name]) => made.has(name) || !madeBefore.has(name)),
  );
  return { ...model, graph: { ...model.graph, nodes, initializers, valueInfo } };
}

/** How often each value is read, by nodes, their bodies, and as an output of the graph. */
function readersOf(graph: Graph): Map<string, number> {
  const readers = new Map<string, number>();
  const add = (name: string) => readers.set(name, (readers.get(name) ?? 0) + 1);
  for (const output of graph.outputs) add(output.name);
  for (const node of graph.nodes) for (const name of namesRead(node)) add(name);
  return readers;
}

function release(readers: Map<string, number>, name: string): void {
  const left = (readers.get(name) ?? 0) - 1;
  if (left > 0) readers.set(name, left);
  else readers.delete(name);
}

function namesRead(node: Node): string[] {
  const names = node.inputs.filter((name) => name !== "");
  for (const attribute of node.attributes.values()) {
    const bodies =
      attribute.kind === "graph" ? [attribute.value] : attribute.kind === "opaque" ? attribute.graphs : [];
    for (const body of bodies) names.push(...readersOf(body).keys());
  }
  return names;
}

function unreadOf(graph: Graph): Set<string> {
  const readers = readersOf(graph);
  const names = [...graph.initializers.keys(), ...graph.nodes.flatMap((node) => node.outputs)];
  return new Set(names.filter((name) => name !== "" && !readers.has(name)));
}
