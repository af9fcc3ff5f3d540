/** @file Which layer of a model a kernel of the runtime belongs to, although its optimizer renames and fuses nodes. */
import { macsByNode } from "../channels/cost.ts";
import type { ChannelAnalysis } from "../channels/groups.ts";
import type { KernelTimes } from "../engine/ort/kernel-times.ts";
import type { Node } from "../graph/model.ts";
import { nodeLabel } from "../graph/model.ts";
import { producersOf } from "../graph/traversal.ts";

/** Kernels with arithmetic of their own: those in whose name a convolution or a product can hide. */
const arithmetic = /conv|gemm|matmul|attention|lstm|gru|rnn|einsum/i;

/** What the runtime's optimizer puts in front of and behind names. */
const added = /^(fused |InsertedPrecisionFreeCast_)+|(_token_\d+|_nchwc)+$/g;

/** Finds the layer of a kernel: the node with arithmetic behind it; undefined for kernels without arithmetic. */
export type LayerOf = (kernel: Pick<KernelTimes, "name" | "opType">) => Node | undefined;

/**
 * A kernel has the name of a node, of what a node makes (with "_nchwc" or a token behind it), or of a node with what it was
 * fused to behind it. A fused kernel can be called after the last of its nodes, so the search goes up from there.
 */
export function layersOf(analysis: ChannelAnalysis): LayerOf {
  const { graph } = analysis.model;
  const macs = macsByNode(analysis);
  const makers = producersOf(graph);
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  byName.delete("");
  const named = [...byName.keys(), ...makers.keys()].sort((a, b) => b.length - a.length);
  const nodeOf = (name: string): Node | undefined => byName.get(name) ?? makers.get(name);
  return ({ name, opType }) => {
    if (!arithmetic.test(opType)) return undefined;
    const bare = name.replace(added, "");
    const prefix = () => named.find((one) => bare.startsWith(one));
    const found = nodeOf(name) ?? nodeOf(bare) ?? nodeOf(prefix() ?? "");
    return found && upToArithmetic(found, makers, (node) => macs.has(node.outputs[0]!));
  };
}

/** The node itself, or the nearest one above it that has arithmetic. */
function upToArithmetic(
  start: Node,
  makers: ReadonlyMap<string, Node>,
  hasArithmetic: (node: Node) => boolean,
): Node | undefined {
  const queue = [start];
  const seen = new Set<Node>();
  for (let at = 0; at < queue.length && at < 16; at++) {
    const node = queue[at]!;
    if (hasArithmetic(node)) return node;
    for (const name of node.inputs) {
      const maker = makers.get(name);
      if (maker === undefined || seen.has(maker)) continue;
      seen.add(maker);
      queue.push(maker);
    }
  }
  return undefined;
}

/** Shape [runs] by layer, milliseconds. Kernels without a layer are put together by operator. */
export function timesByLayer(
  kernels: readonly KernelTimes[],
  layerOf: LayerOf,
): ReadonlyMap<string, { readonly node: Node | undefined; readonly ms: Float64Array }> {
  const layers = new Map<string, { readonly node: Node | undefined; readonly ms: Float64Array }>();
  for (const kernel of kernels) {
    const node = layerOf(kernel);
    const key = node === undefined ? kernel.opType : nodeLabel(node);
    const layer = layers.get(key) ?? { node, ms: new Float64Array(kernel.ms.length) };
    layers.set(key, layer);
    kernel.ms.forEach((ms, run) => {
      layer.ms[run]! += ms;
    });
  }
  return layers;
}
