/** @file A slow, clear interpreter of models: the oracle that tests hold everything else against. */
import { PrunerError } from "../../base/problem.ts";
import { type Graph, type Model, type Node, nodeLabel } from "../../graph/model.ts";
import type { Kernel } from "../../ops/kernel.ts";
import { kernels } from "../../ops/kernels.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Engine, Session } from "../engine.ts";

/** A node with what it takes to run it, worked out once per session. */
interface Step {
  readonly node: Node;
  readonly kernel: Kernel;
  readonly opset: number;
  /** Values that nobody reads after this node. */
  readonly done: readonly string[];
}

/**
 * Interprets a model in plain TypeScript on the calling thread; options are ignored.
 * @throws {PrunerError} `kernel-missing` on opening when a node has no kernel; `feed-mismatch` and
 * `kernel-unsupported` on running.
 */
export const referenceEngine: Engine = {
  name: "reference",
  open: async (model) => sessionOf(model),
};

function sessionOf(model: Model): Session {
  const steps = stepsOf(model);
  return {
    run: async (feeds) => interpret(model.graph, steps, feeds),
    close: async () => {},
  };
}

function stepsOf(model: Model): Step[] {
  const { nodes, outputs } = model.graph;
  const lastReader = new Map<string, Node>();
  for (const node of nodes) {
    for (const name of [...node.outputs, ...node.inputs]) lastReader.set(name, node);
  }
  for (const output of outputs) lastReader.delete(output.name);
  return nodes.map((node) => ({
    node,
    kernel: kernelOf(node),
    opset: model.opsets.get(node.domain) ?? 1,
    done: [...new Set([...node.inputs, ...node.outputs])].filter((name) => lastReader.get(name) === node),
  }));
}

function kernelOf(node: Node): Kernel {
  const found = node.domain === "" ? kernels[node.opType] : undefined;
  if (found !== undefined) return found;
  throw new PrunerError("kernel-missing", {
    opType: node.opType,
    domain: node.domain,
    node: nodeLabel(node),
  });
}

function interpret(
  graph: Graph,
  steps: readonly Step[],
  feeds: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const values = new Map<string, Tensor>();
  for (const { name } of graph.inputs) {
    const given = feeds[name];
    if (given === undefined)
      throw new PrunerError("feed-mismatch", { input: name, got: "nothing", expected: "a tensor" });
    values.set(name, given);
  }
  const lookUp = (name: string) => values.get(name) ?? graph.initializers.get(name)?.load();
  for (const { node, kernel, opset, done } of steps) {
    const inputs = node.inputs.map((name) => (name === "" ? undefined : lookUp(name)));
    const results = kernel({ node, inputs, opset });
    node.outputs.forEach((name, position) => {
      const result = results[position];
      if (name !== "" && result !== undefined) values.set(name, result);
    });
    for (const name of done) values.delete(name);
  }
  return Object.fromEntries(graph.outputs.map(({ name }) => [name, outputOf(name, lookUp(name))]));
}

function outputOf(name: string, value: Tensor | undefined): Tensor {
  if (value !== undefined) return value;
  const detail = `output "${name}" was never computed`;
  throw new PrunerError("engine-failed", { doing: "interpreting the model", detail });
}
