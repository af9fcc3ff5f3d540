/** @file Applies a plan: weights are cut, sizes rewritten, dead nodes dropped. The result is an ordinary, smaller model. */
import { PrunerError } from "../base/problem.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import { type KeptPositions, keptPositions } from "../channels/kept.ts";
import type { KeepMasks } from "../channels/plan.ts";
import { withAttributes } from "../graph/attributes.ts";
import {
  type Graph,
  type Model,
  type Node,
  type StoredTensor,
  stored,
  type ValueInfo,
} from "../graph/model.ts";
import { operatorOf } from "../ops/index.ts";
import type { SliceCall } from "../ops/operator.ts";
import { dropDeadNodes } from "../passes/drop-dead-nodes.ts";
import { foldSizes } from "../passes/fold-sizes.ts";
import { type Tensor, takeAlong } from "../tensor/tensor.ts";

/**
 * Removes the channels a plan does not keep. Names of values, nodes and weights stay; initializers that become a
 * node's own get a name derived from the old one.
 * @throws {PrunerError} `nothing-removed` when the plan keeps everything.
 */
export function sliceModel(analysis: ChannelAnalysis, masks: KeepMasks): Model {
  const kept = keptPositions(analysis, masks);
  if (kept.size === 0) throw new PrunerError("nothing-removed", {});
  const { model, facts } = foldSizes(analysis.model, analysis.facts);
  const initializers = new Map<string, StoredTensor>();
  for (const [name, tensor] of model.graph.initializers) initializers.set(name, cut(tensor, kept.get(name)));
  const nodes = model.graph.nodes.map((node) =>
    sliceNode({ ...analysis, facts }, node, model, kept, initializers),
  );
  const graph: Graph = { ...model.graph, nodes, initializers, valueInfo: freshValueInfo(model.graph, kept) };
  return dropDeadNodes({ ...model, graph }, analysis.model);
}

function cut(tensor: StoredTensor, kept: ReadonlyMap<number, Int32Array> | undefined): StoredTensor {
  if (kept === undefined) return tensor;
  let value: Tensor = tensor.load();
  for (const [axis, positions] of kept) value = takeAlong(value, axis, positions);
  return stored(value, tensor.origin);
}

function sliceNode(
  analysis: ChannelAnalysis,
  node: Node,
  model: Model,
  kept: KeptPositions,
  initializers: Map<string, StoredTensor>,
): Node {
  const held = analysis.labelling.constants.get(node.outputs[0] ?? "");
  if (node.opType === "Constant" && held !== undefined)
    return sliceConstant(node, cut(held, kept.get(node.outputs[0]!)));
  const operator = operatorOf(node);
  if (operator?.slice === undefined) return node;
  const inputs = [...node.inputs];
  const factOf = (name: string) => (name === "" ? undefined : analysis.facts.get(name));
  const call: SliceCall = {
    node,
    opset: model.opsets.get(node.domain) ?? 1,
    inputs: node.inputs.map(factOf),
    outputs: node.outputs.map(factOf),
    keptOfInput: (input, axis) => kept.get(node.inputs[input] ?? "")?.get(axis),
    keptOfOutput: (output, axis) => kept.get(node.outputs[output] ?? "")?.get(axis),
    constant: (input) => analysis.labelling.constants.get(node.inputs[input] ?? "")?.load(),
    replaceInput(input, value) {
      while (inputs.length <= input) inputs.push("");
      inputs[input] = replacementName(inputs[input]!, node, input, initializers, analysis);
      initializers.set(
        inputs[input]!,
        stored(value, analysis.labelling.constants.get(node.inputs[input] ?? "")?.origin),
      );
    },
  };
  const sliced = operator.slice(call);
  return inputs.every((name, k) => name === sliced.inputs[k]) ? sliced : { ...sliced, inputs };
}

function sliceConstant(node: Node, value: StoredTensor): Node {
  const name = node.attributes.has("value") ? "value" : undefined;
  if (name === undefined) return node;
  const old = node.attributes.get(name);
  return old?.kind === "tensor" && old.value === value
    ? node
    : withAttributes(node, { [name]: { kind: "tensor", value } });
}

/** An initializer nobody else reads keeps its name; otherwise the node gets one of its own. */
function replacementName(
  old: string,
  node: Node,
  input: number,
  initializers: ReadonlyMap<string, StoredTensor>,
  { model }: ChannelAnalysis,
): string {
  const readers = model.graph.nodes.reduce(
    (count, other) => count + other.inputs.filter((name) => name === old).length,
    0,
  );
  if (old !== "" && initializers.has(old) && readers === 1) return old;
  const base = `${node.outputs[0]}_input_${input}`;
  let name = base;
  for (let k = 2; initializers.has(name); k++) name = `${base}_${k}`;
  return name;
}

/** Declared shapes of values whose sizes changed are brought up to date. */
function freshValueInfo(graph: Graph, kept: KeptPositions): ReadonlyMap<string, ValueInfo> {
  return new Map(
    [...graph.valueInfo].map(([name, info]) => {
      const changed = kept.get(name);
      if (changed === undefined || info.shape === undefined) return [name, info];
      return [name, { ...info, shape: info.shape.map((dim, axis) => changed.get(axis)?.length ?? dim) }];
    }),
  );
}
