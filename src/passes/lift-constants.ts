/** @file Turns Constant nodes that hold weights into initializers, which is where training looks for weights. */
import type { Model, StoredTensor } from "../graph/model.ts";
import { constantOf } from "../ops/constants/index.ts";
import { isFloat } from "../tensor/dtype.ts";

/**
 * Float tensors with an axis or more become initializers under the name their value had, so readers stay as they are.
 * Numbers without axes, integers, and constants that are outputs of the graph remain nodes. A model without such
 * nodes comes back as it is.
 */
export function liftConstants(model: Model): Model {
  const { graph } = model;
  const isOutput = new Set(graph.outputs.map(({ name }) => name));
  const lifted = new Map<string, StoredTensor>();
  const nodes = graph.nodes.filter((node) => {
    const value = node.opType === "Constant" && node.domain === "" ? constantOf(node) : undefined;
    const name = node.outputs[0]!;
    if (value === undefined || !isFloat(value.dtype) || value.shape.length === 0 || isOutput.has(name))
      return true;
    lifted.set(name, value);
    return false;
  });
  if (lifted.size === 0) return model;
  const valueInfo = new Map([...graph.valueInfo].filter(([name]) => !lifted.has(name)));
  const initializers = new Map([...graph.initializers, ...lifted]);
  return { ...model, graph: { ...graph, nodes, initializers, valueInfo } };
}
