/**
 * @file Convolutions with computed weights, on channels in blocks as wide as the processor's vectors.
 *
 * onnxruntime moves to that layout by itself where weights are constants, and only there; in training they are inputs.
 * Blocks there and back included, a convolution takes two thirds of the time.
 */
import { intAttribute, intsAttribute, stringAttribute } from "../graph/attributes.ts";
import { type AttributeInShort, attributesOf, type Emitter, emitterFor } from "../graph/emitter.ts";
import type { Model, Node } from "../graph/model.ts";
import { type Facts, inferFacts } from "../ops/infer.ts";

/** The runtime's own operators for values whose channels lie in blocks. */
export const blockedDomain = "com.microsoft.nchwc";

/** Channels of a convolution that can be blocked. */
interface Channels {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: readonly number[];
}

/**
 * The model with its two-dimensional convolutions blocked, where their weights are computed or fed and whole blocks.
 * @param block Channels in a block; 1 leaves everything as it is.
 */
export function blockConvolutions(model: Model, block: number, facts: Facts = inferFacts(model)): Model {
  if (block === 1) return model;
  const { graph } = model;
  const emit = emitterFor(graph, "blocked/");
  for (const node of graph.nodes) {
    const channels = channelsOf(model, node, facts, block);
    if (channels === undefined) emit.adopt(node);
    else emitBlocked(emit, node, channels, block);
  }
  const initializers = new Map([...graph.initializers, ...emit.initializers]);
  const opsets = new Map([...model.opsets, [blockedDomain, 1]]);
  return { ...model, opsets, graph: { ...graph, nodes: emit.nodes, initializers } };
}

function channelsOf({ graph }: Model, node: Node, facts: Facts, block: number): Channels | undefined {
  if (node.opType !== "Conv" || node.domain !== "") return undefined;
  const [x, w] = node.inputs as [string, string];
  const [input, weights] = [facts.get(x), facts.get(w)];
  const sizes = weights?.shape;
  if (graph.initializers.has(w) || input?.dtype !== "float32" || input.shape?.length !== 4) return undefined;
  if (sizes?.every((size) => typeof size === "number") !== true) return undefined;
  const [outputs, inputs, ...kernel] = sizes as [number, number, ...number[]];
  const isWhole = outputs % block === 0 && inputs % block === 0 && intAttribute(node, "group", 1) === 1;
  return isWhole && stringAttribute(node, "auto_pad", "NOTSET") === "NOTSET"
    ? { inputs, outputs, kernel }
    : undefined;
}

function emitBlocked(emit: Emitter, node: Node, { inputs, outputs, kernel }: Channels, block: number): void {
  const [x, w, ...bias] = node.inputs as [string, string];
  const own = (
    opType: string,
    from: readonly string[],
    attributes: Readonly<Record<string, AttributeInShort>>,
    output = emit.unique(`blocked/${opType}`),
  ): string => {
    emit.adopt({
      name: output,
      opType,
      domain: blockedDomain,
      inputs: from,
      outputs: [output],
      attributes: attributesOf(attributes),
    });
    return output;
  };
  const apart = emit.ints([outputs / block, block, inputs / block, block, ...kernel]);
  const blocks = emit.node("Transpose", [emit.node("Reshape", [w, apart])], { perm: [0, 2, 4, 5, 3, 1] });
  const weights = emit.node("Reshape", [blocks, emit.ints([outputs, inputs, ...kernel])]);
  const blocked = own("Conv", [own("ReorderInput", [x], { channels_last: 0 }), weights, ...bias], {
    kernel_shape: kernel,
    strides: intsAttribute(node, "strides") ?? [1, 1],
    pads: intsAttribute(node, "pads") ?? [0, 0, 0, 0],
    dilations: intsAttribute(node, "dilations") ?? [1, 1],
    group: 1,
  });
  own("ReorderOutput", [blocked], { channels: outputs, channels_last: 0 }, node.outputs[0]);
}
