/** @file Who makes and who reads each value, and walks along those links. Nodes that hold subgraphs also read what those capture. */
import type { Graph, Node } from "./model.ts";

/** The graphs held in the attributes of a node (branches of If, bodies of Loop and Scan). */
export function subgraphsOf(node: Node): Graph[] {
  const found: Graph[] = [];
  for (const attribute of node.attributes.values()) {
    if (attribute.kind === "graph") found.push(attribute.value);
    else if (attribute.kind === "opaque") for (const graph of attribute.graphs) found.push(graph);
  }
  return found;
}

/** Names a graph defines itself: inputs, initializers of both kinds and node outputs. */
export function definedNames(graph: Graph): Set<string> {
  const names = new Set<string>(graph.initializers.keys());
  for (const name of graph.opaque?.keys() ?? []) names.add(name);
  for (const input of graph.inputs) names.add(input.name);
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== "") names.add(output);
  return names;
}

/** Names a subgraph reads from the graphs around it, in order of first use. */
export function capturedNames(graph: Graph): Set<string> {
  const own = definedNames(graph);
  const captured = new Set<string>();
  for (const node of graph.nodes)
    for (const name of namesReadBy(node)) if (!own.has(name)) captured.add(name);
  for (const output of graph.outputs) if (!own.has(output.name)) captured.add(output.name);
  return captured;
}

/** Every value a node reads, captured ones included; omitted inputs left out, repeats kept once. */
export function namesReadBy(node: Node): Set<string> {
  const names = new Set<string>();
  for (const input of node.inputs) if (input !== "") names.add(input);
  for (const subgraph of subgraphsOf(node)) for (const name of capturedNames(subgraph)) names.add(name);
  return names;
}

/** The node that makes each value. Graph inputs and initializers have no entry. */
export function producersOf(graph: Graph): Map<string, Node> {
  const producers = new Map<string, Node>();
  for (const node of graph.nodes)
    for (const output of node.outputs) if (output !== "") producers.set(output, node);
  return producers;
}

/** The nodes that read each value, in graph order and each once. Being a graph output is not a use. */
export function usersOf(graph: Graph): Map<string, Node[]> {
  const users = new Map<string, Node[]>();
  for (const node of graph.nodes) {
    for (const name of namesReadBy(node)) {
      const list = users.get(name);
      if (list === undefined) users.set(name, [node]);
      else list.push(node);
    }
  }
  return users;
}

/** What {@link sortNodes} found. */
export type Sorted =
  | { readonly kind: "sorted"; readonly nodes: readonly Node[] }
  /** Nodes that wait for each other, in a round. */
  | { readonly kind: "cyclic"; readonly nodes: readonly Node[] };

/**
 * Nodes so that each stands after the ones it reads from. A node moves only to get ahead of one that reads from it, and
 * a sorted list comes back as the same array.
 */
export function sortNodes(nodes: readonly Node[]): Sorted {
  const makers = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const output of node.outputs) if (output !== "") makers.set(output, index);
  });
  const needs = nodes.map((node) => [...namesReadBy(node)].flatMap((name) => makers.get(name) ?? []));
  if (needs.every((before, index) => before.every((other) => other < index)))
    return { kind: "sorted", nodes };
  return depthFirstOrder(nodes, needs);
}

/** Post-order walk with an explicit stack: chains of any length are fine. */
function depthFirstOrder(nodes: readonly Node[], needs: readonly (readonly number[])[]): Sorted {
  const state = new Uint8Array(nodes.length); // 0 unseen, 1 on the stack, 2 placed
  const order: Node[] = [];
  for (let root = 0; root < nodes.length; root++) {
    const stack = state[root] === 0 ? [{ index: root, next: 0 }] : [];
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      state[top.index] = 1;
      const before = needs[top.index]![top.next++];
      if (before === undefined) {
        state[top.index] = 2;
        order.push(nodes[top.index]!);
        stack.pop();
      } else if (state[before] === 1) {
        const round = stack.slice(stack.findIndex((frame) => frame.index === before));
        return { kind: "cyclic", nodes: round.map((frame) => nodes[frame.index]!) };
      } else if (state[before] === 0) stack.push({ index: before, next: 0 });
    }
  }
  return { kind: "sorted", nodes: order };
}

/** Every node that is computed from the given values, directly or not. */
export function descendantsOf(graph: Graph, values: Iterable<string>): Set<Node> {
  const users = usersOf(graph);
  const seen = new Set<Node>();
  const open = [...values];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const node of users.get(name) ?? []) {
      if (seen.has(node)) continue;
      seen.add(node);
      open.push(...node.outputs);
    }
  }
  return seen;
}
