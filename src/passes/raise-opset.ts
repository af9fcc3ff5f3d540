/** @file Rewrites a model of an older standard operator set so that it means the same in set 18. */
import { PrunerError } from "../base/problem.ts";
import { type Emitter, emitterFor } from "../graph/emitter.ts";
import { type Attribute, type Graph, type Model, type Node, nodeLabel } from "../graph/model.ts";
import { subgraphsOf } from "../graph/traversal.ts";
import { type Facts, inferFacts } from "../ops/infer.ts";
import type { Fact } from "../ops/operator.ts";
import { raiseRules } from "./raise-rules.ts";

/** The operator set that gradient rules and training graphs are written in. */
export const raisedOpset = 18;

/** The oldest set whose semantics the rules know; the reader refuses older files as well. */
const oldest = 9;

interface Draft {
  readonly opset: number;
  readonly emit: Emitter;
  /** Values something reads; outputs nobody reads need no replacement. */
  readonly read: ReadonlySet<string>;
}

/**
 * The same model in operator set 18; models of that set or later come back unchanged. Values keep their names, bodies
 * of If, Loop and Scan are rewritten too, operators of other domains are left alone.
 * @throws {PrunerError} `model-version` for sets before 9, `opset-not-raised` for a use of an operator that set 18
 *   cannot express.
 */
export function raiseOpset(model: Model): Model {
  const opset = model.opsets.get("") ?? raisedOpset;
  if (opset >= raisedOpset) return model;
  if (opset < oldest)
    throw new PrunerError("model-version", { path: "model", what: "opset", found: opset, needed: oldest });
  const everything = flattened(model.graph);
  const draft: Draft = { opset, emit: emitterFor(everything, "raised/"), read: valuesRead(everything) };
  const graph = raisedGraph(draft, model.graph, inferFacts(model));
  // Constants for bodies stand in the main graph as well, where the bodies capture them.
  const initializers = new Map([...model.graph.initializers, ...draft.emit.initializers]);
  return {
    ...model,
    graph: { ...graph, initializers },
    opsets: new Map([...model.opsets, ["", raisedOpset]]),
  };
}

function raisedGraph(draft: Draft, graph: Graph, facts: Facts): Graph {
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const whole = withRaisedBodies(draft, node, facts);
    const before = draft.emit.nodes.length; // what was written for the bodies stands there, not here
    const raised = raisedNode(draft, whole, facts);
    nodes.push(...draft.emit.nodes.slice(before), raised);
  }
  return { ...graph, nodes };
}

function withRaisedBodies(draft: Draft, node: Node, facts: Facts): Node {
  if (subgraphsOf(node).length === 0) return node;
  const attributes = [...node.attributes].map(([name, attribute]): [string, Attribute] => {
    if (attribute.kind === "opaque" && attribute.graphs.some(({ nodes }) => nodes.length > 0))
      throw notRaised(draft, node, `attribute "${name}" is a list of graphs`);
    if (attribute.kind !== "graph") return [name, attribute];
    return [name, { ...attribute, value: bodyOf(draft, attribute.value, facts) }];
  });
  return { ...node, attributes: new Map(attributes) };
}

/** A body by what it declares itself and what is known of the values around it. */
function bodyOf(draft: Draft, body: Graph, outer: Facts): Graph {
  const facts = new Map(outer);
  for (const info of [...body.inputs, ...body.valueInfo.values()]) facts.set(info.name, info);
  for (const [name, { dtype, shape }] of body.initializers) facts.set(name, { dtype, shape });
  return raisedGraph(draft, body, facts);
}

function raisedNode(draft: Draft, node: Node, facts: Facts): Node {
  const rule =
    node.domain === "" && Object.hasOwn(raiseRules, node.opType) ? raiseRules[node.opType] : undefined;
  if (rule === undefined) return node;
  const factOf = (name: string): Fact | undefined => (name === "" ? undefined : (facts.get(name) ?? {}));
  return rule({
    node,
    opset: draft.opset,
    inputs: node.inputs.map(factOf),
    emit: draft.emit,
    isRead: (output) => draft.read.has(node.outputs[output] ?? ""),
    refuse: (reason) => {
      throw notRaised(draft, node, reason);
    },
  });
}

function notRaised({ opset }: Draft, node: Node, reason: string): PrunerError<"opset-not-raised"> {
  return new PrunerError("opset-not-raised", {
    node: nodeLabel(node),
    opType: node.opType,
    from: opset,
    to: raisedOpset,
    reason,
  });
}

/** All graphs as one, so that new names are new everywhere. */
function flattened(graph: Graph): Graph {
  const bodies = graph.nodes.flatMap(subgraphsOf).map(flattened);
  if (bodies.length === 0) return graph;
  return {
    ...graph,
    nodes: [...graph.nodes, ...bodies.flatMap(({ nodes }) => nodes)],
    inputs: [...graph.inputs, ...bodies.flatMap(({ inputs }) => inputs)],
    outputs: [...graph.outputs, ...bodies.flatMap(({ outputs }) => outputs)],
    initializers: new Map([graph, ...bodies].flatMap(({ initializers }) => [...initializers])),
    opaque: new Map([graph, ...bodies].flatMap(({ opaque }) => [...(opaque ?? [])])),
  };
}

function valuesRead({ nodes, outputs }: Graph): Set<string> {
  return new Set([...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ name }) => name)]);
}
