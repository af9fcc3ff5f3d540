/** @file The graph checker: one maker per value, every read value made, nodes in order, operator sets imported. */
import { PrunerError } from "../base/problem.ts";
import { type Attribute, type Graph, type Model, type Node, nodeLabel } from "./model.ts";
import { definedNames, namesReadBy, sortNodes, subgraphsOf } from "./traversal.ts";

/**
 * Checks a model, subgraphs included. Nodes that merely stand in the wrong order are sorted; a model that is in order
 * comes back as the same object.
 * @throws {PrunerError} `graph-duplicate-value`, `graph-unknown-value`, `graph-cycle` or `graph-missing-opset`.
 */
export function checkGraph(model: Model): Model {
  const graph = checked(model.graph, model, new Set());
  return graph === model.graph ? model : { ...model, graph };
}

function checked(graph: Graph, model: Model, outer: ReadonlySet<string>): Graph {
  checkUnique(graph);
  const visible = new Set([...outer, ...definedNames(graph)]);
  checkReads(graph, visible);
  for (const node of graph.nodes) {
    if (!model.opsets.has(node.domain))
      throw new PrunerError("graph-missing-opset", { node: nodeLabel(node), domain: node.domain });
  }
  const sorted = sortNodes(graph.nodes);
  if (sorted.kind === "cyclic")
    throw new PrunerError("graph-cycle", {
      graph: graph.name,
      nodes: sorted.nodes.slice(0, 8).map(nodeLabel),
    });
  const nodes = mapped(sorted.nodes, (node) => withCheckedSubgraphs(node, model, visible));
  return nodes === graph.nodes ? graph : { ...graph, nodes };
}

function checkUnique(graph: Graph): void {
  const makers = new Map<string, string>();
  const define = (value: string, maker: string): void => {
    const first = makers.get(value);
    if (first !== undefined)
      throw new PrunerError("graph-duplicate-value", { graph: graph.name, value, first, second: maker });
    makers.set(value, maker);
  };
  for (const name of graph.initializers.keys()) define(name, "an initializer");
  for (const name of graph.opaque?.keys() ?? []) define(name, "an initializer");
  for (const input of graph.inputs) define(input.name, "the inputs");
  for (const node of graph.nodes)
    for (const output of node.outputs) if (output !== "") define(output, `node "${nodeLabel(node)}"`);
}

function checkReads(graph: Graph, visible: ReadonlySet<string>): void {
  const check = (value: string, reader: string): void => {
    if (!visible.has(value))
      throw new PrunerError("graph-unknown-value", { graph: graph.name, value, reader });
  };
  for (const node of graph.nodes)
    for (const name of namesReadBy(node)) check(name, `node "${nodeLabel(node)}"`);
  for (const output of graph.outputs) check(output.name, "the list of outputs");
}

function withCheckedSubgraphs(node: Node, model: Model, visible: ReadonlySet<string>): Node {
  if (subgraphsOf(node).length === 0) return node;
  const entries = mapped([...node.attributes], (entry): readonly [string, Attribute] => {
    const [name, attribute] = entry;
    if (attribute.kind === "opaque") for (const graph of attribute.graphs) checked(graph, model, visible);
    if (attribute.kind !== "graph") return entry;
    const value = checked(attribute.value, model, visible);
    return value === attribute.value ? entry : [name, { ...attribute, value }];
  });
  const changed = entries.some(([name, attribute]) => node.attributes.get(name) !== attribute);
  return changed ? { ...node, attributes: new Map(entries) } : node;
}

/** The mapped list, or the list itself when nothing changed. */
function mapped<T>(items: readonly T[], change: (item: T) => T): readonly T[] {
  const next = items.map(change);
  return next.every((item, index) => item === items[index]) ? items : next;
}
