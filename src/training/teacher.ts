/** @file A larger network whose outputs a smaller one learns from: cached once, or computed on every varied batch. */
import { PrunerError } from "../base/problem.ts";
import type { Dataset } from "../datasets/index.ts";
import type { Model, Node } from "../graph/model.ts";
import { liftConstants } from "../passes/lift-constants.ts";
import { openBatch } from "../passes/open-batch.ts";
import { raiseOpset } from "../passes/raise-opset.ts";
import { toFloat32 } from "../passes/to-float32.ts";
import type { Runner } from "../valuation/runner.ts";
import { chooseOutput, outputsOf } from "../valuation/targets.ts";
import type { TrainingGraph } from "./training-graph.ts";

/** The teacher's outputs on every example, shape [examples, ...], as the loss reads them. */
export async function cachedTeacher(
  runner: Runner,
  teacher: Model,
  dataset: Dataset,
  output: string | undefined,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const network = raiseOpset(toFloat32(openBatch(teacher)));
  return outputsOf(runner, runner.share(network), dataset, chooseOutput(network, output), signal);
}

/**
 * Lets the step compute the teacher's outputs itself, on the very images the network is trained on: with augmentation
 * no two epochs see the same ones.
 * @throws {PrunerError} `teacher-mismatch` when inputs or operator sets differ.
 */
export function withTeacher(graph: TrainingGraph, teacher: Model, output: string | undefined): TrainingGraph {
  const place = graph.lossInputs.teacher;
  if (place === undefined) throw new Error("the loss reads no teacher"); // a mistake of the caller
  const network = raiseOpset(toFloat32(liftConstants(openBatch(teacher))));
  const given = new Set(graph.network.graph.inputs.map(({ name }) => name));
  const missing = network.graph.inputs.find(({ name }) => !given.has(name));
  if (missing !== undefined)
    throw new PrunerError("teacher-mismatch", {
      detail: `it reads an input "${missing.name}" that the model does not have`,
    });
  for (const [domain, version] of network.opsets) {
    const own = graph.model.opsets.get(domain);
    if (own !== undefined && own !== version)
      throw new PrunerError("teacher-mismatch", {
        detail: `it uses operator set ${version}, the model ${own}`,
      });
  }
  const answer = chooseOutput(network, output);
  const rename = (name: string): string => (name === "" || given.has(name) ? name : `teacher/${name}`);
  const nodes = network.graph.nodes.map(
    (node): Node => ({
      ...node,
      name: rename(node.name),
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map((name) => (name === answer ? place : rename(name))),
    }),
  );
  const reads = nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (name === rename(answer) ? place : name)),
  }));
  const { graph: step } = graph.model;
  const model: Model = {
    ...graph.model,
    opsets: new Map([...network.opsets, ...graph.model.opsets]),
    graph: {
      ...step,
      nodes: [...reads, ...step.nodes],
      inputs: step.inputs.filter(({ name }) => name !== place),
      initializers: new Map([
        ...step.initializers,
        ...[...network.graph.initializers].map(([name, tensor]) => [rename(name), tensor] as const),
      ]),
    },
  };
  const { teacher: _, ...lossInputs } = graph.lossInputs;
  return { ...graph, model, lossInputs };
}
