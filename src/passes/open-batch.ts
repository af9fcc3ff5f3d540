/** @file Opens a batch axis that an export has fixed, so that many rows can travel together. */
import { PrunerError } from "../base/problem.ts";
import type { Model, Node, StoredTensor, ValueInfo } from "../graph/model.ts";
import { stored } from "../graph/model.ts";
import { type Facts, inferFacts } from "../ops/infer.ts";
import { fromNumbers, toNumbers } from "../tensor/tensor.ts";

const batch = "N";

/**
 * The same model with a symbolic first axis on all inputs. A model whose batch is open already comes back as it is.
 * Reshapes that write the old size down copy it from their input instead.
 * @throws {PrunerError} `fixed-batch` when the outputs would not follow the batch.
 */
export function openBatch(model: Model): Model {
  const size = fixedBatch(model);
  if (size === undefined) return model;
  const before = inferFacts(model);
  const initializers = new Map(model.graph.initializers);
  const nodes = model.graph.nodes.map((node) => openReshape(node, size, before, initializers));
  const inputs = model.graph.inputs.map((input) => withBatch(input));
  const outputs = model.graph.outputs.map((output) =>
    output.shape?.[0] === size ? withBatch(output) : output,
  );
  const opened: Model = {
    ...model,
    graph: { ...model.graph, nodes, inputs, outputs, initializers, valueInfo: new Map() },
  };
  checkOpened(opened, outputs, size);
  return opened;
}

function fixedBatch({ graph }: Model): number | undefined {
  const sizes = graph.inputs.map(({ shape }) => shape?.[0]);
  const first = sizes[0];
  return typeof first === "number" && sizes.every((size) => size === first) ? first : undefined;
}

function withBatch(info: ValueInfo): ValueInfo {
  return { ...info, shape: info.shape!.map((dim, axis) => (axis === 0 ? batch : dim)) };
}

function openReshape(node: Node, size: number, facts: Facts, initializers: Map<string, StoredTensor>): Node {
  if (node.opType !== "Reshape" || node.domain !== "") return node;
  const target = facts.get(node.inputs[1] ?? "")?.constant;
  const follows = facts.get(node.inputs[0]!)?.shape?.[0] === size;
  if (target === undefined || !follows || toNumbers(target)[0] !== size) return node;
  const opened = toNumbers(target);
  opened[0] = 0;
  const name = `${node.outputs[0]}_open_shape`;
  initializers.set(name, stored(fromNumbers("int64", target.shape, opened)));
  return { ...node, inputs: [node.inputs[0]!, name] };
}

function checkOpened(opened: Model, outputs: readonly ValueInfo[], size: number): void {
  const undeclared = {
    ...opened,
    graph: { ...opened.graph, outputs: outputs.map(({ name }) => ({ name })) },
  };
  const facts = inferFacts(undeclared);
  for (const { name } of outputs) {
    if (facts.get(name)?.shape?.[0] === batch) continue;
    throw new PrunerError("fixed-batch", { size, detail: `output "${name}" does not follow the batch` });
  }
}
